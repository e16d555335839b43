#include "sniff/sniff_printer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "body/v1_body.h"

namespace tool {

using compactor::capture::Close;
using compactor::capture::ConnectionInfo;
using compactor::capture::ConnectionReport;
using compactor::capture::Endpoint;
using compactor::capture::Seen;
using compactor::capture::SeenAnswer;
using compactor::capture::SeenGap;
using compactor::capture::SeenHttp;
using compactor::capture::SeenMessage;
using compactor::capture::SeenRecord;
using compactor::capture::Side;
using compactor::capture::Unanswered;

namespace {

constexpr std::size_t most_rows = 1000;

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

void SniffStatistics::Row::add(std::size_t size, std::optional<int> status,
                               std::optional<std::chrono::nanoseconds> after) {
  smallest = messages == 0 ? size : std::min<std::uint64_t>(smallest, size);
  largest = std::max<std::uint64_t>(largest, size);
  ++messages;
  bytes += size;
  ++outcomes[status.value_or(0)];
  if (after) latency->add(*after);
}

void SniffStatistics::add(std::string_view from, std::string_view to, std::string_view name,
                          std::size_t size, std::optional<int> status,
                          std::optional<std::chrono::nanoseconds> latency, WallTime time) {
  if (all_.empty()) first_ = time;
  first_ = std::min(first_, time);
  last_ = std::max(last_, time);
  row(all_, "all", {}).add(size, status, latency);
  row(by_name_, name, {}).add(size, status, latency);
  row(by_pair_, from, to).add(size, status, latency);
}

SniffStatistics::Row& SniffStatistics::row(Rows& rows, std::string_view first,
                                           std::string_view second) {
  Key key{first, second};
  auto found = rows.find(key);
  if (found != rows.end()) return found->second;
  if (rows.size() >= most_rows) key = {"(others)", ""};
  return rows[key];
}

void SniffStatistics::print(Console& console) const {
  print(console, "all", all_);
  print(console, "name", by_name_);
  print(console, "pair", by_pair_);
}

void SniffStatistics::print(Console& console, std::string_view table, const Rows& rows) const {
  std::vector<const Rows::value_type*> sorted;
  for (const auto& each : rows) sorted.push_back(&each);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return a->second.messages > b->second.messages;
  });
  auto seconds = std::chrono::duration<double>(last_ - first_).count();
  bool heading = true;
  for (const auto* each : sorted) {
    const auto& row = each->second;
    StatisticsRow event;
    event.table = table;
    event.first = each->first.first;
    event.second = each->first.second;
    event.messages = row.messages;
    event.bytes = row.bytes;
    event.smallest = row.smallest;
    event.largest = row.largest;
    event.per_second = seconds > 0 ? static_cast<double>(row.messages) / seconds : 0;
    event.outcomes = &row.outcomes;
    event.latency = row.latency.get();
    event.heading = std::exchange(heading, false);
    console.print(event);
  }
}

SniffPrinter::SniffPrinter(Console& console, PrinterOptions options, std::function<void()> done)
    : console_(console),
      options_(std::move(options)),
      hints_(options_.filter),
      done_(std::move(done)) {}

bool SniffPrinter::wants(std::string_view from, std::string_view id, const Endpoint& to,
                         std::string_view name) {
  if (!options_.filter.any()) return true;
  to_.assign(id).append("@").append(to.str());
  if (shown_ == 0) hints_.saw(from, to_, name);
  return options_.filter.accepts_head(from, to_, name);
}

bool SniffPrinter::accepts_body(const SeenMessage& message) {
  if (options_.filter.fields.empty()) return true;
  const auto body = document_of(options_.types, message.name, message.body);
  if (shown_ == 0) hints_.saw_body(body ? &*body : nullptr);
  return options_.filter.accepts_body(body);
}

bool SniffPrinter::accepts_http(const HttpSubject& subject,
                                std::initializer_list<std::string_view> bodies) {
  const auto& filter = options_.filter;
  if (!filter.any()) return true;
  const auto name = subject.kind.empty() ? std::string(subject.url.substr(0, subject.url.find('?')))
                                         : subject.type + '/' + subject.kind;
  if (shown_ == 0) hints_.saw(subject.from, subject.to, name);
  if (!filter.accepts_http(subject)) return false;
  if (filter.fields.empty()) return true;
  return std::any_of(bodies.begin(), bodies.end(), [&](std::string_view body) {
    return filter.accepts_body(api_document(options_.types, subject.type, body));
  });
}

