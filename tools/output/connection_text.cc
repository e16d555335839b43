#include "output/connection_text.h"

#include "body/encoding.h"
#include "cli/values.h"
#include "output/line_text.h"

namespace tool {

std::string connection_state(const ConnectionEvent& event) {
  std::string words(event.state);
  if (event.state == "open") words = "still open";
  if (event.state == "replaced") words = "replaced by a new one";
  if (event.state == "evicted") words = "given up for want of room";
  const bool ended = event.state == "closed" || event.state == "reset";
  if (ended && !event.by.empty()) words += " by " + std::string(event.by);
  return words;
}

void append_connection_details(std::string& out, const ConnectionEvent& event) {
  if (event.duration)
    out += " after " + human_duration(static_cast<double>(event.duration->count()) / 1e3);
  if (event.midstream) out += ", met in the middle";
  if (event.messages != 0) out += ", " + counted(event.messages, "message");
  if (event.bytes != 0) out += ", " + human_size(static_cast<double>(event.bytes));
  if (!event.tls.empty()) out += ", " + std::string(event.tls);
  if (!event.wrong_sender) return;
  out += ", from another address than it says: ";
  append_terminal_escaped(out, event.from);
}

std::string tls_version(const TlsEvent& event) {
  return event.version.empty() ? "TLS" : std::string(event.version);
}

std::string tls_details(const TlsEvent& event) {
  constexpr std::size_t longest_name = 64;
  std::string out;
  if (!event.cipher.empty()) out += ' ' + terminal_escaped(event.cipher);
  if (!event.server_name.empty())
    out += ", for " + fitted(terminal_escaped(event.server_name), longest_name);
  out += ", " + human_size(static_cast<double>(event.bytes));
  if (event.opened) out += *event.opened ? ", opened" : ", not opened";
  if (!event.reason.empty())
    out += (event.opened.value_or(false) ? " in part: " : ": ") + terminal_escaped(event.reason);
  return out;
}

}  // namespace tool
