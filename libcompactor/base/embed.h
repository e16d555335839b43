// A file in the program: the assembler copies it into read-only data, so there is no generated
// source, and nothing is run at start.
#pragma once

#include <cstddef>
#include <string_view>

// NOLINTBEGIN(bugprone-macro-parentheses): names and strings, which parentheses would break
/// Declares embedded_NAME(), the bytes of the file. At file scope.
#define COMPACTOR_EMBED(name, file)                                                               \
  asm(".pushsection .rodata\n"                                                                    \
      ".balign 8\n"                                                                               \
      ".globl compactor_embedded_" #name ", compactor_embedded_" #name                            \
      "_end\n"                                                                                    \
      ".hidden compactor_embedded_" #name ", compactor_embedded_" #name                           \
      "_end\n"                                                                                    \
      "compactor_embedded_" #name                                                                 \
      ":\n"                                                                                       \
      ".incbin \"" file                                                                           \
      "\"\n"                                                                                      \
      "compactor_embedded_" #name                                                                 \
      "_end:\n"                                                                                   \
      ".byte 0\n"                                                                                 \
      ".popsection\n");                                                                           \
  extern "C" {                                                                                    \
  extern const char compactor_embedded_##name[] __attribute__((visibility("hidden")));            \
  extern const char compactor_embedded_##name##_end[] __attribute__((visibility("hidden")));      \
  }                                                                                               \
  static std::string_view embedded_##name() {                                                     \
    return {compactor_embedded_##name, static_cast<std::size_t>(compactor_embedded_##name##_end - \
                                                                compactor_embedded_##name)};      \
  }
// NOLINTEND(bugprone-macro-parentheses)
