// Protobuf bytes without their type: a guess.
#pragma once

#include <string>
#include <string_view>

namespace compactor::schema {

/// Appends a JSON list of the fields in their order:
/// {"field":N,"wire":"varint"|"i64"|"i32"|"len"|"group","value":…}. Numbers of 64 bits are strings.
/// What has a length is shown as text if it is printable UTF-8, else as a list of fields if it
/// parses as that, else as base64 ("base64" in the place of "value"). At most 32 levels deep.
/// False, and nothing appended, when the bytes are no protobuf message at all.
bool append_raw_fields(std::string_view bytes, std::string& json);

}  // namespace compactor::schema
