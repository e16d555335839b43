#include "sniff/recording.h"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "body/line_body.h"
#include "cli/failure.h"
#include "text/time.h"

namespace tool {

namespace {

using compactor::capture::Address;
using compactor::capture::ByteSource;
using compactor::capture::ConnectionInfo;
using compactor::capture::Endpoint;
using compactor::capture::ExchangeEvents;
using compactor::capture::Seen;
using compactor::capture::SeenAnswer;
using compactor::capture::SeenGap;
using compactor::capture::SeenMessage;
using compactor::capture::Side;
using compactor::capture::Time;
using compactor::capture::Unanswered;
using Json = nlohmann::ordered_json;

Failure bad(const std::string& what) {
  return {Exit::local, "file", what};
}

Time time_of(const Json& line) {
  const auto time = compactor::text::parse_time(text_of_line(line, "time"));
  if (!time) throw bad("it has no time");
  return Time(*time);
}

std::uint64_t number_of(const Json& line, const char* key) {
  const auto found = line.find(key);
  if (found == line.end() || found->is_null()) return 0;
  if (!found->is_number_unsigned()) throw bad(std::string(key) + " is not a number");
  return found->get<std::uint64_t>();
}

std::optional<int> status_of(const Json& line) {
  const auto status = number_of(line, "status");
  if (status == 0) return std::nullopt;
  return static_cast<int>(std::min<std::uint64_t>(status, 999));
}

std::optional<std::chrono::nanoseconds> latency_of(const Json& line) {
  const auto found = line.find("latency_us");
  if (found == line.end() || !found->is_number()) return std::nullopt;
  return std::chrono::nanoseconds(std::llround(found->get<double>() * 1000));
}

bool is_set(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_boolean() && found->get<bool>();
}

/// `10.0.0.5:5050`, `[fe80::1]:5050`; of a PID what is after the `@`.
Endpoint endpoint_of(std::string text) {
  text.erase(0, text.rfind('@') + 1);  // npos + 1 is 0
  const auto colon = text.rfind(':');
  Endpoint endpoint;
  if (colon == std::string::npos) throw bad("\"" + text + "\" is not ADDRESS:PORT");
  const char* end = text.data() + text.size();
  const auto port = std::from_chars(text.data() + colon + 1, end, endpoint.port);
  std::string host = text.substr(0, colon);
  const bool is_v6 = host.starts_with('[') && host.ends_with(']');
  if (is_v6) host = host.substr(1, host.size() - 2);
  std::uint8_t bytes[16];
  if (port.ptr != end || port.ec != std::errc() ||
      ::inet_pton(is_v6 ? AF_INET6 : AF_INET, host.c_str(), bytes) != 1)
    throw bad("\"" + text + "\" is not ADDRESS:PORT");
  endpoint.address = is_v6 ? Address::v6(bytes) : Address::v4(bytes);
  return endpoint;
}

/// Of the line's own keys, or of the PIDs where an older version had none.
Endpoint end_of(const Json& line, const char* key, const char* pid_key) {
  const auto text = text_of_line(line, key);
  return endpoint_of(text.empty() ? text_of_line(line, pid_key) : text);
}

Unanswered unanswered_of(const std::string& word) {
  if (word == "sender_closed") return Unanswered::sender_closed;
  if (word == "sender_reset") return Unanswered::sender_reset;
  if (word == "receiver_closed") return Unanswered::receiver_closed;
  return word == "receiver_reset" ? Unanswered::receiver_reset : Unanswered::unknown;
}

/// Whether what is in none of the lines that are told is no loss: it is made anew.
bool is_made_anew(const std::string& type) {
  static const std::set<std::string> all{"summary", "capture", "statistics", "note", "warning"};
  return all.contains(type);
}

}  // namespace

Recording::Recording(ByteSource bytes, std::string name, TypeCodec* types)
    : bytes_(std::move(bytes)), name_(std::move(name)), types_(types) {}

std::optional<std::string_view> Recording::line() {
  constexpr std::size_t at_once = 64 << 10;
  for (;;) {
    std::string_view found;
    const auto what = lines_.next(found);
    if (what != LineSplitter::Found::nothing) {
      ++number_;
      too_long_ = what == LineSplitter::Found::too_long;
      return found;
    }
    if (ended_) return std::nullopt;
    const auto bytes = bytes_.peek(1);
    const auto piece = bytes.substr(0, at_once);
    lines_.add(piece);
    bytes_.consume(piece.size());
    if (!piece.empty()) continue;
    ended_ = true;
    lines_.end();
  }
}

bool Recording::next(ExchangeEvents& events) {
  trouble_.clear();
  const auto found = line();
  if (!found) {
    if (!bytes_.trouble().empty()) trouble_ = name_ + ": " + bytes_.trouble();
    return false;
  }
  if (found->empty()) return true;
  try {
    if (too_long_) throw bad("it is too long");
    tell(*found, events);
  } catch (const Failure& failure) {
    trouble_ = name_ + ": line " + std::to_string(number_) + ": " + failure.what();
  }
  return true;
}

void Recording::tell(std::string_view text, ExchangeEvents& events) {
  const Json line = parse_line(text);
  const auto type = text_of_line(line, "type");
  if (is_made_anew(type)) return;
  if (type == "answer") {
    time_ = time_of(line);
    events.on_answer({time_, number_of(line, "conn"), number_of(line, "seq"),
                      status_of(line).value_or(0),
                      latency_of(line).value_or(std::chrono::nanoseconds{0})});
    return;
  }
  if (type != "message" && type != "gap") {
    ++others_;
    return;
  }
  const bool is_gap = type == "gap";
  ConnectionInfo connection{number_of(line, "conn"), end_of(line, "src", is_gap ? "src" : "from"),
                            end_of(line, "dst", is_gap ? "dst" : "to"), Side::a};
  time_ = time_of(line);
  if (is_gap) {
    if (text_of_line(line, "direction") == "response") connection.client = Side::b;
    if (text_of_line(line, "direction") == "unknown") connection.client = std::nullopt;
    events.on_gap({time_, connection, Side::a, number_of(line, "bytes")});
    return;
  }
  ++messages_;
  const auto status = status_of(line);
  if (!status) ++unanswered_;
  const auto from = text_of_line(line, "from");
  const auto to = text_of_line(line, "to");
  const auto id = to.substr(0, to.rfind('@'));
  const auto name = text_of_line(line, "name");
  if (!events.wants(from, id, connection.b, name)) return;
  const Seen seen{time_,
                  connection,
                  Side::a,
                  number_of(line, "seq"),
                  is_set(line, "partial"),
                  status,
                  latency_of(line),
                  is_set(line, "uncertain"),
                  unanswered_of(text_of_line(line, "unanswered"))};
  const bool without = !line.contains("body") && !line.contains("body_text") &&
                       !line.contains("body_base64") && !line.contains("body_hex");
  const auto body = without ? std::string() : body_of_line(line, name, types_);
  events.on_message({seen, from, id, name, body, number_of(line, "size"),
                     text_of_line(line, "trouble"), is_set(line, "wrong_sender_address")});
}

}  // namespace tool
