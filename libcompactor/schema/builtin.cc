#include "schema/builtin.h"

#include "base/embed.h"

COMPACTOR_EMBED(protoset, BUILTIN_PROTOSET)
COMPACTOR_EMBED(history, BUILTIN_HISTORY)

namespace compactor::schema {

std::string_view builtin_protoset() {
  return embedded_protoset();
}

std::string_view builtin_history() {
  return embedded_history();
}

}  // namespace compactor::schema
