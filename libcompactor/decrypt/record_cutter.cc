#include "decrypt/record_cutter.h"

#include <algorithm>
#include <utility>

#include "decrypt/byte_reader.h"

namespace compactor::decrypt {
namespace {

/// Of a whole record.
Record as_record(std::string_view bytes) {
  ByteReader reader(bytes);
  Record record;
  record.type = static_cast<ContentType>(reader.u8());
  record.version = reader.u16();
  record.payload = reader.vector(2);
  return record;
}

bool is_content_type(std::uint8_t type) {
  return type >= static_cast<std::uint8_t>(ContentType::change_cipher_spec) &&
         type <= static_cast<std::uint8_t>(ContentType::heartbeat);
}

}  // namespace

bool RecordCutter::next(std::string_view& bytes, Record& record) {
  if (std::exchange(handed_out_, false)) held_ = {};
  if (broken_ || bytes.empty()) return false;
  if (held_.empty()) {
    // Most often it is all there, and nothing is copied.
    const std::size_t size = size_of(bytes);
    if (broken_) return false;
    if (size > 0 && size <= bytes.size()) {
      record = as_record(bytes.substr(0, size));
      bytes.remove_prefix(size);
      return true;
    }
  }
  hold(bytes, kRecordHeaderSize);
  const std::size_t size = size_of(held_);
  if (broken_ || size == 0) return false;
  hold(bytes, size);
  if (held_.size() < size) return false;
  record = as_record(held_);
  handed_out_ = true;
  return true;
}

/// Of the record that begins there; 0 as long as its header is not complete.
std::size_t RecordCutter::size_of(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderSize) return 0;
  ByteReader header(bytes);
  const bool known = is_content_type(header.u8());
  const unsigned version = header.u16();
  const std::size_t length = header.u16();
  broken_ = !known || version >> 8 != 3 || length > kMostPayload;
  return kRecordHeaderSize + length;
}

/// So that there are so many, as far as they are there.
void RecordCutter::hold(std::string_view& bytes, std::size_t size) {
  if (held_.size() >= size) return;
  const std::size_t taken = std::min(size - held_.size(), bytes.size());
  held_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
}

}  // namespace compactor::decrypt
