// Memory that runs out where nobody can catch it.
#pragma once

namespace tool {

/// From here on a std::bad_alloc that no thread catches ends the process with one error, in JSON or
/// for people, and exit 6. Whatever else is not caught aborts, as always.
void install_last_resort(bool json);

/// That end, for who has caught one. Takes no memory.
[[noreturn]] void end_out_of_memory();

}  // namespace tool
