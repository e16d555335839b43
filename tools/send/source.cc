#include "send/source.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "cli/failure.h"

namespace tool {

namespace {

// Signals and deadlines are looked at between so many lines that are not sent.
constexpr int lines_between_looks = 512;
// Of what a pipe or a device gives, which may have no end.
constexpr std::uint64_t most_counted = std::uint64_t{256} << 20;

bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

class Repeat : public Source {
 public:
  Repeat(Outgoing message, std::uint64_t times, std::optional<double> rate)
      : message_(std::make_shared<const Outgoing>(std::move(message))), left_(times), rate_(rate) {}

  void begin() override { start_ = Steady::now(); }

  Step next() override {
    if (left_ == 0) return {};
    if (rate_) {
      // A hundred years at the most: many messages at a slow rate must not take the clock over its
      // range.
      auto after = std::min(static_cast<double>(sent_) / *rate_, 100 * 366 * 86400.0);
      auto due = start_ + Duration(static_cast<std::int64_t>(after * 1e9));
      if (due > Steady::now()) return {.next = Next::wait, .at = due};
    }
    --left_;
    ++sent_;
    return {.next = Next::message, .message = message_};
  }

  std::uint64_t remaining(const std::function<bool()>&) override { return std::exchange(left_, 0); }

 private:
  std::shared_ptr<const Outgoing> message_;
  std::uint64_t left_;
  std::uint64_t sent_ = 0;
  std::optional<double> rate_;
  Steady::time_point start_ = Steady::now();
};

class Batch : public Source {
 public:
  Batch(int fd, BatchRules rules, std::optional<double> speed, bool keep_from, Console& console)
      : fd_(fd),
        reader_(fd),
        parser_(std::move(rules), console),
        speed_(speed),
        keep_from_(keep_from) {}

  void begin() override { start_ = Steady::now(); }

  Step next() override {
    for (int lines = 0; !held_; ++lines) {
      std::string_view line;
      auto result = lines < lines_between_looks ? reader_.next(line) : LineReader::Result::again;
      if (result == LineReader::Result::end) return {};
      if (result == LineReader::Result::wait) return {.next = Next::wait};
      if (result == LineReader::Result::again) return {.next = Next::wait, .at = Steady::now()};
      if (result == LineReader::Result::too_long) throw too_long();
      hold(parse(line));
    }
    if (due_ > Steady::now()) return {.next = Next::wait, .at = due_};
    return {.next = Next::message, .message = std::exchange(held_, nullptr)};
  }

  int fd() const override { return fd_; }

  std::uint64_t remaining(const std::function<bool()>& goes_on) override {
    std::uint64_t count = held_ ? 1 : 0;
    auto limit = is_regular(fd_) ? UINT64_MAX : reader_.bytes() + most_counted;
    while (goes_on() && reader_.bytes() <= limit && count_some(count)) {
    }
    return count;
  }

  std::uint64_t ignored() const override { return ignored_; }

 private:
  /// Counts the next few lines; false when there are no more.
  bool count_some(std::uint64_t& count) {
    for (int lines = 0; lines < lines_between_looks; ++lines) {
      std::string_view line;
      auto result = next_line(line);
      if (result == LineReader::Result::again) return true;
      if (result == LineReader::Result::end || result == LineReader::Result::wait) return false;
      auto type = recorded_type(line);
      bool ignored = !type.empty() && type != "message";
      ++(ignored ? ignored_ : count);
    }
    return true;
  }

  /// A file that can be read no more has no more lines: that it failed has no bearing on the run.
  LineReader::Result next_line(std::string_view& line) {
    try {
      return reader_.next(line);
    } catch (const Failure&) {
      return LineReader::Result::end;
    }
  }

  Failure too_long() const {
    return {Exit::usage, "batch",
            "line " + std::to_string(reader_.number()) + " is longer than " +
                std::to_string(longest_line >> 20) + " MiB",
            "no receiver takes such a body: send it as a file, BODY being @FILE"};
  }

  BatchMessage parse(std::string_view line) {
    try {
      return parser_.parse(line);
    } catch (const Failure& failure) {
      throw Failure(failure.exit(), failure.kind(),
                    "line " + std::to_string(reader_.number()) + ": " + failure.what(),
                    failure.hint());
    }
  }

  void hold(BatchMessage message) {
    if (message.kind == BatchMessage::Kind::ignored) {
      ++ignored_;
      return;
    }
    auto outgoing = std::make_shared<Outgoing>();
    outgoing->to = std::move(message.to);
    outgoing->to_text = outgoing->to.str();
    outgoing->name = std::move(message.name);
    outgoing->body = std::move(message.body);
    if (keep_from_) outgoing->from = std::move(message.from);
    outgoing->line = reader_.number();
    outgoing->skipped = message.kind == BatchMessage::Kind::partial;
    pace(message.time);
    held_ = std::move(outgoing);
  }

  void pace(std::optional<Duration> time) {
    if (!speed_ || !time) return;
    if (!first_time_) first_time_ = time;
    // A year at the most: a slow speed must not take the clock over its range.
    auto after =
        std::min(static_cast<double>((*time - *first_time_).count()) / *speed_, 366 * 86400e9);
    after = std::max(after, 0.0);  // the clock of a recording may have been set back
    due_ = start_ + Duration(static_cast<std::int64_t>(after));
  }

  int fd_;
  LineReader reader_;
  BatchParser parser_;
  std::optional<double> speed_;
  bool keep_from_;
  std::shared_ptr<const Outgoing> held_;
  Steady::time_point due_;
  Steady::time_point start_ = Steady::now();
  std::optional<Duration> first_time_;
  std::uint64_t ignored_ = 0;
};

}  // namespace

std::unique_ptr<Source> repeat(Outgoing message, std::uint64_t times, std::optional<double> rate) {
  return std::make_unique<Repeat>(std::move(message), times, rate);
}

std::unique_ptr<Source> batch(int fd, BatchRules rules, std::optional<double> speed, bool keep_from,
                              Console& console) {
  return std::make_unique<Batch>(fd, std::move(rules), speed, keep_from, console);
}

}  // namespace tool
