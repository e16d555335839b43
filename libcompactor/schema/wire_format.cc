#include "schema/wire_format.h"

namespace compactor::schema {

Wire wire_of(google::protobuf::FieldDescriptor::Type type) {
  using Field = google::protobuf::FieldDescriptor;
  switch (type) {
    case Field::TYPE_DOUBLE:
    case Field::TYPE_FIXED64:
    case Field::TYPE_SFIXED64:
      return Wire::i64;
    case Field::TYPE_FLOAT:
    case Field::TYPE_FIXED32:
    case Field::TYPE_SFIXED32:
      return Wire::i32;
    case Field::TYPE_STRING:
    case Field::TYPE_BYTES:
    case Field::TYPE_MESSAGE:
      return Wire::len;
    case Field::TYPE_GROUP:
      return Wire::group;
    case Field::TYPE_INT32:
    case Field::TYPE_INT64:
    case Field::TYPE_UINT32:
    case Field::TYPE_UINT64:
    case Field::TYPE_SINT32:
    case Field::TYPE_SINT64:
    case Field::TYPE_BOOL:
    case Field::TYPE_ENUM:
      break;
  }
  return Wire::varint;
}

bool WireCursor::long_varint(std::uint64_t& value) {
  constexpr int max_bytes = 10;
  std::uint64_t result = 0;
  for (int i = 0; i < max_bytes; ++i) {
    if (at + i == end) return fail("cut off inside a varint");
    const auto byte = static_cast<unsigned char>(at[i]);
    // Of the tenth byte only one bit fits; protobuf drops the others.
    result |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if ((byte == 0 && i > 0) || (i == max_bytes - 1 && byte > 1)) minimal = false;
      at += i + 1;
      value = result;
      return true;
    }
  }
  return fail("a varint of more than 10 bytes");
}

bool WireCursor::skip(std::uint32_t number, Wire wire, int depth) {
  std::uint64_t ignored = 0;
  std::string_view payload;
  std::uint32_t word = 0;
  switch (wire) {
    case Wire::varint:
      return varint(ignored);
    case Wire::i64:
      return fixed(ignored);
    case Wire::i32:
      return fixed(word);
    case Wire::len:
      return bytes(payload);
    case Wire::end_group:
      return fail("the end of a group that did not begin");
    case Wire::group:
      break;
  }
  if (depth >= max_depth) return fail("nested too deep");
  while (!done()) {
    std::uint32_t inner = 0;
    if (!tag(inner, wire)) return false;
    if (wire == Wire::end_group) return inner == number || fail("the end of another group");
    if (!skip(inner, wire, depth + 1)) return false;
  }
  return fail("cut off inside a group");
}

bool next_field(WireCursor& cursor, WireField& field) {
  if (cursor.done() || !cursor.tag(field.number, field.wire)) return false;
  if (field.wire == Wire::len) return cursor.bytes(field.bytes);
  const char* start = cursor.at;
  if (!cursor.skip(field.number, field.wire)) return false;
  field.bytes = {start, static_cast<std::size_t>(cursor.at - start)};
  return true;
}

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void append_tag(std::string& out, std::uint32_t number, Wire wire) {
  append_varint(out, (static_cast<std::uint64_t>(number) << 3) | static_cast<std::uint64_t>(wire));
}

}  // namespace compactor::schema
