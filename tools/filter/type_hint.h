// What in a filter cannot match any known type or field, whatever comes.
#pragma once

#include <string>
#include <vector>

#include "filter/message_filter.h"
#include "schema/catalog.h"

namespace tool {

/// One line each. Only a name or a value that is typed out is judged, no glob. It may be meant all
/// the same: messages may have any name, and JSON any field.
std::vector<std::string> type_hints(const MessageFilter& filter,
                                    const compactor::schema::Catalog& catalog);

}  // namespace tool
