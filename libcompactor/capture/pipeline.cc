#include "capture/pipeline.h"

#include <algorithm>

namespace compactor::capture {
namespace {

/// Holes that are told apart; what came before more of them is given up.
constexpr std::size_t kRuns = 64;
/// Below this an answer counts as immediate: what clocks, and the path to the capture, add.
constexpr std::chrono::nanoseconds kImmediate = std::chrono::milliseconds{1};

}  // namespace

Range Pipeline::Direction::position(std::uint64_t number) const {
  const auto run =
      std::find_if(runs.rbegin(), runs.rend(), [&](const Run& r) { return r.first <= number; });
  const auto within = static_cast<std::int64_t>(number - run->first);
  return {run->start.low + within, run->start.high + within};
}

Pipeline::Run& Pipeline::Direction::run_of(std::uint64_t number) {
  return *std::find_if(runs.rbegin(), runs.rend(), [&](const Run& r) { return r.first <= number; });
}

void Pipeline::Direction::add(const Point& point, Range unseen) {
  if (unseen.high > 0) {
    const Range next = position(count());
    runs.push_back({count(), {next.low + unseen.low, next.high + unseen.high}, unseen});
    if (runs.size() > kRuns) runs.erase(runs.begin());
  }
  points.push_back(point);
  while (runs.size() > 1 && runs[1].first <= done) runs.erase(runs.begin());
}

void Pipeline::Direction::pop() {
  points.pop_front();
  ++done;
  while (runs.size() > 1 && runs[1].first <= done) runs.erase(runs.begin());
}

/// One of them has no counterpart.
void Pipeline::Direction::shift_back() {
  for (Run& run : runs) run.start = {run.start.low - 1, run.start.high - 1};
}

/// What is known of one run says something of its neighbours.
void Pipeline::Direction::tighten() {
  const auto distance = [](const Run& from, const Run& to) {
    const auto members = static_cast<std::int64_t>(to.first - from.first);
    return Range{members + to.unseen.low, members + to.unseen.high};
  };
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const Range apart = distance(runs[i - 1], runs[i]);
    const Range& before = runs[i - 1].start;
    Range& start = runs[i].start;
    start.low = std::max(start.low, before.low + apart.low);
    start.high = std::min(start.high, before.high + apart.high);
  }
  for (std::size_t i = runs.size() - 1; i > 0; --i) {
    const Range apart = distance(runs[i - 1], runs[i]);
    const Range& after = runs[i].start;
    Range& start = runs[i - 1].start;
    start.low = std::max(start.low, after.low - apart.high);
    start.high = std::min(start.high, after.high - apart.low);
  }
  for (Run& run : runs) {  // packets that contradict each other prove nothing
    if (run.start.low > run.start.high) run.start = {-kUnbounded, kUnbounded};
  }
}

void Pipeline::add_request(const Point& point, Range unseen, Time first_byte, Time last_byte) {
  if (is_exact() && unseen.high == 0) {
    requests_.points.push_back(point);
    return;
  }
  end_silence(first_byte);
  requests_.add(point, unseen);
  if (unseen.high > 0) restart_evidence();
  asked_ = last_byte;
  // An answer that its sender had received before it, or that was sent before it arrived, belongs
  // to an earlier one.
  const auto earlier = std::partition_point(
      answers_.points.begin(), answers_.points.end(), [&](const Point& answer) {
        return answer.begin < point.received || answer.received <= point.begin;
      });
  const auto number = requests_.count() - 1;
  if (earlier != answers_.points.begin()) {
    const auto before = static_cast<std::uint64_t>(earlier - answers_.points.begin());
    answer_before_request(answers_.done + before - 1, number);
  }
  balanced_ = !is_exact() && surplus() == least_surplus_;
}

void Pipeline::add_answer(const Point& point, Range unseen, Time first_byte,
                          std::uint64_t next_request) {
  if (is_exact() && unseen.high == 0) {
    answers_.points.push_back(point);
    const bool unasked = requests_.points.empty() && answers_.points.size() == 1 &&
                         next_request != kUnknown && next_request >= point.received;
    if (unasked) answers_.shift_back();
    return;
  }
  end_silence(first_byte);
  answers_.add(point, unseen);
  if (unseen.high > 0) restart_evidence();
  answered_ = first_byte;
  const auto later = std::partition_point(
      requests_.points.begin(), requests_.points.end(), [&](const Point& request) {
        return request.received <= point.begin && request.begin < point.received;
      });
  const bool is_next = later == requests_.points.end();
  if (!is_next || (next_request != kUnknown && next_request >= point.received)) {
    const auto before = static_cast<std::uint64_t>(later - requests_.points.begin());
    answer_before_request(answers_.count() - 1, requests_.done + before);
  }
  balanced_ = !is_exact() && surplus() == least_surplus_;
}

