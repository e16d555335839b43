#include "sniff/recording.h"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "body/line_body.h"
#include "capture/capture_error.h"
#include "cli/failure.h"
#include "text/time.h"

namespace tool {

namespace {

using compactor::capture::Address;
using compactor::capture::ByteSource;
using compactor::capture::CaptureError;
using compactor::capture::ConnectionInfo;
using compactor::capture::Endpoint;
using compactor::capture::ExchangeEvents;
using compactor::capture::Seen;
using compactor::capture::SeenHttp;
using compactor::capture::SeenRecord;
using compactor::capture::SeenTls;
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

bool has_body(const Json& line) {
  return line.contains("body") || line.contains("body_text") || line.contains("body_base64") ||
         line.contains("body_hex");
}

/// The body keys of the request, without that word.
Json request_of(const Json& line) {
  constexpr std::string_view prefix = "request_";
  Json request = Json::object();
  for (const auto& [key, value] : line.items()) {
    if (key.starts_with("request_body")) request[key.substr(prefix.size())] = value;
  }
  return request;
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
    if (bad_at_first_ > 0) refuse();
    return false;
  }
  if (found->empty()) return true;
  try {
    if (too_long_) throw bad("it is too long");
    tell(*found, events);
    begun_ = true;
    if (std::exchange(bad_at_first_, 0) > 0) trouble_ = first_trouble_;
  } catch (const Failure& failure) {
    trouble_ = name_ + ": line " + std::to_string(number_) + ": " + failure.what();
    if (!begun_) hold_back_trouble();
  }
  return true;
}

/// A recording may begin in the middle of a line; a file of which no line is one of ours is none.
void Recording::hold_back_trouble() {
  constexpr std::uint64_t enough = 16;
  if (bad_at_first_++ == 0) first_trouble_ = trouble_;
  trouble_.clear();
  if (bad_at_first_ == enough) refuse();
}

void Recording::refuse() const {
  throw CaptureError(CaptureError::Kind::file,
                     name_ +
                         ": not a capture: it begins as JSON does, but no line at its "
                         "beginning is one that sniff --json prints");
}

void Recording::tell(std::string_view text, ExchangeEvents& events) {
  const Json line = parse_line(text);
  const auto type = text_of_line(line, "type");
  if (is_made_anew(type)) return;
  if (type == "message") return tell_message(line, events);
  if (type == "answer") return tell_answer(line, events);
  if (type == "gap") return tell_gap(line, events);
  if (type == "tls") return tell_tls(line, events);
  if (type == "http") return tell_http(line, events);
  if (type == "http_event") return tell_event(line, events);
  ++others_;
}

void Recording::tell_answer(const Json& line, ExchangeEvents& events) {
  const Key key{number_of(line, "conn"), number_of(line, "seq")};
  time_ = time_of(line);
  // Of what a filter has left out, the answer is of no interest either.
  if (unanswered_told_.erase(key) == 0) return;
  events.on_answer({time_, key.first, key.second, status_of(line).value_or(0),
                    latency_of(line).value_or(std::chrono::nanoseconds{0})});
}

/// One that was told. Its answer may follow.
void Recording::expect_answer(const Seen& seen, bool wanted) {
  constexpr std::size_t most = 100'000;
  const Key key{seen.connection.number, seen.seq};
  unanswered_told_.erase(key);
  if (!wanted || seen.status) return;
  if (unanswered_told_.size() == most) unanswered_told_.erase(unanswered_told_.begin());
  unanswered_told_.insert(key);
}

void Recording::tell_gap(const Json& line, ExchangeEvents& events) {
  ConnectionInfo connection{number_of(line, "conn"), end_of(line, "src", "src"),
                            end_of(line, "dst", "dst"), Side::a};
  time_ = time_of(line);
  if (text_of_line(line, "direction") == "response") connection.client = Side::b;
  if (text_of_line(line, "direction") == "unknown") connection.client = std::nullopt;
  events.on_gap({time_, connection, Side::a, number_of(line, "bytes")});
}

void Recording::tell_tls(const Json& line, ExchangeEvents& events) {
  const ConnectionInfo connection{number_of(line, "conn"), end_of(line, "src", "src"),
                                  end_of(line, "dst", "dst"), Side::a};
  time_ = time_of(line);
  const auto version = text_of_line(line, "version");
  const auto server_name = text_of_line(line, "server_name");
  const auto cipher = text_of_line(line, "cipher");
  const auto reason = text_of_line(line, "reason");
  SeenTls tls{time_, connection, Side::a, version, server_name, cipher, number_of(line, "bytes")};
  if (line.contains("opened")) tls.opened = is_set(line, "opened");
  tls.reason = reason;
  events.on_tls(tls);
}

void Recording::tell_message(const Json& line, ExchangeEvents& events) {
  const ConnectionInfo connection{number_of(line, "conn"), end_of(line, "src", "from"),
                                  end_of(line, "dst", "to"), Side::a};
  time_ = time_of(line);
  ++messages_;
  const auto seen = seen_of(line, connection);
  if (!seen.status) ++unanswered_;
  const auto from = text_of_line(line, "from");
  const auto to = text_of_line(line, "to");
  const auto id = to.substr(0, to.rfind('@'));
  const auto name = text_of_line(line, "name");
  if (!events.wants(from, id, connection.b, name)) return expect_answer(seen, false);
  const auto body = has_body(line) ? body_of_line(line, name, types_) : std::string();
  const bool wanted =
      events.on_message({seen, from, id, name, body, number_of(line, "size"),
                         text_of_line(line, "trouble"), is_set(line, "wrong_sender_address")});
  expect_answer(seen, wanted);
}

/// The time is known, and both ends.
Seen Recording::seen_of(const Json& line, const ConnectionInfo& connection) const {
  return {time_,
          connection,
          Side::a,
          number_of(line, "seq"),
          is_set(line, "partial"),
          status_of(line),
          latency_of(line),
          is_set(line, "uncertain"),
          unanswered_of(text_of_line(line, "unanswered"))};
}

/// Of plain HTTP, where JSON may be what came, or be made of protobuf.
std::string Recording::http_body(const Json& line, const std::string& content_type) {
  if (!has_body(line)) return {};
  const bool protobuf = content_type.find("protobuf") != std::string::npos;
  if (line.contains("body") && !protobuf) return line["body"].dump();
  return body_of_line(line, text_of_line(line, "body_type"), types_);
}

void Recording::tell_http(const Json& line, ExchangeEvents& events) {
  const ConnectionInfo connection{number_of(line, "conn"), end_of(line, "src", "src"),
                                  end_of(line, "dst", "dst"), Side::a};
  time_ = time_of(line);
  ++http_;
  const auto client = text_of_line(line, "client");
  const auto stream_id = text_of_line(line, "stream_id");
  const auto request_type = text_of_line(line, "request_type");
  const auto response_type = text_of_line(line, "response_type");
  const auto method = text_of_line(line, "method");
  const auto url = text_of_line(line, "url");
  const auto request_body = http_body(request_of(line), request_type);
  const auto response_body = http_body(line, response_type);
  SeenHttp http{seen_of(line, connection)};
  http.method = method;
  http.url = url;
  http.headers = {client == text_of_line(line, "src") ? std::string_view() : client, stream_id,
                  request_type};
  http.request_size = number_of(line, "request_size");
  if (!line.value("response_size", Json()).is_null())
    http.response_size = number_of(line, "response_size");
  http.request_body = request_body;
  http.request_cut = is_set(line, "request_body_cut");
  http.response_body = response_body;
  http.response_cut = is_set(line, "body_cut");
  http.response_type = response_type;
  expect_answer(http, events.on_http(http));
}

void Recording::tell_event(const Json& line, ExchangeEvents& events) {
  // It goes from the server to who asked.
  const ConnectionInfo connection{number_of(line, "conn"), end_of(line, "dst", "dst"),
                                  end_of(line, "src", "src"), Side::a};
  time_ = time_of(line);
  const auto client = text_of_line(line, "client");
  const auto url = text_of_line(line, "url");
  const auto stream_id = text_of_line(line, "stream_id");
  const auto type = text_of_line(line, "content_type");
  const auto body = http_body(line, type);
  SeenRecord record{seen_of(line, connection)};
  record.url = url;
  record.headers = {
      client == text_of_line(line, "dst") ? std::string_view() : client, stream_id, {}};
  record.type = type;
  record.stream_id = stream_id;
  record.number = number_of(line, "event");
  record.record = body;
  events.on_record(record);
}

}  // namespace tool
