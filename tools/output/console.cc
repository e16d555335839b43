#include "output/console.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <utility>

#include "output/line_text.h"

namespace tool {

namespace {

bool wants_colour(Colour colour, int fd) {
  if (colour != Colour::automatic) return colour == Colour::always;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != 0) return false;
  if (term != nullptr && std::string_view(term) == "dumb") return false;
  return ::isatty(fd) != 0;
}

std::atomic<int> lost_output = 0;

std::unique_ptr<Renderer> make_renderer(const OutputOptions& options, const BodyView& bodies) {
  if (options.json) return make_json_renderer(bodies);
  TextStyle style;
  style.lines = {.colour = wants_colour(options.colour, STDOUT_FILENO),
                 .columns = columns_of_stdout(),
                 .time = options.time,
                 .dates = options.dates,
                 .naming = options.verbose > 0 ? Naming::none : options.naming,
                 .whole = options.verbose > 0};
  style.error_colour = wants_colour(options.colour, STDERR_FILENO);
  style.histogram = ::isatty(STDOUT_FILENO) != 0 && !options.quiet;
  return make_text_renderer(style, bodies);
}

}  // namespace

Console::Console(const OutputOptions& options, const BodyView& bodies)
    : options_(options),
      renderer_(make_renderer(options, bodies)),
      error_renderer_(make_renderer(options, bodies)),
      out_(STDOUT_FILENO),
      err_(STDERR_FILENO) {
  err_.watch([this](bool full) { pressure(full); }, {});
  out_.watch([this](bool full) { pressure(full); }, {});
}

Console::~Console() {
  out_.finish();
  err_.finish();
  if (out_.error() != 0) lost_output = out_.error();
}

int output_error() {
  return lost_output;
}

void Console::error(const Failure& failure) {
  err_.write([&](std::string& queue) { error_renderer_->append_error(queue, failure); });
}

void Console::warning(std::string_view text) {
  if (options_.quiet) return;
  err_.write([&](std::string& queue) { error_renderer_->append_warning(queue, text); });
}

void Console::peer_warning(std::string_view text) {
  std::unique_lock lock(limit_mutex_);
  auto verdict = peer_warnings_.ask();
  lock.unlock();
  if (verdict == compactor::RateLimit::Verdict::pass) warning(text);
  if (verdict == compactor::RateLimit::Verdict::last)
    warning("too many such warnings: those of the rest of this second are left out");
}

void Console::note(std::string_view text) {
  if (options_.quiet) return;
  err_.write([&](std::string& queue) { error_renderer_->append_note(queue, text); });
}

void Console::relay(std::string_view text) {
  err_.write([&](std::string& queue) { error_renderer_->append_note(queue, text); });
}

void Console::detail(int level, std::string_view text) {
  if (options_.verbose >= level) note(text);
}

void Console::watch(std::function<void(bool)> hold, std::function<void()> ended) {
  out_.watch([this](bool full) { pressure(full); }, std::move(ended));
  std::lock_guard lock(watch_mutex_);
  hold_ = std::move(hold);
  if (hold_ && fulls_ > 0) hold_(true);
}

void Console::pressure(bool full) {
  bool warn = false;
  {
    std::lock_guard lock(watch_mutex_);
    fulls_ += full ? 1 : -1;
    bool changed = full ? fulls_ == 1 : fulls_ == 0;
    if (changed && hold_) hold_(full);
    warn = full && !std::exchange(warned_, true);
  }
  if (warn) warning("output is not being read: receiving pauses until it is");
}

}  // namespace tool
