#include "output/message_text.h"

#include <algorithm>
#include <utility>

#include "body/encoding.h"
#include "body/v1_body.h"
#include "cli/values.h"
#include "output/colours.h"
#include "output/connection_text.h"
#include "trace/role.h"
#include "trace/stories.h"

namespace tool {

namespace {

using namespace colours;

constexpr std::size_t least_phrase = 14;  // columns that it has at least
constexpr std::size_t least_marks = 20;   // … and what is wrong with its body

/// A latency is slow when it is so many times the mean of its kind, of so many before it, and this
/// long at least.
constexpr double slow_factor = 10;
constexpr std::uint64_t enough_to_compare = 20;
constexpr double slow_us = 10'000;
constexpr std::size_t most_kinds = 4096;
constexpr std::size_t longest_kind = 256;

/// Of what a peer may make as long as it likes, and which has no short name.
constexpr std::size_t longest_shown = 40;

double micros_of(std::chrono::nanoseconds duration) {
  return static_cast<double>(duration.count()) / 1e3;
}

/// sender_closed -> sender closed
std::string plain_words(std::string_view text) {
  std::string words(text);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

/// The columns of what has gone out since `begin`, without the codes of colours.
std::size_t columns_since(const std::string& out, std::size_t begin) {
  std::size_t columns = 0;
  for (std::size_t at = begin; at < out.size(); ++at) {
    if (out[at] == '\x1b') {
      at = out.find('m', at);
      if (at == std::string::npos) break;
    } else if ((out[at] & '\xc0') != '\x80') {
      ++columns;
    }
  }
  return columns;
}

}  // namespace

MessageText::MessageText(const LineStyle& style, const BodyView& bodies)
    : style_(style),
      bodies_(bodies),
      opening_(style.time, style.dates, style.colour),
      names_(style.naming) {}

void MessageText::append_legend(std::string& out, const NamesInLine& names) {
  names_.append_legend(out, names, style_.colour);
}

void MessageText::paint(std::string& out, std::string_view colour, std::string_view text) const {
  const bool on = style_.colour && !colour.empty() && !text.empty();
  if (on) out += colour;
  out += text;
  if (on) out += plain;
}

void MessageText::begin(std::string& out, WallTime time, const NamesInLine& names) {
  names_in_line_ = names;
  if (!leaves_out_) {
    append_legend(out, names);
    opening_.append(out, time);
  }
  begin_ = out.size();
}

std::string MessageText::shown(std::uint32_t number, std::string_view pid) const {
  if (number != 0) return names_.name(number);
  return style_.whole ? terminal_escaped(pid) : fitted(terminal_escaped(pid), longest_shown);
}

void MessageText::begin_between(std::string& out, WallTime time, std::string_view from,
                                std::string_view to) {
  const NamesInLine names{names_.number_of(from), names_.number_of(to)};
  begin(out, time, names);
  out += shown(names[0], from);
  out += " → ";
  out += shown(names[1], to);
  out += "  ";
}

void MessageText::add(Tail& tail, std::string_view colour, std::string_view text) const {
  tail.width += 2 + width_of(text);
  tail.text += "  ";
  paint(tail.text, colour, text);
}

bool MessageText::is_slow(std::string_view kind, std::chrono::nanoseconds latency) {
  if (kind.size() > longest_kind) return false;
  if (usual_.size() >= most_kinds) usual_.clear();
  Usual& usual = usual_[std::string(kind)];
  const double us = micros_of(latency);
  const bool slow =
      usual.count >= enough_to_compare && us > slow_us && us > slow_factor * usual.mean_us;
  ++usual.count;
  usual.mean_us += (us - usual.mean_us) / static_cast<double>(usual.count);
  return slow;
}

void MessageText::add_answer(Tail& tail, std::string_view kind, std::optional<int> status,
                             std::optional<std::chrono::nanoseconds> latency, bool uncertain,
                             std::string_view unanswered) {
  if (!status) {
    const std::string why = unanswered.empty() ? "" : ": " + plain_words(unanswered);
    return add(tail, yellow, (uncertain ? "answer unknown" : "no answer") + why);
  }
  if (*status / 100 != 2) add(tail, red, std::to_string(*status));
  if (!latency) return;
  const bool slow = is_slow(kind, *latency);
  add(tail, slow ? yellow : "", human_duration(micros_of(*latency)) + (slow ? " slow" : ""));
}

std::string MessageText::shortened(const std::string& says) const {
  if (style_.whole) return says;
  constexpr std::string_view package = "mesos.internal.";
  return with_short_ids(
      std::string_view(says).substr(says.starts_with(package) ? package.size() : 0));
}

void MessageText::finish(std::string& out, std::string_view says, const Tail& tail) {
  const auto taken = opening_.width() + columns_since(out, begin_) + tail.width;
  const auto room = style_.columns - std::min(style_.columns, taken);
  const auto phrase = std::min(width_of(says), least_phrase);
  const auto marks = style_.whole
                         ? tail.marks
                         : fitted(tail.marks, std::max(room - std::min(room, phrase), least_marks));
  const auto left = room - std::min(room, width_of(marks));
  paint(out, cyan, style_.whole ? std::string(says) : fitted(says, std::max(left, least_phrase)));
  paint(out, yellow, marks);
  out += tail.text;
}

void MessageText::append(std::string& out, const MessageEvent& event) {
  begin_between(out, event.time, event.from, event.to);
  const auto says = bodies_.says(event.name, event.body);
  Tail tail;
  tail.marks += says.marks;
  finish(out, shortened(says.text), tail);
  const auto taken = opening_.width() + columns_since(out, begin_) + 2;
  if (says.known && taken < style_.columns) {
    const auto body = bodies_.short_body(event.name, event.body, style_.columns - taken);
    if (!body.empty()) out.append("  ").append(body);
  }
  bodies_.append_below(out, event.name, event.body);
  out += '\n';
}

void MessageText::append(std::string& out, const SeenMessageEvent& event) {
  begin_between(out, event.time, event.from.empty() ? event.source : event.from, event.to);
  const auto says = bodies_.says(event.name, event.body, event.size, event.partial);
  Tail tail;
  if (event.partial) add(tail, yellow, "partial, " + human_size(static_cast<double>(event.size)));
  if (!event.trouble.empty()) tail.marks += "  " + terminal_escaped(event.trouble);
  tail.marks += says.marks;
  add_answer(tail, event.name, event.status, event.latency, event.uncertain, event.unanswered);
  finish(out, shortened(says.text), tail);
  bodies_.append_below(out, event.name, event.body);
  out += '\n';
}

void MessageText::append(std::string& out, const SeenAnswerEvent& event) {
  begin(out, event.time, {});
  out += "answer to request " + std::to_string(event.seq) + " of connection " +
         std::to_string(event.connection) + ": ";
  paint(out, event.status / 100 == 2 ? green : red, std::to_string(event.status));
  out += " in " + human_duration(micros_of(event.latency)) + '\n';
}

void MessageText::append(std::string& out, const GapEvent& event) {
  begin(out, event.time, {});
  out.append(event.source).append(" → ").append(event.destination).append("  ");
  paint(out, red, "gap: " + counted(event.bytes, "byte") + " not captured");
  out += '\n';
}

void MessageText::append(std::string& out, const ConnectionEvent& event) {
  begin(out, event.time, {});
  out.append(event.source).append(" → ").append(event.destination).append("  #");
  out += std::to_string(event.connection) + ' ';
  const bool bad = event.state == "refused" || event.state == "reset";
  paint(out, bad ? red : cyan, terminal_escaped(connection_state(event)));
  append_connection_details(out, event);
  out += '\n';
}

/// The reason is worth a second line.
void MessageText::append(std::string& out, const TlsEvent& event) {
  begin(out, event.time, {});
  out.append(event.source).append(" → ").append(event.destination).append("  #");
  out += std::to_string(event.connection) + ' ';
  paint(out, cyan, terminal_escaped(tls_version(event)));
  constexpr std::size_t indent = 4;
  append_wrapped(out, tls_details(event), style_.columns,
                 opening_.width() + columns_since(out, begin_), indent);
  out += '\n';
}

/// Whose connection it is, as far as it says, in the words of the stories.
std::string MessageText::shown_client(const HttpClient& client, std::string_view address) const {
  using compactor::trace::Stories;
  if (!client.executor_id.empty()) return "executor " + terminal_escaped(client.executor_id);
  if (!client.framework_id.empty())
    return "framework " + terminal_escaped(Stories::short_id(client.framework_id));
  if (client.name == address) return terminal_escaped(address);
  constexpr std::size_t longest = 16;
  const auto product = client.name.substr(0, client.name.find_first_of("/ "));
  return fitted(terminal_escaped(product), longest) + '@' + terminal_escaped(address);
}

std::string MessageText::shown_server(std::string_view url, std::string_view address) {
  auto pid = std::string(server_id(url)).append("@").append(address);
  const bool known = compactor::trace::role_of(pid) != compactor::trace::Role::unknown;
  // What else is known to be there: an agent and a master each have an address of their own.
  for (const std::string_view id : {"master", "slave(1)"}) {
    if (known) break;
    pid = std::string(id).append("@").append(address);
    if (names_.has(pid)) break;
    pid.clear();
  }
  if (pid.empty()) return terminal_escaped(address);
  const auto number = names_.number_of(pid);
  names_in_line_[1] = number;
  return shown(number, pid);
}

void MessageText::append_api_body(std::string& out, std::string_view type, std::string_view bytes,
                                  bool cut) const {
  bodies_.append_api_below(out, type, bytes);
  if (cut && bodies_.shows_below())
    out += "  (cut: only the first " + human_size(static_cast<double>(bytes.size())) + " are kept)";
}

void MessageText::append(std::string& out, const SeenHttpEvent& event) {
  names_in_line_ = {};
  const auto server = shown_server(event.url, event.destination);
  begin(out, event.time, names_in_line_);
  out += shown_client(event.client, event.source) + " → " + server + "  ";
  const auto said = bodies_.api_says(event.request_message, event.request_body);
  std::string says = said.text;
  if (says.empty() || style_.whole) {
    const auto request = terminal_escaped(event.method) + ' ' + terminal_escaped(event.url);
    says = says.empty() && event.call.empty() ? request
           : says.empty()                     ? request + "  " + terminal_escaped(event.call)
                                              : says + "  " + request;
  }
  Tail tail;
  tail.marks += said.marks;
  if (event.request_size != 0 && said.text.empty())
    add(tail, "", "sent " + human_size(static_cast<double>(event.request_size)));
  add_answer(tail, event.call.empty() ? event.url : event.call, event.status, event.latency,
             event.uncertain, event.unanswered);
  if (event.response_size.value_or(0) != 0) {
    add(tail, "", human_size(static_cast<double>(*event.response_size)));
  } else if (!event.response_size && event.status) {
    add(tail, "", "a stream");
  }
  finish(out, shortened(says), tail);
  append_api_body(out, event.request_message, event.request_body, event.request_cut);
  append_api_body(out, event.response_message, event.response_body, event.response_cut);
  out += '\n';
}

void MessageText::append(std::string& out, const HttpStreamEvent& event) {
  names_in_line_ = {};
  const auto server = shown_server(event.url, event.source);
  std::swap(names_in_line_[0], names_in_line_[1]);
  begin(out, event.time, names_in_line_);
  out += server + " → " + shown_client(event.client, event.destination) + "  ";
  const auto said = bodies_.api_says(event.name, event.body);
  std::string says = said.text;
  if (says.empty()) {
    says = event.url.empty() ? "event of an unknown stream: " : "";
    says += "Event " +
            (event.kind.empty() ? std::to_string(event.number) : terminal_escaped(event.kind));
    says += "  " + human_size(static_cast<double>(event.body.size()));
    if (event.kind.empty()) bodies_.append_api_text(says, event.name, event.body);
  }
  if (style_.whole && !event.url.empty()) says += "  of " + terminal_escaped(event.url);
  Tail tail;
  tail.marks += said.marks;
  if (event.partial) add(tail, yellow, "(others before it may be lost)");
  finish(out, shortened(says), tail);
  bodies_.append_api_below(out, event.name, event.body);
  out += '\n';
}

}  // namespace tool
