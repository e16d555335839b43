#include "capture/exchange.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "capture/fifo.h"
#include "capture/http_stream.h"
#include "capture/pending.h"
#include "capture/pipeline.h"
#include "capture/response_body.h"
#include "wire/message.h"

namespace compactor::capture {
namespace {

constexpr std::size_t kSpareBuffers = 256;
constexpr std::size_t kSpareBufferSize = std::size_t{4} << 10;
/// Silence after which what looks like a message, and is followed by nothing, is taken for one.
constexpr std::chrono::milliseconds kSettle{200};

// What fits into a hole. `GET / HTTP/1.1`, `HTTP/1.1 204`, and an empty line.
constexpr std::uint64_t kShortestRequest = 16;
constexpr std::uint64_t kShortestAnswer = 14;

// What Asked::seq can hold.
constexpr std::uint64_t kSeqMask = (std::uint64_t{1} << 60) - 1;

bool is_interim(int status) {
  return status / 100 == 1 && status != 101;
}

bool is_record_stream(std::string_view url) {
  const std::string_view path = url.substr(0, url.find('?'));
  const std::size_t at = path.find("/api/v1");
  if (at == std::string_view::npos) return false;
  const std::string_view rest = path.substr(at + std::string_view("/api/v1").size());
  return rest.empty() || rest.front() == '/';
}

bool is_chunked(const wire::HttpMessage& head) {
  const std::string_view* coding = head.header("Transfer-Encoding");
  return coding != nullptr && coding->ends_with("chunked");
}

}  // namespace

/// One connection: two streams, and the pairing of what is in them.
class Exchange final : public StreamReader, private HttpStreamEvents {
 public:
  Exchange(ExchangeTracker& tracker, const ConnectionInfo& connection)
      : tracker_(tracker),
        connection_(connection),
        streams_{HttpStream(*this, tracker.options_.max_body),
                 HttpStream(*this, tracker.options_.max_body)},
        pipeline_(connection.client ? Range{} : Range{0, Pipeline::kUnbounded}) {
    if (!connection.client) return;
    stream(*connection.client).start(wire::Kind::request);
    stream(other(*connection.client)).start(wire::Kind::response);
  }
  ~Exchange() override {
    tracker_.waiting_.erase(connection_.number);
    tracker_.unfinished_ -= unfinished_[0] + unfinished_[1];
    tracker_.requests_ -= pipeline_.requests();
    tracker_.answers_ -= answers_.size();
    for (const Request& request : untold_) tracker_.held_ -= request.text.size();
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void on_data(Side sender, std::string_view bytes, const Stamp& stamp) override;
  void on_gap(Side sender, std::uint64_t bytes, Time time) override;
  void on_end(Side sender, Time time) override;
  void on_close(Close how, Time time) override;

  /// Time has passed. False when it makes no difference any longer.
  bool on_time(Time now);

 private:
  HttpStream& stream(Side side) { return streams_[index(side)]; }
  Side client() const { return connection_.client.value_or(Side::a); }
  bool is_server(Side side) const { return connection_.client == other(side); }
  ExchangeLedger& ledger() { return tracker_.ledger_; }
  const ExchangeOptions& options() const { return tracker_.options_; }
  void account_unfinished(Side side);
  void wait_for_time() { tracker_.waiting_.try_emplace(connection_.number, this); }

  void on_request(const wire::HttpMessage& request, const Place& place) override;
  void on_response(const wire::HttpMessage& response, const Place& place) override;
  void on_passed_over(std::uint64_t bytes) override { ledger().passed_over_bytes += bytes; }
  void on_kind(const HttpStream& stream, wire::Kind kind) override;
  bool answers_head() override;
  bool wants_head() override;
  bool on_head(const wire::HttpMessage& head, Time begin_time) override;
  void on_body(std::string_view piece) override;
  void on_missing(std::uint64_t bytes) override;

  Request new_request(const wire::HttpMessage& http, const Place& place);
  void read_message(Request& request, const wire::HttpMessage& http, const wire::MessageHead& head,
                    std::uint64_t bytes);
  void read_http(Request& request, const wire::HttpMessage& http, std::uint64_t bytes);
  Range answers_unseen(const Place& place) const;

  const Asked* answered() const;
  const Asked& oldest() const { return told_.empty() ? untold_.front().asked : told_.front(); }
  void match();
  void pair();
  void pop_request();
  void lose_request(bool uncertain);
  void lose_answer();
  void keep_bounds();

  Seen seen(const Asked& asked, const Answer* answer) const;
  Seen seen(const Request& request, const Answer* answer) const;
  void tell(Request& request, const Answer* answer, bool uncertain = false);
  void tell_http(const Request& request, const Answer* answer, const Seen& seen);
  void tell_record(std::string_view record);
  bool tell_older_than(Time latest);
  void settle_told();
  void release(Request& request);

  ExchangeTracker& tracker_;
  ConnectionInfo connection_;
  std::array<HttpStream, 2> streams_;
  std::array<std::size_t, 2> unfinished_{};
  Pipeline pipeline_;
  Fifo<Asked> told_;      // the oldest requests, of which no more is needed
  Fifo<Request> untold_;  // the others
  Fifo<Answer> answers_;  // not yet paired
  std::optional<ResponseBody> body_;
  Time body_began_;
  std::uint64_t body_of_ = 0;  // the seq of the request that body_ answers
  std::uint64_t records_ = 0;
  std::uint64_t next_seq_ = 1;
  std::size_t waiting_ = 0;           // messages in untold_ that have not been told
  bool interim_is_possible_ = false;  // a request said Expect
  Time last_data_{};
};

// The streams.

void Exchange::on_data(Side sender, std::string_view bytes, const Stamp& stamp) {
  last_data_ = stamp.time;
  stream(other(sender)).settle(stamp.acked);
  stream(sender).feed(bytes, stamp);
  if (stream(sender).is_waiting()) wait_for_time();
  account_unfinished(sender);
}

void Exchange::on_gap(Side sender, std::uint64_t bytes, Time time) {
  last_data_ = time;
  stream(sender).gap(bytes);
  account_unfinished(sender);
  ledger().gap_bytes += bytes;
  ++ledger().gaps;
  tracker_.events_.on_gap({time, connection_, sender, bytes});
}

void Exchange::on_end(Side sender, Time /*time*/) {
  stream(sender).finish();
  account_unfinished(sender);
}

void Exchange::on_close(Close how, Time time) {
  // What the client said is needed to understand what the server did. This may still show who it
  // is.
  const Side first = client();
  stream(first).finish();
  stream(other(first)).finish();
  pipeline_.on_silence(time,
                       how == Close::ended ? Pipeline::kImprobableAtEnd : Pipeline::kImprobable);
  match();
  while (pipeline_.requests() > 0) {
    const bool certain = pipeline_.is_exact();
    pipeline_.forget_request();
    lose_request(!certain);
  }
}

void Exchange::on_kind(const HttpStream& found, wire::Kind kind) {
  const Side side = &found == &streams_[0] ? Side::a : Side::b;
  const bool is_request = kind == wire::Kind::request;
  connection_.client = is_request ? side : other(side);
  stream(other(side)).set_kind(is_request ? wire::Kind::response : wire::Kind::request);
}

void Exchange::account_unfinished(Side side) {
  std::size_t& known = unfinished_[index(side)];
  const auto update = [&] {
    std::size_t held = stream(side).memory();
    if (body_ && is_server(side)) held += body_->memory();
    tracker_.unfinished_ = tracker_.unfinished_ - known + held;
    known = held;
  };
  update();
  if (tracker_.unfinished_ <= options().unfinished_bytes) return;
  ++ledger().abandoned;
  stream(side).drop_body();
  if (body_ && is_server(side)) body_->skip(0);
  update();
}

bool Exchange::on_time(Time now) {
  if (now - last_data_ >= kSettle) {
    for (HttpStream& each : streams_) each.settle(std::numeric_limits<std::uint64_t>::max());
  }
  pipeline_.on_silence(now);
  match();
  return tell_older_than(now - options().answer_wait) || streams_[0].is_waiting() ||
         streams_[1].is_waiting();
}

// Requests.

void Exchange::on_request(const wire::HttpMessage& http, const Place& place) {
  if (http.header("Expect") != nullptr) interim_is_possible_ = true;
  untold_.push_back(new_request(http, place));
  ++tracker_.requests_;
  tracker_.held_ += untold_.back().text.size();
  const auto unseen = static_cast<std::int64_t>(place.unseen / kShortestRequest);
  pipeline_.add_request({place.begin, place.received}, place.resumed ? Range{0, unseen} : Range{},
                        place.begin_time, place.end_time);
  match();
  settle_told();
  keep_bounds();
}

Request Exchange::new_request(const wire::HttpMessage& http, const Place& place) {
  Request request;
  if (!tracker_.spare_.empty()) {
    request.text = std::move(tracker_.spare_.back());
    tracker_.spare_.pop_back();
    request.text.clear();
  }
  request.begin = place.begin_time;
  request.asked.time = place.end_time;
  request.asked.seq = next_seq_++ & kSeqMask;
  request.asked.head = http.method == "HEAD";
  request.partial = place.resumed || http.partial;
  if (const auto head = wire::message_head(http)) {
    read_message(request, http, *head, place.bytes);
  } else {
    read_http(request, http, place.bytes);
  }
  return request;
}

void Exchange::read_message(Request& request, const wire::HttpMessage& http,
                            const wire::MessageHead& head, std::uint64_t bytes) {
  std::string decoded;
  const std::string_view id = wire::decode_id(head.raw_id, decoded).value_or(head.raw_id);
  ++ledger().messages;
  ledger().message_bytes += bytes;
  request.asked.message = true;
  request.asked.wanted =
      tracker_.events_.wants(head.sender, id, connection_.endpoint(other(client())), head.name);
  request.asked.told = !request.asked.wanted;
  if (request.asked.told) return;
  if (waiting_++ == 0) wait_for_time();
  request.first = static_cast<std::uint32_t>(head.sender.size());
  request.second = static_cast<std::uint32_t>(id.size());
  request.third = static_cast<std::uint32_t>(head.name.size());
  request.text.append(head.sender).append(id).append(head.name);
  std::string inflated;
  const auto body = wire::delivered_body(http, inflated, options().max_body, request.trouble);
  if (!body) ++ledger().undecodable;
  request.size = http.partial ? http.body_size : body.value_or(http.body).size();
  if (options().bodies) request.text.append(body.value_or(http.body));
}

void Exchange::read_http(Request& request, const wire::HttpMessage& http, std::uint64_t bytes) {
  ++ledger().http;
  ledger().http_bytes += bytes;
  request.asked.wanted = options().http;
  request.asked.told = !request.asked.wanted;
  if (request.asked.told) return;
  request.first = static_cast<std::uint32_t>(http.method.size());
  request.second = static_cast<std::uint32_t>(http.target.size());
  request.text.append(http.method).append(http.target);
  std::string inflated;
  std::string why;
  const auto body = wire::delivered_body(http, inflated, options().max_body, why);
  request.size = http.partial ? http.body_size : body.value_or(http.body).size();
  request.text.append(body.value_or(http.body).substr(0, options().http_body));
}

// Responses.

/// The request that the response being read answers, as far as that is certain.
const Asked* Exchange::answered() const {
  const bool certain = pipeline_.is_exact() && pipeline_.requests() > 0 && answers_.empty();
  return certain ? &oldest() : nullptr;
}

bool Exchange::answers_head() {
  const Asked* asked = answered();
  return asked != nullptr && asked->head;
}

bool Exchange::wants_head() {
  const Asked* asked = answered();
  return asked == nullptr || !asked->message;
}

bool Exchange::on_head(const wire::HttpMessage& head, Time begin_time) {
  if (is_interim(head.status)) return false;
  const Asked* asked = answered();
  const bool tells = asked != nullptr && asked->wanted && !asked->message;
  const bool records = tells && is_chunked(head) && head.status == 200 &&
                       is_record_stream(untold_.front().id_or_url());
  body_.emplace(
      head, tells ? options().http_body : 0, records,
      [this](std::string_view record) { tell_record(record); }, options().max_body);
  body_began_ = begin_time;
  body_of_ = asked != nullptr ? asked->seq : 0;
  records_ = 0;
  return true;
}

void Exchange::on_body(std::string_view piece) {
  if (body_) body_->feed(piece);
}

void Exchange::on_missing(std::uint64_t bytes) {
  if (body_) body_->skip(bytes);
}

void Exchange::on_response(const wire::HttpMessage& response, const Place& place) {
  ledger().http_bytes += place.bytes;
  if (is_interim(response.status)) return;
  Answer answer{response.status, place.bytes, place.begin_time, place.end_time, response.body_size};
  if (body_) {
    answer.size = body_->size();
    answer.body = body_->beginning();
    answer.type = body_->type();
  }
  body_.reset();
  const Range unseen = place.resumed ? answers_unseen(place) : Range{};
  answers_.push_back(std::move(answer));
  ++tracker_.answers_;
  pipeline_.add_answer({place.begin, place.received}, unseen, place.begin_time,
                       stream(client()).next_begin().value_or(Pipeline::kUnknown));
  match();
  if (tracker_.answers_ <= options().answers || answers_.empty()) return;
  pipeline_.forget_answer();
  lose_answer();
}

/// How many answers there may have been in the bytes before this one that are in none. At least
/// one, if all before them were seen, and none was cut or only preliminary.
Range Exchange::answers_unseen(const Place& place) const {
  const auto most = static_cast<std::int64_t>(place.unseen / kShortestAnswer);
  const bool some = pipeline_.is_exact() && !place.follows_cut && !interim_is_possible_;
  return {some ? std::min<std::int64_t>(most, 1) : 0, most};
}

void Exchange::match() {
  for (;;) {
    switch (pipeline_.next()) {
      case Pipeline::Step::wait:
        return;
      case Pipeline::Step::pair:
        pair();
        break;
      case Pipeline::Step::request_alone:
        lose_request(true);
        break;
      case Pipeline::Step::answer_alone:
        lose_answer();
        break;
    }
  }
}

void Exchange::pair() {
  const Answer& answer = answers_.front();
  const Asked& asked = oldest();
  if (asked.message) {
    ledger().http_bytes -= answer.bytes;
    ledger().message_bytes += answer.bytes;
  }
  if (!asked.told) {
    tell(untold_.front(), &answer);
  } else if (asked.message && asked.wanted) {
    tracker_.events_.on_answer({answer.end_time, connection_.number, asked.seq, answer.status,
                                *seen(asked, &answer).latency});
  }
  pop_request();
  lose_answer();
}

void Exchange::pop_request() {
  --tracker_.requests_;
  if (!told_.empty()) return told_.pop_front();
  release(untold_.front());
  untold_.pop_front();
}

/// The oldest request has no answer that could be told.
void Exchange::lose_request(bool uncertain) {
  if (oldest().message) ++(uncertain ? ledger().uncertain : ledger().unanswered);
  if (!oldest().told) tell(untold_.front(), nullptr, uncertain);
  pop_request();
}

void Exchange::lose_answer() {
  answers_.pop_front();
  --tracker_.answers_;
}

// Telling.

Seen Exchange::seen(const Asked& asked, const Answer* answer) const {
  Seen seen{asked.time, connection_, client(), asked.seq, false, {}, {}};
  if (answer == nullptr) return seen;
  seen.status = answer->status;
  seen.latency = std::max(answer->begin_time - asked.time, std::chrono::nanoseconds{0});
  return seen;
}

Seen Exchange::seen(const Request& request, const Answer* answer) const {
  Seen all = seen(request.asked, answer);
  all.time = request.begin;
  all.partial = request.partial;
  return all;
}

void Exchange::tell(Request& request, const Answer* answer, bool uncertain) {
  request.asked.told = true;
  Seen told = seen(request, answer);
  told.uncertain = answer == nullptr && (uncertain || !pipeline_.is_exact());
  if (!request.asked.message) return tell_http(request, answer, told);
  SeenMessage message{told,           request.from_or_method(), request.id_or_url(),
                      request.name(), request.body(),           request.size,
                      request.trouble};
  tracker_.events_.on_message(message);
  --waiting_;
  release(request);
}

void Exchange::tell_http(const Request& request, const Answer* answer, const Seen& seen) {
  SeenHttp http{
      seen, request.from_or_method(), request.id_or_url(), request.size, {}, request.body(), {},
      {}};
  if (answer != nullptr) {
    http.response_size = answer->size;
    http.response_body = answer->body;
    http.response_type = answer->type;
  }
  tracker_.events_.on_http(http);
}

void Exchange::tell_record(std::string_view record) {
  if (untold_.empty() || untold_.front().asked.seq != body_of_) return;  // not followed any longer
  Request& request = untold_.front();
  Answer head;
  head.status = 200;
  head.begin_time = body_began_;
  if (!request.asked.told) {
    SeenHttp http{seen(request, &head),
                  request.from_or_method(),
                  request.id_or_url(),
                  request.size,
                  {},
                  request.body(),
                  {},
                  body_->type()};
    tracker_.events_.on_http(http);
    request.asked.told = true;
  }
  Seen event = seen(request, &head);
  event.time = last_data_;
  tracker_.events_.on_record({event, request.id_or_url(), body_->type(), ++records_, record});
}

/// Tells what has waited since before `latest`; false when nothing waits any longer.
bool Exchange::tell_older_than(Time latest) {
  for (Request& request : untold_) {
    if (waiting_ == 0 || request.asked.time > latest) break;
    if (request.asked.message && !request.asked.told) tell(request, nullptr);
  }
  settle_told();
  return waiting_ > 0;
}

/// Of the oldest requests that have been told, all but what their answer needs is let go.
void Exchange::settle_told() {
  while (!untold_.empty() && untold_.front().asked.told &&
         (untold_.front().asked.message || !untold_.front().asked.wanted)) {
    told_.push_back(untold_.front().asked);
    release(untold_.front());
    untold_.pop_front();
  }
}

/// The texts are no longer needed.
void Exchange::release(Request& request) {
  tracker_.held_ -= request.text.size();
  if (request.text.capacity() <= kSpareBufferSize && tracker_.spare_.size() < kSpareBuffers &&
      request.text.capacity() > 64) {
    request.text.clear();
    tracker_.spare_.push_back(std::move(request.text));
  }
  request.text = {};
}

void Exchange::keep_bounds() {
  if (tracker_.requests_ > options().unanswered && pipeline_.requests() > 1) {
    pipeline_.forget_request();
    lose_request(true);
  }
  for (Request& request : untold_) {
    const bool last_one = &request == &untold_.back();
    const std::size_t limit = options().unanswered_bytes * (last_one ? 4 : 1);
    if (tracker_.held_ <= limit) break;
    if (!request.asked.told) tell(request, nullptr);
    release(request);
  }
  settle_told();
}

// What the connections share.

ExchangeTracker::ExchangeTracker(ExchangeEvents& events, const ExchangeOptions& options)
    : events_(events), options_(options) {}

ExchangeTracker::~ExchangeTracker() = default;

std::unique_ptr<StreamReader> ExchangeTracker::open(const ConnectionInfo& connection) {
  return std::make_unique<Exchange>(*this, connection);
}

void ExchangeTracker::on_time(Time now) {
  if (!pace_.due(now)) return;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it = it->second->on_time(now) ? std::next(it) : waiting_.erase(it);
  }
}

}  // namespace compactor::capture
