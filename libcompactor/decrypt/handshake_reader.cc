#include "decrypt/handshake_reader.h"

#include "decrypt/byte_reader.h"

namespace compactor::decrypt {
namespace {

constexpr std::size_t kMessageHeaderSize = 4;

}  // namespace

void HandshakeReader::add(std::string_view payload) {
  if (!broken_) held_ += payload;
}

bool HandshakeReader::next(HandshakeMessage& message) {
  if (broken_) return false;
  const std::string_view rest = std::string_view(held_).substr(done_);
  ByteReader reader(rest);
  const auto type = static_cast<HandshakeType>(reader.u8());
  const std::size_t length = reader.number(3);
  if (!reader.failed() && kMessageHeaderSize + length <= rest.size()) {
    message = {type, rest.substr(kMessageHeaderSize, length),
               rest.substr(0, kMessageHeaderSize + length)};
    done_ += kMessageHeaderSize + length;
    return true;
  }
  broken_ = !reader.failed() && kMessageHeaderSize + length > kMostHandshake;
  if (broken_ || rest.empty()) {
    held_ = {};
  } else {
    held_.erase(0, done_);
  }
  done_ = 0;
  return false;
}

}  // namespace compactor::decrypt
