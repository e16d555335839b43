#include "schema/builtin.h"

#include <cstddef>

// The assembler copies the file into read-only data: no generated source, and nothing is run at
// start.
asm(".pushsection .rodata\n"
    ".balign 8\n"
    ".globl compactor_builtin_protoset, compactor_builtin_protoset_end\n"
    ".hidden compactor_builtin_protoset, compactor_builtin_protoset_end\n"
    "compactor_builtin_protoset:\n"
    ".incbin \"" BUILTIN_PROTOSET
    "\"\n"
    "compactor_builtin_protoset_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const char compactor_builtin_protoset[] __attribute__((visibility("hidden")));
extern const char compactor_builtin_protoset_end[] __attribute__((visibility("hidden")));
}

namespace compactor::schema {

std::string_view builtin_protoset() {
  return {compactor_builtin_protoset,
          static_cast<std::size_t>(compactor_builtin_protoset_end - compactor_builtin_protoset)};
}

}  // namespace compactor::schema
