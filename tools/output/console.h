// stdout and stderr of a run: which renderer, which queue, and who is told when nobody reads what
// we print.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/rate_limit.h"
#include "body/body.h"
#include "output/output.h"
#include "output/render.h"

namespace tool {

enum class Colour { automatic, always, never };

struct OutputOptions {
  bool json = false;
  bool quiet = false;
  int verbose = 0;
  bool results_on_stderr = false;  // standard output is for something else
  Colour colour = Colour::automatic;
  TimeStyle time = TimeStyle::absolute;
  bool dates = false;            // see LineStyle
  Naming naming = Naming::none;  // with -v it is as none
};

/// Thread-safe. Whole lines, in order, never blocking.
class Console {
 public:
  Console(const OutputOptions& options, const BodyView& bodies);
  ~Console();  // writes what is queued
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// A result.
  template <class Event>
  void print(const Event& event) {
    if (options_.results_on_stderr) {
      err_.write([&](std::string& queue) { error_renderer_->append(queue, event); });
    } else {
      out_.write([&](std::string& queue) { renderer_->append(queue, event); });
    }
  }
  /// The lines of a result, for who prints them later, by print_raw(). Not while another thread
  /// prints.
  template <class Event>
  void render(std::string& out, const Event& event) {
    renderer_->append(out, event);
  }
  /// See Renderer: for who prints the lines later. The same holds as for render().
  void leave_openings_out() { renderer_->leave_openings_out(); }
  NamesInLine last_names() const { return renderer_->last_names(); }
  void append_legend(std::string& out, const NamesInLine& names) {
    renderer_->append_legend(out, names);
  }
  void append_opening(std::string& out, WallTime time) { renderer_->append_opening(out, time); }
  /// Bytes as they are, on standard output.
  void print_raw(std::string_view bytes) { out_.write(bytes); }

  void error(const Failure& failure);
  /// Neither is shown with -q.
  void warning(std::string_view text);
  void note(std::string_view text);
  /// A line of a child process, which is shown with -q too.
  void relay(std::string_view text);
  /// A warning that a peer, or a child process, can cause as often as it likes: at most 100 are
  /// shown in a second, then one that says so.
  void peer_warning(std::string_view text);
  /// Shown by `-v` (level 1), `-v -v` (2) …
  void detail(int level, std::string_view text);

  /// While true, results are written in large pieces: for a run that prints as fast as it can.
  void gather(bool on) { out_.gather(on); }
  /// Bytes of results that are not yet written.
  std::size_t waiting() const { return out_.waiting(); }

  const OutputOptions& options() const { return options_; }

  /// `hold(true)` when output piles up and nothing more should be taken in, `hold(false)` when it
  /// may go on; `ended` when nobody reads stdout any more. Null functions take it back.
  void watch(std::function<void(bool)> hold, std::function<void()> ended);
  bool full() const { return out_.full() || err_.full(); }
  /// The reader of stdout has gone.
  bool ended() const { return out_.broken(); }

 private:
  void pressure(bool full);

  OutputOptions options_;
  std::unique_ptr<Renderer> renderer_;        // for stdout, used under out_'s lock
  std::unique_ptr<Renderer> error_renderer_;  // for stderr, used under err_'s lock
  std::mutex limit_mutex_;
  compactor::RateLimit peer_warnings_{100};
  std::mutex watch_mutex_;
  std::function<void(bool)> hold_;
  int fulls_ = 0;
  bool warned_ = false;
  Output out_;
  Output err_;
};

/// errno of a write to standard output that failed in a Console that is gone by now; 0 if none did.
/// What was printed is lost then, which no exit 0 may hide. A reader that went away is no failure.
int output_error();

}  // namespace tool
