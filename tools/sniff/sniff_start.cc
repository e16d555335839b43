#include "sniff/sniff_start.h"

#include <pwd.h>
#include <unistd.h>

namespace tool {

namespace {

std::string list_of(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

}  // namespace

std::string as_whom(bool was_root) {
  const auto user = ::geteuid();
  const passwd* entry = ::getpwuid(user);
  const auto name = entry != nullptr ? std::string(entry->pw_name) : std::to_string(user);
  return "as " + name + (was_root && user != 0 ? ", no longer root (-Z)" : "");
}

std::string captured_from(const std::string& interface, const std::vector<std::string>& ports,
                          const std::vector<std::string>& filter) {
  auto text = interface == "any" ? std::string("all interfaces") : interface;
  if (!ports.empty()) text += (ports.size() == 1 ? ", port " : ", ports ") + list_of(ports, ", ");
  if (!filter.empty()) text += ", filter " + list_of(filter, " ");
  return text;
}

}  // namespace tool
