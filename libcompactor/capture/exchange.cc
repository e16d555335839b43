#include "capture/exchange.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "capture/http_stream.h"
#include "capture/recordio.h"
#include "wire/message.h"

namespace compactor::capture {
namespace {

/// Answers that came before their request was seen: a capture is not quite in order between the
/// directions.
constexpr std::size_t kEarlyAnswers = 64;
constexpr std::size_t kSpareBuffers = 256;
constexpr std::size_t kSpareBufferSize = std::size_t{4} << 10;
/// So many requests in a row, each sent when all was answered and answered at once, show that none
/// is in flight.
constexpr int kInStep = 3;

/// Which requests may stand before one without having been seen: after those, an answer's owner is
/// uncertain.
enum class Unseen : std::uint8_t {
  none,
  before_capture,  // the connection was met in the middle
  in_hole,
};

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

std::string_view value_or_empty(const std::string_view* value) {
  return value == nullptr ? std::string_view() : *value;
}

/// A request that waits for its answer. Its texts lie one behind the other in `text`.
struct Request {
  Time time;
  std::uint64_t acked = 0;
  std::uint64_t seq = 0;
  std::uint64_t bytes = 0;
  std::size_t size = 0;  // of the body
  std::string text;
  std::uint32_t first = 0;   // from, or method
  std::uint32_t second = 0;  // id, or url
  std::uint32_t third = 0;   // name; plain HTTP has none
  Unseen unseen = Unseen::none;
  bool message = false;
  bool head = false;  // the method is HEAD
  bool partial = false;
  bool told = false;  // or nobody wants to know
  bool wanted = true;
  std::string trouble;

  std::string_view part(std::size_t from, std::size_t length) const {
    return std::string_view(text).substr(from, length);
  }
  std::string_view from_or_method() const { return part(0, first); }
  std::string_view id_or_url() const { return part(first, second); }
  std::string_view name() const { return part(first + second, third); }
  std::string_view body() const { return part(first + second + third, text.size()); }
};

struct Answer {
  int status = 0;
  std::uint64_t begin = 0;  // offset of its first byte
  std::uint64_t bytes = 0;
  Time begin_time;
  Time end_time;
  std::uint64_t size = 0;  // of the body
  std::string body;        // the beginning of it
  std::string type;
};

/// The body of the plain response that is being read.
class ResponseBody {
 public:
  ResponseBody(const wire::HttpMessage& head, std::size_t kept, bool records,
               RecordSplitter::OnRecord on_record, std::size_t max_record)
      : type_(value_or_empty(head.header("Content-Type"))), kept_(kept) {
    if (value_or_empty(head.header("Content-Encoding")).ends_with("gzip")) inflater_.emplace();
    if (records) splitter_.emplace(std::move(on_record), max_record);
  }

  void feed(std::string_view piece) {
    if (!inflater_) return add(piece);
    inflater_->feed(piece, [this](std::string_view bytes) { add(bytes); });
  }

  std::string_view type() const { return type_; }
  const std::string& beginning() const { return beginning_; }
  std::uint64_t size() const { return size_; }
  std::size_t held() const { return splitter_ ? splitter_->held() : 0; }

 private:
  void add(std::string_view bytes) {
    size_ += bytes.size();
    if (splitter_ && !splitter_->feed(bytes)) splitter_.reset();
    if (beginning_.size() < kept_) beginning_.append(bytes.substr(0, kept_ - beginning_.size()));
  }

