#include "capture/exchange_reader.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace compactor::capture {
namespace {

/// Silence after which what looks like a message, and is followed by nothing, is taken for one.
constexpr std::chrono::milliseconds kSettle{200};

// What fits into a hole. `GET / HTTP/1.1`, `HTTP/1.1 204`, and an empty line.
constexpr std::uint64_t kShortestRequest = 16;
constexpr std::uint64_t kShortestAnswer = 14;

// Of what the first message says of its sender so much is kept.
constexpr std::size_t kLongestSender = 256;

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

HttpHeaders headers_of(const wire::HttpMessage& http) {
  const auto value = [&](std::string_view name) {
    const std::string_view* found = http.header(name);
    return found == nullptr ? std::string_view() : *found;
  };
  return {value("User-Agent"), value("Mesos-Stream-Id"), value("Content-Type")};
}

/// What a message says of its sender, `id@address:port`, has another address than this end of the
/// connection. Its port may be any: a process sends from one that the kernel gave it.
bool is_elsewhere(std::string_view sender, const Endpoint& source) {
  const std::size_t at = sender.rfind('@');
  const std::size_t colon = sender.rfind(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon < at) return false;
  in_addr address{};
  const std::string host(sender.substr(at + 1, colon - at - 1));
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1) return false;  // a name says nothing
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return Address::v4(bytes.data()) != source.address;
}

}  // namespace

Exchange::Exchange(ExchangeTracker& tracker, const ConnectionInfo& connection)
    : tracker_(tracker),
      connection_(connection),
      streams_{HttpStream(*this, tracker.options_.max_body),
               HttpStream(*this, tracker.options_.max_body)},
      pipeline_(connection.client ? Range{} : Range{0, Pipeline::kUnbounded}) {
  if (!connection.client) return;
  stream(*connection.client).start(wire::Kind::request);
  stream(other(*connection.client)).start(wire::Kind::response);
}

Exchange::~Exchange() {
  for (const Side side : {Side::a, Side::b})
    tracker_.unfinished_.set(unfinished_[index(side)], {this, side}, 0, false);
  tracker_.waiting_.erase(connection_.number);
  tracker_.requests_ -= pipeline_.requests();
  tracker_.answers_ -= answers_.size();
  for (const Request& request : untold_) tracker_.held_ -= request.text.size();
}

// The streams.

void Exchange::on_data(Side sender, std::string_view bytes, const Stamp& stamp) {
  last_data_ = stamp.time;
  if (!spotter_.is_decided(sender)) return on_first_data(sender, bytes, stamp);
  take(sender, bytes, stamp);
}

/// What stands on the wire, or is the text of TLS.
void Exchange::read(Side sender, std::string_view bytes, const Stamp& stamp) {
  stream(other(sender)).settle(stamp.acked);
  stream(sender).feed(bytes, stamp);
  if (stream(sender).is_waiting()) wait_for_time();
}

void Exchange::on_gap(Side sender, std::uint64_t bytes, Time time) {
  last_data_ = time;
  miss_first_data(sender);
  if (tls_ && spotter_.speech(sender) != TlsSpotter::Speech::text) {
    tls_->on_gap(sender, bytes);
  } else {
    stream(sender).gap(bytes);
  }
  account_unfinished(sender);
  ledger().gap_bytes += bytes;
  ++ledger().gaps;
  tracker_.events_.on_gap({time, connection_, sender, bytes});
}

void Exchange::on_end(Side sender, Time /*time*/) {
  if (!first_end_) first_end_ = sender;
  miss_first_data(sender);
  if (tls_ && tls_->waits(sender)) {
    ends_later_[index(sender)] = true;
    return;
  }
  stream(sender).finish(true);
  account_unfinished(sender);
}

void Exchange::on_close(const Ending& ending, Time time) {
  ending_ = ending;
  for (const Side side : {Side::a, Side::b}) miss_first_data(side);
  // What the client said is needed to understand what the server did. This may still show who it
  // is.
  const Side first = client();
  stream(first).finish(false);
  stream(other(first)).finish(false);
  pipeline_.on_silence(
      time, ending.how == Close::ended ? Pipeline::kImprobableAtEnd : Pipeline::kImprobable);
  match();
  while (pipeline_.requests() > 0) {
    const bool certain = pipeline_.is_exact() && !are_answers_hidden();
    pipeline_.forget_request();
    lose_request(!certain);
  }
  if (tls_) tell_tls();
}

void Exchange::sum_up(ConnectionReport& report) const {
  report.connection.client = connection_.client;
  report.messages = messages_;
  report.sender = sender_;
  report.wrong_sender = wrong_sender_;
  if (tls_) report.tls = tls_->version();
}

void Exchange::on_kind(const HttpStream& found, wire::Kind kind) {
  const Side side = &found == &streams_[0] ? Side::a : Side::b;
  const bool is_request = kind == wire::Kind::request;
  connection_.client = is_request ? side : other(side);
  stream(other(side)).set_kind(is_request ? wire::Kind::response : wire::Kind::request);
}

std::size_t Exchange::unfinished(Side side) {
  std::size_t held = stream(side).memory() + (tls_ ? tls_->memory(side) : 0);
  if (!is_server(side)) return held;
  if (body_) held += body_->memory() + incoming_.memory();
  if (cut_) held += cut_->memory();
  return held;
}

