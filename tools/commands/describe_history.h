// describe --history: since and until which release of Mesos each field of a type was.
#pragma once

#include <string>

#include "schema/catalog.h"

namespace tool {

/// Appends the history of the type, or of all that match the glob, messages and enums: as text, or
/// as one type_info object for each. Throws Failure (exit 2) for a type of which none is known.
void append_history(std::string& out, const compactor::schema::Catalog& catalog,
                    const std::string& what, bool json);

}  // namespace tool
