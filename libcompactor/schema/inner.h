// Bytes fields of Mesos that hold something known. One table: a new kind of field is one line in
// inner.cc.
#pragma once

#include <string>
#include <string_view>

namespace compactor::schema {

struct InnerRule {
  std::string_view type;   // full name of the message that has the field
  std::string_view field;  // its name; a field of type bytes
  std::string_view holds;  // the type of the message within; empty: a UUID, 16 raw bytes
  // Unless empty: the rule holds only where this string field of the same message has this value.
  std::string_view where;
  std::string_view is;
};

/// The rule for a field; null when its bytes are just bytes.
const InnerRule* inner_rule(std::string_view type, std::string_view field);

/// Appends 8-4-4-4-12 hex digits (RFC 9562). False, and nothing appended, unless there are 16
/// bytes.
bool append_uuid(std::string& out, std::string_view bytes);

}  // namespace compactor::schema
