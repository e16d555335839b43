#include "cli/last_resort.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

#include "cli/failure.h"

namespace tool {

namespace {

constexpr std::string_view for_people = "compactor: out of memory\n";
constexpr std::string_view for_programs =
    R"({"type":"error","kind":"memory","message":"out of memory","hint":"","exit":6})"
    "\n";

std::atomic<bool> last_resort_json = false;

std::terminate_handler usual_end = nullptr;

[[noreturn]] void on_terminate() {
  if (const auto error = std::current_exception()) {
    try {
      std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      end_out_of_memory();
    } catch (...) {
    }
  }
  usual_end();
  std::abort();
}

}  // namespace

void end_out_of_memory() {
  // Of threads that run out of memory together one tells it.
  static std::atomic_flag told;
  while (told.test_and_set()) ::pause();
  const auto text = last_resort_json ? for_programs : for_people;
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(static_cast<int>(Exit::local));
}

void install_last_resort(bool json) {
  last_resort_json = json;
  usual_end = std::set_terminate(on_terminate);
}

}  // namespace tool
