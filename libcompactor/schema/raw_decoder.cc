#include "schema/raw_decoder.h"

#include "schema/wire_format.h"
#include "text/base64.h"
#include "text/json_text.h"
#include "text/utf8.h"

namespace compactor::schema {
namespace {

constexpr int deepest = 32;

const char* name_of(Wire wire) {
  switch (wire) {
    case Wire::varint:
      return "varint";
    case Wire::i64:
      return "i64";
    case Wire::i32:
      return "i32";
    case Wire::group:
    case Wire::end_group:
      return "group";
    case Wire::len:
      break;
  }
  return "len";
}

bool append_fields(std::string_view bytes, std::string& json, int depth);

/// Appends ,"value":… for what has a length. Of the guesses that fail nothing stays, so each byte
/// is looked at no more than once for each level.
void append_guess(std::string_view bytes, std::string& json, int depth) {
  const std::size_t before = json.size();
  json += ",\"value\":";
  if (text::is_printable(bytes)) {
    text::append_json_string(json, bytes);
    return;
  }
  json.resize(before + 9);
  if (depth < deepest && append_fields(bytes, json, depth + 1)) return;
  json.resize(before);
  json += ",\"base64\":\"";
  text::append_base64(json, bytes);
  json += '"';
}

template <class T>
T loaded(std::string_view bytes) {
  T value{};
  WireCursor(bytes).fixed(value);
  return value;
}

void append_value(const WireField& field, std::string& json, int depth) {
  std::uint64_t number = 0;
  switch (field.wire) {
    case Wire::varint:
      WireCursor(field.bytes).varint(number);
      json += ",\"value\":\"" + std::to_string(number) + '"';
      return;
    case Wire::i64:
      json += ",\"value\":\"" + std::to_string(loaded<std::uint64_t>(field.bytes)) + '"';
      return;
    case Wire::i32:
      json += ",\"value\":" + std::to_string(loaded<std::uint32_t>(field.bytes));
      return;
    case Wire::group: {
      std::string_view content =
          field.bytes;  // up to its end tag, which has the bytes of a tag of that number
      std::string end;
      append_tag(end, field.number, Wire::end_group);
      content.remove_suffix(std::min(content.size(), end.size()));
      return append_guess(content, json, depth);
    }
    case Wire::len:
    case Wire::end_group:  // next_field never gives one
      return append_guess(field.bytes, json, depth);
  }
}

bool append_fields(std::string_view bytes, std::string& json, int depth) {
  const std::size_t before = json.size();
  json += '[';
  bool first = true;
  const bool whole = for_each_field(bytes, [&](const WireField& field) {
    json += first ? "{\"field\":" : ",{\"field\":";
    first = false;
    json += std::to_string(field.number) + ",\"wire\":\"" + name_of(field.wire) + '"';
    append_value(field, json, depth);
    json += '}';
  });
  json += ']';
  if (!whole) json.resize(before);
  return whole;
}

}  // namespace

bool append_raw_fields(std::string_view bytes, std::string& json) {
  return append_fields(bytes, json, 0);
}

}  // namespace compactor::schema