  std::string type_;
  std::size_t kept_;
  std::uint64_t size_ = 0;
  std::string beginning_;
  std::optional<Inflater> inflater_;
  std::optional<RecordSplitter> splitter_;
};

}  // namespace

/// One connection: two streams, and the pairing of what is in them.
class Exchange final : public StreamReader, private HttpStreamEvents {
 public:
  Exchange(ExchangeTracker& tracker, const ConnectionInfo& connection)
      : tracker_(tracker),
        connection_(connection),
        streams_{HttpStream(*this, tracker.options_.max_body),
                 HttpStream(*this, tracker.options_.max_body)} {
    if (connection.client) {
      set_client(*connection.client, true);
    } else {
      unseen_ = Unseen::before_capture;
    }
  }
  ~Exchange() override {
    tracker_.waiting_.erase(connection_.number);
    tracker_.unfinished_ -= unfinished_[0] + unfinished_[1];
    for (const Request& request : requests_) tracker_.held_ -= request.text.size();
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void on_data(Side sender, std::string_view bytes, const Stamp& stamp) override;
  void on_gap(Side sender, std::uint64_t bytes, Time time) override;
  void on_end(Side sender, Time time) override;
  void on_close(Close how, Time time) override;

  /// Tells what has waited since before `latest`; false when nothing waits any longer.
  bool tell_older_than(Time latest);

 private:
  HttpStream& stream(Side side) { return streams_[index(side)]; }
  Side client() const { return connection_.client.value_or(Side::a); }
  bool is_client(Side side) const { return connection_.client == side; }
  bool is_server(Side side) const { return connection_.client == other(side); }
  ExchangeLedger& ledger() { return tracker_.ledger_; }
  const ExchangeOptions& options() const { return tracker_.options_; }
  void set_client(Side side, bool from_start);
  void account_unfinished(Side side);

  void on_request(const wire::HttpMessage& request, const Place& place) override;
  void on_response(const wire::HttpMessage& response, const Place& place) override;
  void on_passed_over(const HttpStream& stream, std::uint64_t bytes,
                      const CutResponse* cut) override;
  void on_kind(const HttpStream& stream) override;
  bool answers_head() override;
  bool wants_head() override;
  bool on_head(const wire::HttpMessage& head, Time begin_time) override;
  void on_body(std::string_view piece) override;

  void read_message(Request& request, const wire::HttpMessage& http, const wire::MessageHead& head);
  void read_http(Request& request, const wire::HttpMessage& http);
  void forget_after_pause(Time now);

  const Request* answered() const;
  void match();
  void on_answer(Answer answer);
  bool is_owner(const Request& request, const Answer& answer) const;
  bool is_in_step(const Answer& answer);
  void pair(const Answer& answer);
  void resolve_hole(std::uint64_t resumed_at);
  void pop_request();
  void lose_requests(std::size_t count);

  Seen seen(const Request& request, const Answer* answer) const;
  void tell(Request& request, const Answer* answer);
  void tell_http(Request& request, const Answer* answer);
  void tell_record(std::string_view record);
  void release(Request& request);
  void keep_bounds();

  ExchangeTracker& tracker_;
  ConnectionInfo connection_;
  std::array<HttpStream, 2> streams_;
  std::array<std::size_t, 2> unfinished_{};
  std::deque<Request> requests_;
  std::deque<Answer> answers_;  // not yet paired
  std::optional<ResponseBody> body_;
  Time body_began_;
  std::uint64_t body_of_ = 0;  // the seq of the request that body_ answers
  std::uint64_t records_ = 0;
  std::uint64_t next_seq_ = 1;
  std::size_t untold_ = 0;     // messages in requests_
  std::size_t forgotten_ = 0;  // requests whose answers are still to come, dropped for want of room
  Unseen unseen_ = Unseen::none;  // before the next request
  int in_step_ = 0;
  std::uint64_t last_turn_ = 0;
  bool answers_missing_ = false;  // some response bytes could not be read since the last answer
  Time last_data_{};
};

// The streams.

void Exchange::on_data(Side sender, std::string_view bytes, const Stamp& stamp) {
  if (is_client(sender)) forget_after_pause(stamp.time);
  last_data_ = stamp.time;
  stream(sender).feed(bytes, stamp);
  account_unfinished(sender);
}

void Exchange::on_gap(Side sender, std::uint64_t bytes, Time time) {
  last_data_ = time;
  stream(sender).gap(bytes);
  account_unfinished(sender);
  ledger().gap_bytes += bytes;
  ++ledger().gaps;
  if (is_client(sender)) unseen_ = Unseen::in_hole;
  if (is_server(sender)) answers_missing_ = true;
  tracker_.events_.on_gap({time, connection_, sender, bytes});
}

void Exchange::on_end(Side sender, Time /*time*/) {
  stream(sender).finish();
  account_unfinished(sender);
}

void Exchange::on_close(Close /*how*/, Time /*time*/) {
  for (HttpStream& stream : streams_) stream.finish();
  for (Request& request : requests_) {
    if (request.message) ++ledger().unanswered;
    if (!request.told) tell(request, nullptr);
  }
}

void Exchange::set_client(Side side, bool from_start) {
  connection_.client = side;
  stream(side).set_kind(wire::Kind::request, from_start);
  stream(other(side)).set_kind(wire::Kind::response, from_start);
}

void Exchange::on_kind(const HttpStream& found) {
  const Side side = &found == &streams_[0] ? Side::a : Side::b;
  set_client(found.kind() == wire::Kind::request ? side : other(side), false);
}

void Exchange::account_unfinished(Side side) {
  std::size_t& known = unfinished_[index(side)];
  const auto update = [&] {
    std::size_t held = stream(side).held();
    if (body_ && is_server(side)) held += body_->held();
    tracker_.unfinished_ = tracker_.unfinished_ - known + held;
    known = held;
  };
  update();
  if (tracker_.unfinished_ <= options().unfinished_bytes) return;
  ++ledger().abandoned;
  stream(side).abandon();
  update();
}

void Exchange::on_passed_over(const HttpStream& stream, std::uint64_t bytes,
                              const CutResponse* cut) {
  if (stream.kind() == wire::Kind::request) unseen_ = Unseen::in_hole;
  if (cut == nullptr) ledger().passed_over_bytes += bytes;
  // The head of a response is an answer also without the rest of its body.
  if (cut != nullptr)
    on_answer({cut->status, cut->begin, bytes, cut->begin_time, last_data_, 0, {}, {}});
  if (stream.kind() == wire::Kind::response) answers_missing_ = true;
}

// Requests.

void Exchange::on_request(const wire::HttpMessage& http, const Place& place) {
  Request request;
  if (!tracker_.spare_.empty()) {
    request.text = std::move(tracker_.spare_.back());
    tracker_.spare_.pop_back();
    request.text.clear();
  }
  request.time = place.end_time;
  request.acked = place.acked;
  request.bytes = place.bytes;
  request.seq = next_seq_++;
  request.partial = place.resumed;
  request.unseen = std::exchange(unseen_, Unseen::none);
  request.head = http.method == "HEAD";
  if (const auto head = wire::message_head(http)) {
    read_message(request, http, *head);
  } else {
    read_http(request, http);
  }
  tracker_.held_ += request.text.size();
  requests_.push_back(std::move(request));
  match();
  keep_bounds();
}

void Exchange::read_message(Request& request, const wire::HttpMessage& http,
                            const wire::MessageHead& head) {
  std::string decoded;
  const std::string_view id = wire::decode_id(head.raw_id, decoded).value_or(head.raw_id);
  request.message = true;
  ++ledger().messages;
  ledger().message_bytes += request.bytes;
  request.wanted =
      tracker_.events_.wants(head.sender, id, connection_.endpoint(other(client())), head.name);
  request.told = !request.wanted;
  if (request.told) return;
  if (untold_++ == 0) tracker_.waiting_.try_emplace(connection_.number, this);
  request.first = static_cast<std::uint32_t>(head.sender.size());
  request.second = static_cast<std::uint32_t>(id.size());
  request.third = static_cast<std::uint32_t>(head.name.size());
  request.text.append(head.sender).append(id).append(head.name);
  std::string inflated;
  const auto body = wire::delivered_body(http, inflated, options().max_body, request.trouble);
  if (!body) ++ledger().undecodable;
  request.size = body.value_or(http.body).size();
  if (options().bodies) request.text.append(body.value_or(http.body));
}

void Exchange::read_http(Request& request, const wire::HttpMessage& http) {
  ++ledger().http;
  ledger().http_bytes += request.bytes;
  request.wanted = options().http;
  request.told = !request.wanted;
  if (request.told) return;
  request.first = static_cast<std::uint32_t>(http.method.size());
  request.second = static_cast<std::uint32_t>(http.target.size());
  request.text.append(http.method).append(http.target);
  std::string inflated;
  std::string why;
  const auto body = wire::delivered_body(http, inflated, options().max_body, why);
  request.size = body.value_or(http.body).size();
  request.text.append(body.value_or(http.body).substr(0, options().http_body));
}

/// What is uncertain about which answer is whose ends with a pause: nothing is in flight any more.
void Exchange::forget_after_pause(Time now) {
  if (now - last_data_ < options().quiet) return;
  const bool uncertain =
      unseen_ == Unseen::in_hole ||
      std::any_of(requests_.begin(), requests_.end(),
                  [](const Request& request) { return request.unseen == Unseen::in_hole; });
  if (!uncertain) return;
  lose_requests(requests_.size());
  answers_.clear();
  unseen_ = Unseen::none;
  forgotten_ = 0;
}

// Responses.

/// The request that the response being read answers, as far as that is known.
const Request* Exchange::answered() const {
  const bool certain = !requests_.empty() && answers_.empty() && forgotten_ == 0 &&
                       !answers_missing_ && requests_.front().unseen != Unseen::in_hole;
  return certain ? &requests_.front() : nullptr;
}

bool Exchange::answers_head() {
  const Request* request = answered();
  return request != nullptr && request->head;
}

bool Exchange::wants_head() {
  const Request* request = answered();
  return request == nullptr || !request->message;
}

bool Exchange::on_head(const wire::HttpMessage& head, Time begin_time) {
  if (is_interim(head.status)) return false;
  const Request* request = answered();
  const bool tells = request != nullptr && request->wanted && !request->message;
  const bool chunked = value_or_empty(head.header("Transfer-Encoding")).ends_with("chunked");
  const bool records =
      tells && chunked && head.status == 200 && is_record_stream(request->id_or_url());
  body_.emplace(
      head, tells ? options().http_body : 0, records,
      [this](std::string_view record) { tell_record(record); }, options().max_body);
  body_began_ = begin_time;
  body_of_ = request != nullptr ? request->seq : 0;
  records_ = 0;
  return true;
}

void Exchange::on_body(std::string_view piece) {
  if (body_) body_->feed(piece);
}

void Exchange::on_response(const wire::HttpMessage& response, const Place& place) {
  on_answer({response.status,
             place.begin,
             place.bytes,
             place.begin_time,
             place.end_time,
             response.body.size(),
             {},
             {}});
}

void Exchange::on_answer(Answer answer) {
  ledger().http_bytes += answer.bytes;
  if (is_interim(answer.status)) return;
  if (answers_missing_) resolve_hole(answer.begin);
  if (body_) {
    answer.size = body_->size();
    answer.body = body_->beginning();
    answer.type = body_->type();
  }
  body_.reset();
  if (answers_.size() == kEarlyAnswers) answers_.pop_front();
  answers_.push_back(std::move(answer));
  match();
}

/// Some response bytes could not be read. The answers in them were to requests that were sent
/// before the client had received what followed; when that can have been only one, it is certain
/// which.
void Exchange::resolve_hole(std::uint64_t resumed_at) {
  answers_missing_ = false;
  std::size_t count = 0;
  while (count < requests_.size() && requests_[count].acked < resumed_at) ++count;
  const bool certain = count <= 1 && forgotten_ == 0;
  lose_requests(count);
  forgotten_ = 0;
  if (!certain) (requests_.empty() ? unseen_ : requests_.front().unseen) = Unseen::in_hole;
}

void Exchange::match() {
  while (!answers_.empty()) {
    if (forgotten_ > 0) {
      --forgotten_;
    } else if (requests_.empty()) {
      return;
    } else if (is_owner(requests_.front(), answers_.front())) {
      pair(answers_.front());
    } else if (is_in_step(answers_.front())) {
      lose_requests(requests_.size() - 1);
      pair(answers_.front());
    }
    answers_.pop_front();
  }
}

/// Answers come in the order of the requests. Behind requests that were not seen, only an answer
/// that begins exactly where the client stood when it asked is taken for its own; before the
/// capture began there were hardly any.
bool Exchange::is_owner(const Request& request, const Answer& answer) const {
  if (request.unseen == Unseen::none) return true;
  if (request.unseen == Unseen::before_capture) return answer.begin >= request.acked;
  return answer.begin == request.acked && requests_.size() == 1;
}

/// Whether client and server have been taking turns for a while: then this answers the latest
/// request.
bool Exchange::is_in_step(const Answer& answer) {
  const Request& latest = requests_.back();
  const bool turn = latest.acked == answer.begin && latest.seq != last_turn_;
  in_step_ = turn ? in_step_ + 1 : 0;
  last_turn_ = latest.seq;
  return in_step_ >= kInStep;
}

void Exchange::pair(const Answer& answer) {
  Request& request = requests_.front();
  if (request.message) {
    ledger().http_bytes -= answer.bytes;
    ledger().message_bytes += answer.bytes;
  }
  if (!request.told) {
    tell(request, &answer);
  } else if (request.message && request.wanted) {
    const Seen told = seen(request, &answer);
    tracker_.events_.on_answer(
        {answer.end_time, connection_.number, request.seq, answer.status, *told.latency});
  }
  pop_request();
}

void Exchange::pop_request() {
  release(requests_.front());
  requests_.pop_front();
}

void Exchange::lose_requests(std::size_t count) {
  for (; count > 0; --count) {
    Request& request = requests_.front();
    if (request.message) ++ledger().unanswered;
    if (!request.told) tell(request, nullptr);
    pop_request();
  }
}

// Telling.

Seen Exchange::seen(const Request& request, const Answer* answer) const {
  Seen seen{request.time, connection_, client(), request.seq, request.partial, {}, {}};
  if (answer == nullptr) return seen;
  seen.status = answer->status;
  seen.latency = std::max(answer->begin_time - request.time, std::chrono::nanoseconds{0});
  return seen;
}

void Exchange::tell(Request& request, const Answer* answer) {
  request.told = true;
  if (!request.message) return tell_http(request, answer);
  SeenMessage message{seen(request, answer), request.from_or_method(), request.id_or_url(),
                      request.name(),        request.body(),           request.size,
                      request.trouble};
  tracker_.events_.on_message(message);
  --untold_;
  release(request);
}

void Exchange::tell_http(Request& request, const Answer* answer) {
  SeenHttp http{seen(request, answer),
                request.from_or_method(),
                request.id_or_url(),
                request.size,
                {},
                request.body(),
                {},
                {}};
  if (answer != nullptr) {
    http.response_size = answer->size;
    http.response_body = answer->body;
    http.response_type = answer->type;
  }
  tracker_.events_.on_http(http);
}

void Exchange::tell_record(std::string_view record) {
  if (requests_.empty() || requests_.front().seq != body_of_) return;  // dropped for want of room
  Request& request = requests_.front();
  Answer head;
  head.status = 200;
  head.begin_time = body_began_;
  if (!request.told) {
    SeenHttp http{seen(request, &head),
                  request.from_or_method(),
                  request.id_or_url(),
                  request.size,
                  {},
                  request.body(),
                  {},
                  body_->type()};
    tracker_.events_.on_http(http);
    request.told = true;
  }
  Seen event = seen(request, &head);
  event.time = last_data_;
  tracker_.events_.on_record({event, request.id_or_url(), body_->type(), ++records_, record});
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

bool Exchange::tell_older_than(Time latest) {
  for (Request& request : requests_) {
    if (untold_ == 0 || request.time > latest) break;
    if (request.message && !request.told) tell(request, nullptr);
  }
  return untold_ > 0;
}

void Exchange::keep_bounds() {
  if (requests_.size() > options().unanswered) {
    const bool certain = requests_.front().unseen == Unseen::none;
    lose_requests(1);
    if (certain) ++forgotten_;
    if (!certain) requests_.front().unseen = Unseen::in_hole;
  }
  for (Request& request : requests_) {
    const bool last_one = &request == &requests_.back();
    const std::size_t limit = options().unanswered_bytes * (last_one ? 4 : 1);
    if (tracker_.held_ <= limit) break;
    if (!request.told) tell(request, nullptr);
    release(request);
  }
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
    it = it->second->tell_older_than(now - options_.answer_wait) ? std::next(it)
                                                                 : waiting_.erase(it);
  }
}

}  // namespace compactor::capture
