// The protobuf wire format, below any message type: varints, tags, lengths, groups.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace compactor::schema {

enum class Wire : std::uint8_t { varint = 0, i64 = 1, len = 2, group = 3, end_group = 4, i32 = 5 };

/// How one value of that type is written, unpacked.
Wire wire_of(google::protobuf::FieldDescriptor::Type type);

/// As protobuf itself: a body that nests deeper is refused.
constexpr int max_depth = 100;

/// Reads a buffer from front to back. Every function is false, and `fault` says why, when the bytes
/// are not what was asked for; `at` then stands where the unreadable item begins.
struct WireCursor {
  explicit WireCursor(std::string_view bytes) : at(bytes.data()), end(at + bytes.size()) {}

  const char* at;
  const char* end;
  const char* fault = nullptr;  // a constant text
  bool minimal = true;          // no varint so far had more bytes than it needs

  bool done() const { return at == end; }

  bool varint(std::uint64_t& value) {
    if (at != end && static_cast<signed char>(*at) >= 0) {
      value = static_cast<unsigned char>(*at++);
      return true;
    }
    return long_varint(value);
  }

  bool tag(std::uint32_t& number, Wire& wire) {
    const char* start = at;
    std::uint64_t tag = 0;
    if (!varint(tag)) return false;
    number = static_cast<std::uint32_t>(tag >> 3);
    wire = static_cast<Wire>(tag & 7);
    if (tag > UINT32_MAX || number == 0) return fail_at(start, "no valid field number");
    if ((tag & 7) > 5) return fail_at(start, "no valid wire type");
    return true;
  }

  bool bytes(std::string_view& value) {
    const char* start = at;
    std::uint64_t size = 0;
    if (!varint(size)) return false;
    if (size > static_cast<std::uint64_t>(end - at)) {
      return fail_at(start, "a length that runs past the end");
    }
    value = {at, static_cast<std::size_t>(size)};
    at += size;
    return true;
  }

  template <class T>
  bool fixed(T& value) {
    if (end - at < static_cast<std::ptrdiff_t>(sizeof value))
      return fail("cut off inside a number");
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return true;
  }

  /// Passes over the value behind a tag; a group with all it holds.
  bool skip(std::uint32_t number, Wire wire, int depth = 0);

  bool fail(const char* why) {
    fault = why;
    return false;
  }

 private:
  bool long_varint(std::uint64_t& value);
  bool fail_at(const char* where, const char* why) {
    at = where;
    return fail(why);
  }
};
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "fixed-width numbers are read as they lie in memory");

struct WireField {
  std::uint32_t number = 0;
  Wire wire = Wire::varint;
  std::string_view bytes;  // the value as encoded; of a `len` field without its length
};

/// The next field; false at the end and at a fault.
bool next_field(WireCursor& cursor, WireField& field);

/// Calls `f` for each field up to the end or the first fault; false at a fault.
template <class F>
bool for_each_field(std::string_view bytes, F&& f) {
  WireCursor cursor(bytes);
  WireField field;
  while (next_field(cursor, field)) f(field);
  return cursor.fault == nullptr;
}

inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

void append_varint(std::string& out, std::uint64_t value);
void append_tag(std::string& out, std::uint32_t number, Wire wire);
template <class T>
void append_fixed(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof raw);
}

}  // namespace compactor::schema
