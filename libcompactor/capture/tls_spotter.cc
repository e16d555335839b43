#include "capture/tls_spotter.h"

#include <utility>

namespace compactor::capture {
namespace {

/// A record of TLS 1.x (RFC 8446 §5.1): its content type, then the version. Text begins with
/// neither.
bool begins_tls_record(std::string_view bytes) {
  return bytes.size() >= 3 && bytes[0] >= 0x14 && bytes[0] <= 0x17 && bytes[1] == 0x03 &&
         static_cast<unsigned char>(bytes[2]) <= 0x04;
}

}  // namespace

bool TlsSpotter::spots(Side sender, std::string_view bytes) {
  if (std::exchange(began_[index(sender)], true)) return false;
  if (spotted_ || !begins_tls_record(bytes)) return false;
  spotted_ = true;
  return true;
}

}  // namespace compactor::capture