void Exchange::account_unfinished(Side side) {
  ExchangeTracker::Unfinished& all = tracker_.unfinished_;
  all.set(unfinished_[index(side)], {this, side}, unfinished(side), true);
  while (all.bytes() > options().unfinished_bytes) {
    const ExchangeTracker::Reader stalled = all.stalled();
    stalled.exchange->give_up_unfinished(stalled.side);
  }
}

void Exchange::give_up_unfinished(Side side) {
  ++ledger().abandoned;
  if (tls_ && tls_->memory(side) > stream(side).memory()) {
    tls_->give_up(side);
  } else {
    stream(side).drop_body();
  }
  if (is_server(side)) {
    if (body_) body_->drop();
    incoming_.clear_texts();
    if (cut_) cut_->clear_texts();
  }
  tracker_.unfinished_.set(unfinished_[index(side)], {this, side}, unfinished(side), true);
}

bool Exchange::on_time(Time now) {
  if (now - last_data_ >= kSettle) {
    for (HttpStream& each : streams_) each.settle(std::numeric_limits<std::uint64_t>::max());
  }
  pipeline_.on_silence(now);
  match();
  const bool untold_tls = tell_old_tls(now);
  return tell_older_than(now - options().answer_wait) || streams_[0].is_waiting() ||
         streams_[1].is_waiting() || untold_tls;
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
  request.asked.seq = next_seq_++ & Asked::kSeqMask;
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
  request.wrong_sender = note_sender(head.sender);
  request.asked.wanted =
      tracker_.events_.wants(head.sender, id, connection_.endpoint(other(client())), head.name);
  request.asked.told = !request.asked.wanted;
  if (request.asked.told) return;
  if (waiting_++ == 0) wait_for_time();
  request.set_head(head.sender, id, head.name);
  std::string inflated;
  const auto body = wire::delivered_body(http, inflated, options().max_body, request.trouble);
  if (!body) ++ledger().undecodable;
  request.size = http.partial ? http.body_size : body.value_or(http.body).size();
  if (options().bodies) request.text.append(body.value_or(http.body));
}

bool Exchange::note_sender(std::string_view sender) {
  if (messages_++ == 0) sender_ = sender.substr(0, kLongestSender);
  const bool wrong = is_elsewhere(sender, connection_.endpoint(client()));
  wrong_sender_ = wrong_sender_ || wrong;
  return wrong;
}

void Exchange::read_http(Request& request, const wire::HttpMessage& http, std::uint64_t bytes) {
  ++ledger().http;
  ledger().http_bytes += bytes;
  request.asked.wanted = options().http;
  request.asked.told = !request.asked.wanted;
  if (request.asked.told) return;
  request.set_head(http.method, http.target, pack(headers_of(http)));
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
  // A request that was told early, for want of room, has left nothing but where it stood.
  const bool tells = asked != nullptr && asked->wanted && !asked->message && !asked->told;
  const bool chunked = wire::is_chunked(head) && head.status == 200;
  const bool unasked = asked == nullptr && options().http;
  const bool records =
      chunked && (unasked || (tells && is_record_stream(untold_.front().id_or_url())));
  body_.emplace(
      head, tells ? options().http_body : 0, records,
      [this](const Record& record) { tell_record(record); }, options().max_body);
  cut_.reset();
  incoming_ = {};
  incoming_.streams = records;
  incoming_.answer.status = head.status;
  incoming_.answer.begin_time = begin_time;
  incoming_.answer.type = body_->type();
  incoming_.answer.stream_id = body_->stream_id();
  if (unasked) body_->find_records();
  if (!records || unasked) return true;
  const Request& request = untold_.front();
  incoming_.request.asked = request.asked;
  incoming_.request.begin = request.begin;
  incoming_.request.partial = request.partial;
  incoming_.request.set_head(request.sender_or_method(), request.id_or_url(), request.name());
  return true;
}

void Exchange::on_body(std::string_view piece, Time time) {
  if (body_) body_->feed(piece, time);
}

void Exchange::on_chunk(std::uint64_t size) {
  if (body_) body_->begin_chunk(size);
}

void Exchange::on_missing(std::uint64_t bytes) {
  if (body_) body_->skip(bytes);
}

/// Of the response that a hole has cut, or of one whose request, and head, nobody has seen.
void Exchange::on_join(const HttpStream& /*stream*/) {
  const bool known = is_rest_of_cut();
  incoming_ = known ? *std::move(cut_) : Incoming{};
  cut_.reset();
  body_.emplace(
      incoming_.answer.type, incoming_.answer.stream_id,
      options().http && (incoming_.streams || !known),
      [this](const Record& record) { tell_record(record); }, options().max_body);
}

/// No other response can have begun in the hole: it would have had to be asked for.
bool Exchange::is_rest_of_cut() {
  return cut_ && pipeline_.is_exact() && pipeline_.requests() == 0 && stream(client()).next_begin();
}

void Exchange::on_rest(std::uint64_t bytes, bool cut) {
  ledger().http_bytes += bytes;
  end_response(cut);
}

void Exchange::end_response(bool cut) {
  body_.reset();
  cut_.reset();
  if (cut) cut_ = std::move(incoming_);
  incoming_ = {};
}

void Exchange::on_response(const wire::HttpMessage& response, const Place& place) {
  ledger().http_bytes += place.bytes;
  if (is_interim(response.status)) return;
  Answer answer{response.status, place.bytes, place.begin_time, place.end_time, response.body_size};
  if (body_) {
    answer.size = body_->size();
    answer.body = body_->beginning();
    answer.type = body_->type();
    answer.stream_id = body_->stream_id();
  }
  end_response(place.cut);
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
  tell_answer(answer);
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

}  // namespace compactor::capture
