// What is told of a connection, when, and what is kept until then.
#include <algorithm>
#include <array>
#include <utility>

#include "capture/exchange_reader.h"

namespace compactor::capture {
namespace {

constexpr std::size_t kSpareBuffers = 256;
constexpr std::size_t kSpareBufferSize = std::size_t{4} << 10;

}  // namespace

/// Whoever sent the first FIN, or the RST, did not wait for more.
Unanswered Exchange::unanswered() const {
  constexpr std::array known{Close::finished, Close::reset, Close::refused};
  if (!ending_ || std::find(known.begin(), known.end(), ending_->how) == known.end())
    return Unanswered::unknown;
  const bool closed = ending_->how == Close::finished || first_end_;
  const auto side = closed && ending_->how != Close::finished ? first_end_ : ending_->by;
  if (!side) return Unanswered::unknown;
  const bool sender = *side == client();
  if (closed) return sender ? Unanswered::sender_closed : Unanswered::receiver_closed;
  return sender ? Unanswered::sender_reset : Unanswered::receiver_reset;
}

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
  told.uncertain =
      answer == nullptr && (uncertain || !pipeline_.is_exact() || are_answers_hidden());
  if (answer == nullptr && !told.uncertain) told.unanswered = unanswered();
  request.asked.message ? tell_message(request, told) : tell_http(request, answer, told);
  release(request);
}

void Exchange::tell_message(Request& request, const Seen& seen) {
  --waiting_;
  const SeenMessage message{seen,
                            request.sender_or_method(),
                            request.id_or_url(),
                            request.name(),
                            request.body(),
                            request.size,
                            request.trouble,
                            request.wrong_sender};
  request.asked.wanted = tracker_.events_.on_message(message);
}

void Exchange::tell_http(Request& request, const Answer* answer, const Seen& seen) {
  SeenHttp http{seen};
  http.method = request.sender_or_method();
  http.url = request.id_or_url();
  http.headers = unpack(request.name());
  http.request_size = request.size;
  http.request_body = request.body();
  http.request_cut = http.request_body.size() < http.request_size;
  if (answer != nullptr) {
    http.response_size = answer->size;
    http.response_body = answer->body;
    http.response_cut = answer->body.size() < answer->size.value_or(0);
    http.response_type = answer->type;
    http.response_stream_id = answer->stream_id;
  }
  request.asked.wanted = tracker_.events_.on_http(http);
}

/// The oldest request with its answer, or only that when the request has been told already.
void Exchange::tell_answer(const Answer& answer) {
  if (!oldest().told) {
    tell(untold_.front(), &answer);
  } else if (oldest().wanted && !oldest().answer_told) {
    tracker_.events_.on_answer({answer.end_time, connection_.number, oldest().seq, answer.status,
                                *seen(oldest(), &answer).latency});
  }
  oldest().answer_told = true;
}

void Exchange::tell_record(const Record& record) {
  const Request& request = incoming_.request;
  incoming_.answer.end_time = record.time;
  // Its first event tells the request, which does not wait for the end of such an answer.
  if (pipeline_.requests() > 0 && oldest().seq == request.asked.seq) tell_answer(incoming_.answer);
  Seen event = seen(request, &incoming_.answer);
  event.time = record.time;
  event.partial = record.resumed;
  tracker_.events_.on_record({event, request.id_or_url(), unpack(request.name()), body_->type(),
                              body_->stream_id(), ++incoming_.records, record.bytes});
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

std::optional<Time> Exchange::first_untold() const {
  if (waiting_ == 0) return std::nullopt;
  const auto first = std::find_if(untold_.begin(), untold_.end(), [](const Request& request) {
    return request.asked.message && !request.asked.told;
  });
  return first == untold_.end() ? std::nullopt : std::optional(first->begin);
}

/// Of the oldest requests that have been told, all but what their answer needs is let go.
void Exchange::settle_told() {
  while (!untold_.empty() && untold_.front().asked.told) {
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
  request.clear_texts();
}

/// The oldest are told early.
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
  }
  settle_told();
}

}  // namespace compactor::capture