void SniffPrinter::print_hints() const {
  if (shown_ != 0) return;
  for (const auto& hint : hints_.hints()) console_.note(hint);
}

bool SniffPrinter::on_message(const SeenMessage& message) {
  if (over_ || !is_in_window(message.time) || !accepts_body(message)) return false;
  const auto& ends = this->ends(message);
  to_.assign(message.id).append("@").append(ends.destination);
  SeenMessageEvent event;
  event.time = message.time;
  event.from = message.from;
  event.to = to_;
  event.name = message.name;
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
    count({std::string(message.from), to_, std::string(message.name), message.size, message.status,
           message.latency, message.time});
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

bool SniffPrinter::on_http(const SeenHttp& http) {
  if (over_ || !is_in_window(http.time)) return false;
  const auto& ends = this->ends(http);
  HttpSubject subject{.from = ends.source, .to = ends.destination, .url = http.url};
  subject.type = call_type(http.url);
  subject.kind = kind_of(options_.types, subject.type, http.request_body);
  if (!accepts_http(subject, {http.request_body, http.response_body})) return false;
  SeenHttpEvent event;
  event.time = http.time;
  event.source = ends.source;
  event.destination = ends.destination;
  event.method = http.method;
  event.url = http.url;
  event.call = subject.kind;
  event.status = http.status;
  event.unanswered = word_of(http.unanswered);
  event.latency = http.latency;
  event.request_size = http.request_size;
  event.response_size = http.response_size;
  event.response_type = http.response_type;
  event.response_body = http.response_body;
  event.connection = http.connection.number;
  event.seq = http.seq;
  print(event, true);
  return true;
}

void SniffPrinter::on_record(const SeenRecord& record) {
  if (over_ || !is_in_window(record.time)) return;
  const auto& ends = this->ends(record);
  HttpSubject subject{
      .from = ends.destination, .to = ends.source, .url = record.url, .event = true};
  subject.type = event_type(record.url);
  subject.kind = kind_of(options_.types, subject.type, record.record);
  if (!accepts_http(subject, {record.record})) return;
  HttpStreamEvent event;
  event.time = record.time;
  event.source = subject.from;
  event.destination = subject.to;
  event.url = record.url;
  event.kind = subject.kind;
  event.content_type = record.type;
  event.name = subject.type;
  event.body = record.record;
  event.connection = record.connection.number;
  event.seq = record.seq;
  event.number = record.number;
  event.partial = record.partial;
  print(event, true);
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
void SniffPrinter::on_tls(const ConnectionInfo& connection, Side sender) {
  if (over_ || std::exchange(told_of_tls_, true)) return;
  console_.note(connection.endpoint(sender).str() + " → " +
                connection.endpoint(other(sender)).str() +
                " speaks TLS, which cannot be read: its bytes are passed over");
}

const SniffPrinter::Ends& SniffPrinter::ends(const Seen& seen) {
  auto& known = ends_[seen.connection.number % ends_.size()];
  if (known.connection != seen.connection.number)
    known = {seen.connection.number, seen.source().str(), seen.destination().str()};
  return known;
}

/// With the line that is printed next.
void SniffPrinter::count(Sample sample) {
  if (options_.in_time_order) {
    samples_.emplace(last_tag_ + 1, std::move(sample));
    return;
  }
  statistics_.add(sample.from, sample.to, sample.name, sample.size, sample.status, sample.latency,
                  sample.time);
}

void SniffPrinter::print_lines(std::string_view text, std::span<const TimeOrder::Line> lines) {
  std::size_t shown = 0;
  for (const auto& line : lines) {
    if (over_) break;
    shown += line.size;
    count_line(line.tag);
  }
  if (shown > 0) console_.print_raw(text.substr(0, shown));
}

/// Those that are tagged count.
void SniffPrinter::count_line(std::uint64_t tag) {
  if (tag == 0) return;
  if (const auto sample = samples_.extract(tag)) {
    const Sample& s = sample.mapped();
    statistics_.add(s.from, s.to, s.name, s.size, s.status, s.latency, s.time);
  }
  count_shown();
}

void SniffPrinter::release(WallTime before) {
  order_.release(before);
}

void SniffPrinter::release_all() {
  order_.release_all();
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
