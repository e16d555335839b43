#include "schema/builtin.h"

#include <cstddef>

// The assembler copies a file into read-only data: no generated source, and nothing is run at
// start.
// NOLINTBEGIN(bugprone-macro-parentheses): names and strings, which parentheses would break
#define EMBED(symbol, file)                                               \
  asm(".pushsection .rodata\n"                                            \
      ".balign 8\n"                                                       \
      ".globl " #symbol ", " #symbol                                      \
      "_end\n"                                                            \
      ".hidden " #symbol ", " #symbol "_end\n" #symbol                    \
      ":\n"                                                               \
      ".incbin \"" file "\"\n" #symbol                                    \
      "_end:\n"                                                           \
      ".byte 0\n"                                                         \
      ".popsection\n");                                                   \
  extern "C" {                                                            \
  extern const char symbol[] __attribute__((visibility("hidden")));       \
  extern const char symbol##_end[] __attribute__((visibility("hidden"))); \
  }
// NOLINTEND(bugprone-macro-parentheses)

EMBED(compactor_builtin_protoset, BUILTIN_PROTOSET)
EMBED(compactor_builtin_history, BUILTIN_HISTORY)

namespace compactor::schema {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view builtin_protoset() {
  return between(compactor_builtin_protoset, compactor_builtin_protoset_end);
}

std::string_view builtin_history() {
  return between(compactor_builtin_history, compactor_builtin_history_end);
}

}  // namespace compactor::schema
