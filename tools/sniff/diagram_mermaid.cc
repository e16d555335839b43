#include <cctype>
#include <string>
#include <string_view>

#include "sniff/diagram.h"

namespace tool {

namespace {

constexpr std::string_view plain_in_mermaid = " ._-/()@,";

/// Everything that Mermaid could take for syntax is written by its number: ; ends a line, # begins
/// a comment, %%{ a directive, < a tag.
std::string mermaid_escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = byte >= 0x80 || std::isalnum(byte) != 0 ||
                 plain_in_mermaid.find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : '#' + std::to_string(byte) + ';';
  }
  return out;
}

/// The colon of a port may stay, as nothing that is escaped comes behind it.
std::string address_escaped(std::string_view address) {
  auto colon = address.rfind(':');
  bool has_port = colon != std::string_view::npos &&
                  address.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  if (!has_port) return mermaid_escaped(address);
  return mermaid_escaped(address.substr(0, colon)) + std::string(address.substr(colon));
}

std::string participant(std::size_t number) {
  return 'p' + std::to_string(number + 1);
}

std::string note(std::size_t from, std::size_t to, std::string_view text) {
  auto over = from == to ? participant(from) : participant(from) + ',' + participant(to);
  return "    Note over " + over + ": " + mermaid_escaped(text) + '\n';
}

std::string_view mermaid_arrow(DiagramStep::Kind kind) {
  if (kind == DiagramStep::Kind::failed) return "-x";
  return kind == DiagramStep::Kind::unanswered ? "--x" : "->>";
}

std::string mermaid_step(const DiagramStep& step) {
  if (step.kind == DiagramStep::Kind::gap) return note(step.from, step.to, step.label);
  return "    " + participant(step.from) + std::string(mermaid_arrow(step.kind)) +
         participant(step.to) + ": " + mermaid_escaped(step.label) + '\n';
}

}  // namespace

std::string as_mermaid(const DiagramPicture& picture) {
  auto processes = picture.processes;
  if (processes.empty()) processes.push_back({"", "no message seen", ""});  // notes need somebody
  std::string out = "sequenceDiagram\n";
  for (std::size_t i = 0; i < processes.size(); ++i) {
    out += "    participant " + participant(i) + " as " + mermaid_escaped(processes[i].id);
    if (!processes[i].address.empty()) out += "<br/>" + address_escaped(processes[i].address);
    out += '\n';
  }
  for (const auto& step : picture.steps) out += mermaid_step(step);
  if (picture.not_drawn != 0) {
    auto rest = "and " + std::to_string(picture.not_drawn) + " more not drawn";
    out += note(0, processes.size() - 1, rest);
  }
  return out;
}

}  // namespace tool