/// The answer of that number belongs to a request before the one of that number, which may be the
/// next that will be seen.
void Pipeline::answer_before_request(std::uint64_t answer, std::uint64_t request) {
  // What is older than the runs has been given up, and says nothing any more.
  if (request < requests_.runs.front().first || answer < answers_.runs.front().first) return;
  Run& asking = requests_.run_of(request);
  Run& answering = answers_.run_of(answer);
  const auto ahead = static_cast<std::int64_t>(answer - answering.first) -
                     static_cast<std::int64_t>(request - asking.first) + 1;
  asking.start.low = std::max(asking.start.low, answering.start.low + ahead);
  answering.start.high = std::min(answering.start.high, asking.start.high - ahead);
  const bool newest = &asking == &requests_.runs.back() && &answering == &answers_.runs.back();
  requests_.tighten();
  answers_.tighten();
  raise_surplus(newest ? ahead : -kUnbounded);
}

void Pipeline::raise_surplus(std::int64_t least) {
  least = std::max(least, requests_.runs.back().start.low - answers_.runs.back().start.high);
  if (least <= least_surplus_) return;
  least_surplus_ = least;
  coincidence_ = 1;
}

/// How many answers of the last run would belong to requests not seen, were every request seen
/// answered.
std::int64_t Pipeline::surplus() const {
  return static_cast<std::int64_t>(answers_.count() - answers_.runs.back().first) -
         static_cast<std::int64_t>(requests_.count() - requests_.runs.back().first);
}

void Pipeline::restart_evidence() {
  least_surplus_ = -kUnbounded;
  raise_surplus(-kUnbounded);
  coincidence_ = 1;
  balanced_ = false;
}

void Pipeline::on_silence(Time now, double improbable) {
  if (balanced_ && coincidence_ * coincidence_until(now) <= improbable) assume_balance();
}

void Pipeline::end_silence(Time now) {
  on_silence(now);
  if (balanced_) coincidence_ *= coincidence_until(now);
}

/// How probable it is that an answer came that soon after the last request, and then nothing until
/// `now`, were it not the answer to that request.
double Pipeline::coincidence_until(Time now) const {
  const auto took = std::max(answered_ - asked_, kImmediate);
  const auto silence = std::max(now - std::max(answered_, asked_), kImmediate);
  return std::min(1.0, static_cast<double>(took.count()) / static_cast<double>(silence.count()));
}

/// Every request seen has been answered. What is older than the last runs has been given up.
void Pipeline::assume_balance() {
  requests_.runs.erase(requests_.runs.begin(), requests_.runs.end() - 1);
  answers_.runs.erase(answers_.runs.begin(), answers_.runs.end() - 1);
  requests_.runs.front().start = {least_surplus_, least_surplus_};
  answers_.runs.front().start = {0, 0};
  balanced_ = false;
}

Pipeline::Step Pipeline::next() {
  const Step step = look();
  if (step == Step::pair || step == Step::request_alone) requests_.pop();
  if (step == Step::pair || step == Step::answer_alone) answers_.pop();
  return step;
}

Pipeline::Step Pipeline::look() {
  const bool requests = !requests_.points.empty();
  const bool answers = !answers_.points.empty();
  if (requests && requests_.done < requests_.runs.front().first) return Step::request_alone;
  if (answers && answers_.done < answers_.runs.front().first) return Step::answer_alone;
  if (!answers) return Step::wait;
  const Range request = requests_.position(requests_.done);
  const Range answer = answers_.position(answers_.done);
  if (answer.high < request.low) return Step::answer_alone;
  if (!requests) return Step::wait;
  if (request.high < answer.low) return Step::request_alone;
  if (!request.is_exact() || !answer.is_exact()) return Step::wait;
  const bool asked_for = answers_.points.front().begin >= requests_.points.front().received;
  if (asked_for) return Step::pair;
  answers_.shift_back();
  return Step::answer_alone;
}

void Pipeline::forget_request() {
  requests_.pop();
}

void Pipeline::forget_answer() {
  answers_.pop();
}

}  // namespace compactor::capture
