#include "sniff/sniff_printer.h"

#include <algorithm>
#include <utility>

#include "cli/values.h"
#include "sniff/tls_event.h"

namespace tool {

using compactor::capture::Close;
using compactor::capture::ConnectionInfo;
using compactor::capture::ConnectionReport;
using compactor::capture::Endpoint;
using compactor::capture::HttpHeaders;
using compactor::capture::Seen;
using compactor::capture::SeenAnswer;
using compactor::capture::SeenGap;
using compactor::capture::SeenHttp;
using compactor::capture::SeenMessage;
using compactor::capture::SeenRecord;
using compactor::capture::SeenTls;
using compactor::capture::Side;
using compactor::capture::Unanswered;

namespace {

/// Of a framework or an executor: what is longer is nobody's, and is not kept.
constexpr std::size_t longest_id = 256;

std::string_view word_of(Unanswered why) {
  switch (why) {
    case Unanswered::sender_closed:
      return "sender_closed";
    case Unanswered::sender_reset:
      return "sender_reset";
    case Unanswered::receiver_closed:
      return "receiver_closed";
    case Unanswered::receiver_reset:
      return "receiver_reset";
    case Unanswered::unknown:
      break;
  }
  return {};
}

std::string_view state_of(const ConnectionReport& report) {
  if (!report.ending) return "opened";
  switch (report.ending->how) {
    case Close::finished:
      return "closed";
    case Close::reset:
      return "reset";
    case Close::refused:
      return "refused";
    case Close::replaced:
      return "replaced";
    case Close::evicted:
      return "evicted";
    case Close::ended:
      break;
  }
  const bool silent = !report.opened && report.bytes == 0;
  return silent ? "unanswered" : "open";
}

}  // namespace

SniffPrinter::SniffPrinter(Console& console, PrinterOptions options, std::function<void()> done)
    : console_(console),
      options_(std::move(options)),
      hints_(options_.filter),
      done_(std::move(done)),
      lines_(console, options_.legend_first) {
  if (options_.in_time_order) console.leave_openings_out();
}

bool SniffPrinter::wants(std::string_view from, std::string_view id, const Endpoint& to,
                         std::string_view name) {
  if (!options_.filter.any()) return true;
  to_.assign(id).append("@").append(to.str());
  if (shown_ == 0) hints_.saw(from, to_, name);
  return options_.filter.accepts_head(from, to_, name);
}

/// Only where it makes a difference.
std::string SniffPrinter::kind_of(const SeenMessage& message) {
  const bool needed = options_.statistics || options_.diagram != nullptr ||
                      options_.filter.asks_for_kind(message.name);
  if (!needed || !has_kinds(message.name)) return {};
  return kind_of_message(options_.types, std::string(message.name), message.body);
}

bool SniffPrinter::accepts(const SeenMessage& message, const std::string& kind) {
  const auto& filter = options_.filter;
  if (!filter.any()) return true;
  if (shown_ == 0 && !kind.empty()) hints_.saw_kind(message.name, kind);
  if (!filter.accepts_kind(message.name, kind)) return false;
  if (shown_ == 0) hints_.saw_answer(message.status, message.latency);
  if (!filter.accepts_answer(message.status, message.latency)) return false;
  if (filter.fields.empty()) return true;
  const auto body = document_of(options_.types, message.name, message.body);
  if (shown_ == 0 && !body)
    hints_.saw_closed_body(message.name, !options_.types->type_of(message.name).empty());
  return accepts_one({body}, shown_ == 0);
}

/// Of the bodies of one message.
bool SniffPrinter::accepts_one(const std::vector<std::optional<BodyDocument>>& bodies,
                               bool watched) {
  bool accepted = false;
  bool too_long = false;
  for (const auto& body : bodies) {
    const auto found = options_.filter.judge_body(body);
    if (body && watched) hints_.saw_body(*body, found);
    accepted = accepted || found.accepted;
    too_long = too_long || found.too_long;
  }
  if (!accepted && too_long) ++too_long_;
  return accepted;
}

bool SniffPrinter::accepts_http(
    const HttpSubject& subject, const Seen* answer,
    const std::function<std::vector<std::optional<BodyDocument>>()>& documents) {
  const auto& filter = options_.filter;
  if (!filter.any()) return true;
  const bool watched = shown_ == 0 && options_.http;
  if (watched) hints_.saw(subject);
  if (!filter.accepts_http(subject)) return false;
  if (watched && answer == nullptr) hints_.saw_event();
  if (watched && answer != nullptr) hints_.saw_answer(answer->status, answer->latency);
  const bool answered = answer != nullptr ? filter.accepts_answer(answer->status, answer->latency)
                                          : !filter.by_answer();
  if (!answered) return false;
  if (filter.fields.empty()) return true;
  const auto bodies = documents();
  const bool none =
      std::none_of(bodies.begin(), bodies.end(), [](const auto& body) { return body.has_value(); });
  if (watched && none) hints_.saw_closed_body({}, false);
  return accepts_one(bodies, watched);
}

void SniffPrinter::print_hints(const std::vector<std::string>& by_types) const {
  if (too_long_ != 0)
    console_.warning(counted(too_long_, "message") +
                     " not searched to the end by the regular expression of --match, which would "
                     "have taken too long, and counted as no match: one with fewer + * {n} takes "
                     "less");
  if (shown_ != 0) return;
  const auto hints = hints_.hints();
  for (const auto& hint : hints) console_.note(hint);
  // What the types say is left out where what passed has said the same.
  for (const auto& hint : by_types) {
    const auto meant = hint.substr(std::min(hint.find("did you mean"), hint.size()));
    const bool said = std::any_of(hints.begin(), hints.end(), [&](const std::string& other) {
      return !meant.empty() && other.find(meant) != std::string::npos;
    });
    if (!said) console_.note(hint);
  }
}

bool SniffPrinter::on_message(const SeenMessage& message) {
  if (over_ || !is_in_window(message.time)) return false;
  next_message();
  const auto kind = kind_of(message);
  if (!accepts(message, kind)) return false;
  const auto& ends = this->ends(message);
  to_.assign(message.id).append("@").append(ends.destination);
  SeenMessageEvent event;
  event.time = message.time;
  event.from = message.from;
  event.to = to_;
  event.name = message.name;
  event.kind = kind;
  event.body = message.body;
  event.size = message.size;
  event.source = ends.source;
  event.destination = ends.destination;
  event.status = message.status;
  event.latency = message.latency;
  event.connection = message.connection.number;
  event.seq = message.seq;
  event.partial = message.partial;
  event.uncertain = message.uncertain;
  event.trouble = message.trouble;
  event.unanswered = word_of(message.unanswered);
  event.wrong_sender = message.wrong_sender;
  if (message.wrong_sender) note_wrong_sender(message.from, ends.source);
  if (options_.statistics)
    count(Sample{.from = std::string(message.from),
                 .to = to_,
                 .name = std::string(message.name),
                 .kind = kind,
                 .size = message.size,
                 .status = message.status,
                 .latency = message.latency,
                 .time = message.time});
  draw(event);
  print(event, true);
  return true;
}

void SniffPrinter::on_answer(const SeenAnswer& answer) {
  if (over_) return;
  const SeenAnswerEvent event{answer.time, answer.connection, answer.seq, answer.status,
                              answer.latency};
  draw(event);
  print(event, false);
}

void SniffPrinter::on_gap(const SeenGap& gap) {
  if (over_ || !is_in_window(gap.time)) return;
  auto source = gap.connection.endpoint(gap.sender).str();
  auto destination = gap.connection.endpoint(other(gap.sender)).str();
  GapEvent event;
  event.time = gap.time;
  event.connection = gap.connection.number;
  event.direction = !gap.connection.client                ? "unknown"
                    : gap.connection.client == gap.sender ? "request"
                                                          : "response";
  event.source = source;
  event.destination = destination;
  event.bytes = gap.bytes;
  draw(event);
  print(event, false);
}

void SniffPrinter::next_message() {
  if (options_.types != nullptr) options_.types->next_message();
}

/// The calls on a connection say whose it is, and so does its first event.
SniffPrinter::Talk& SniffPrinter::talk(std::uint64_t connection, const ApiBody& body) {
  auto& known = talks_[connection % talks_.size()];
  if (known.connection != connection) known = {connection};
  const auto learn = [](std::string& id, const std::string& said) {
    if (!said.empty() && said.size() <= longest_id) id = said;
  };
  learn(known.framework_id, body.framework_id);
  learn(known.executor_id, body.executor_id);
  return known;
}

HttpClient SniffPrinter::client_of(const Talk& talk, const HttpHeaders& headers,
                                   std::string_view source, std::string_view stream_id) {
  return {headers.user_agent.empty() ? source : headers.user_agent, talk.framework_id,
          talk.executor_id, headers.stream_id.empty() ? stream_id : headers.stream_id};
}

HttpEnd SniffPrinter::end_of(const HttpClient& client, std::string_view source) {
  HttpEnd end{.address = source};
  for (const auto id : {client.name, client.framework_id, client.executor_id}) {
    if (!id.empty() && id != source) end.ids.push_back(id);
  }
  return end;
}

HttpEnd SniffPrinter::server_of(std::string_view url, std::string_view destination) {
  HttpEnd end{.address = destination};
  if (const auto id = server_id(url); !id.empty()) end.ids.push_back(id);
  return end;
}

bool SniffPrinter::on_http(const SeenHttp& http) {
  if (over_ || !is_in_window(http.time)) return false;
  next_message();
  const auto& ends = this->ends(http);
  const auto call =
      read_api_body(options_.types, call_type(http.url), http.request_body, http.request_cut);
  const auto client = client_of(talk(http.connection.number, call), http.headers, ends.source,
                                http.response_stream_id);
  const auto answer_type =
      is_api_type(http.response_type) ? response_type(http.url) : std::string();
  const HttpSubject subject{.from = end_of(client, ends.source),
                            .to = server_of(http.url, ends.destination),
                            .url = http.url,
                            .type = call.type,
                            .kind = call.kind};
  const auto documents = [&] {
    const auto of = [&](const std::string& type, std::string_view body, bool cut) {
      return cut ? std::nullopt : api_document(options_.types, type, body);
    };
    return std::vector{of(call.type, first_record(http.request_body), http.request_cut),
                       of(answer_type, http.response_body, http.response_cut)};
  };
  if (!accepts_http(subject, &http, documents)) return false;
  SeenHttpEvent event;
  event.time = http.time;
  event.source = ends.source;
  event.destination = ends.destination;
  event.method = http.method;
  event.url = http.url;
  event.call = call.kind;
  event.client = client;
  event.request_type = http.headers.type;
  if (!http.request_cut) event.request_message = call.type;
  if (!call.type.empty()) {
    event.request_body = first_record(http.request_body);
    event.request_cut = http.request_cut;
  }
  event.status = http.status;
  event.uncertain = http.uncertain;
  event.unanswered = word_of(http.unanswered);
  event.latency = http.latency;
  event.request_size = http.request_size;
  event.response_size = http.response_size;
  event.response_type = http.response_type;
  if (!http.response_cut) event.response_message = answer_type;
  event.response_body = http.response_body;
  event.response_cut = http.response_cut;
  event.connection = http.connection.number;
  event.seq = http.seq;
  return show(event);
}

/// Without --http it only counts.
template <class Event>
bool SniffPrinter::show(const Event& event) {
  count(event);
  if (!options_.http) return false;
  draw(event);
  print(event, true);
  return true;
}

void SniffPrinter::on_record(const SeenRecord& record) {
  if (over_ || !is_in_window(record.time)) return;
  next_message();
  const auto& ends = this->ends(record);
  const auto said = read_api_body(options_.types, event_type(record.url), record.record);
  const auto client = client_of(talk(record.connection.number, said), record.headers, ends.source,
                                record.stream_id);
  const HttpSubject subject{.from = server_of(record.url, ends.destination),
                            .to = end_of(client, ends.source),
                            .url = record.url,
                            .type = said.type,
                            .kind = said.kind};
  if (!accepts_http(subject, nullptr, [&] {
        return std::vector{api_document(options_.types, said.type, record.record)};
      }))
    return;
  HttpStreamEvent event;
  event.time = record.time;
  event.source = ends.destination;
  event.destination = ends.source;
  event.url = record.url;
  event.kind = said.kind;
  event.client = client;
  event.content_type = record.type;
  event.name = said.type;
  event.body = record.record;
  event.connection = record.connection.number;
  event.seq = record.seq;
  event.number = record.number;
  event.partial = record.partial;
  show(event);
}

void SniffPrinter::on_connection(const ConnectionReport& report) {
  if (over_ || !options_.connections || !is_in_window(report.time)) return;
  const auto& connection = report.connection;
  const auto client = connection.client.value_or(Side::a);
  const auto source = connection.endpoint(client).str();
  const auto destination = connection.endpoint(other(client)).str();
  ConnectionEvent event;
  event.time = report.time;
  event.connection = connection.number;
  event.state = state_of(report);
  event.source = source;
  event.destination = destination;
  event.from = report.sender;
  event.wrong_sender = report.wrong_sender;
  event.tls = report.tls;
  if (report.ending) {
    if (report.ending->by) event.by = *report.ending->by == client ? source : destination;
    event.duration = report.time - report.began;
    event.messages = report.messages;
    event.bytes = report.bytes;
    event.midstream = !report.opened && event.state != "refused" && event.state != "unanswered";
  }
  print(event, false);
}

/// Once: it may be the reason why replies do not come, or quite all right.
void SniffPrinter::note_wrong_sender(std::string_view from, std::string_view source) {
  if (std::exchange(told_of_sender_, true)) return;
  console_.note("a message of " + std::string(from) + " comes from " + std::string(source) +
                ": replies go to the former; behind NAT or a proxy that is normal");
}

/// Once: who waits for messages shall know why none come.
void SniffPrinter::on_tls_begin(const ConnectionInfo& connection, Side sender) {
  if (over_ || options_.has_keys || std::exchange(told_of_tls_, true)) return;
  console_.note(connection.endpoint(sender).str() + " → " +
                connection.endpoint(other(sender)).str() +
                " speaks TLS, which cannot be read without a key (--tls-keylog, --tls-key)");
}

void SniffPrinter::on_tls(const SeenTls& tls) {
  if (over_ || !is_in_window(tls.time)) return;
  const auto client = tls.connection.endpoint(tls.client).str();
  const auto server = tls.connection.endpoint(other(tls.client)).str();
  print(tls_event(tls, client, server), false);
}

const SniffPrinter::Ends& SniffPrinter::ends(const Seen& seen) {
  auto& known = ends_[seen.connection.number % ends_.size()];
  if (known.connection != seen.connection.number)
    known = {seen.connection.number, seen.source().str(), seen.destination().str()};
  return known;
}

/// With the line that is printed next, if it is.
void SniffPrinter::count(Sample sample) {
  const bool printed = sample.what == Sample::What::message || options_.http;
  if (options_.in_time_order && printed) {
    samples_.emplace(last_tag_ + 1, std::move(sample));
  } else {
    statistics_.add(sample);
  }
}

void SniffPrinter::count(const SeenHttpEvent& event) {
  if (!options_.statistics) return;
  const auto client = event.client.name == event.source
                          ? event.source.substr(0, event.source.rfind(':'))
                          : event.client.name;
  count(Sample{.what = Sample::What::request,
               .from = std::string(client),
               .name = std::string(event.method) + ' ' + endpoint_of(event.url),
               .kind = std::string(event.call),
               .size = event.request_size + event.response_size.value_or(0),
               .status = event.status,
               .latency = event.latency,
               .time = event.time});
}

void SniffPrinter::count(const HttpStreamEvent& event) {
  if (!options_.statistics) return;
  const auto client = event.client.name == event.destination
                          ? event.destination.substr(0, event.destination.rfind(':'))
                          : event.client.name;
  count(Sample{.what = Sample::What::event,
               .from = std::string(client),
               .name = endpoint_of(event.url),
               .kind = std::string(event.kind),
               .size = event.body.size(),
               .time = event.time});
}

void SniffPrinter::print_lines(std::string_view text, std::span<const TimeOrder::Line> lines) {
  for (const auto& line : lines) {
    if (over_) break;
    lines_.add(text.substr(0, line.size), line.time, line.names);
    text.remove_prefix(line.size);
    count_line(line.tag);
  }
  lines_.print(over_);
}

/// Those that are tagged count.
void SniffPrinter::count_line(std::uint64_t tag) {
  if (tag == 0) return;
  if (const auto sample = samples_.extract(tag)) statistics_.add(sample.mapped());
  count_shown();
}

void SniffPrinter::release(WallTime before) {
  order_.release(before);
}

void SniffPrinter::release_all() {
  order_.release_all();
  lines_.print(true);
}

bool SniffPrinter::is_in_window(WallTime time) {
  options_.window.begin(time);
  return options_.window.has(time);
}

void SniffPrinter::count_shown() {
  ++shown_;
  if (options_.limit == 0 || shown_ < options_.limit) return;
  over_ = true;
  done_();
}

}  // namespace tool
