// What every figure is measured with: two OS processes, alternating runs, medians.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace bench {

using Clock = std::chrono::steady_clock;

/// Carries lines of text from one OS process to another; made before they are forked.
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void put(std::string line) const;
  /// Blocks. Throws when the other side has gone without a word. Who takes does not put.
  std::string take();

 private:
  void close_writer();
  int reader_, writer_;
};

/// Runs both in OS processes of their own and returns what `measured` returned. Throws when one of
/// them failed.
double run_pair(const std::function<double()>& measured, const std::function<void()>& other);

/// Wall time of a program from fork to its end, in microseconds. Its output is thrown away. Throws
/// when it does not exit with 0.
double time_program(const std::vector<std::string>& command);

double microseconds_since(Clock::time_point start);
double seconds_since(Clock::time_point start);

/// The value in the middle; throws when there is none.
double median(std::vector<double> values);

}  // namespace bench
