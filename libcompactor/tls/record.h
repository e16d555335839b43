// The record layer of TLS (RFC 8446 §5.1), as far as one looks at it from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace compactor::tls {

/// The bytes begin a record of TLS 1.x or SSL 3: its content type, then the version, as far as they
/// are there (two at least). Text begins with neither.
bool begins_record(std::string_view bytes);

/// What a client speaks, by the first bytes that it sends.
enum class Opening : std::uint8_t { undecided, tls, plain };

/// So many bytes decide.
constexpr std::size_t kOpeningBytes = 6;

/// As libprocess with SUPPORT_DOWNGRADE decides: a ClientHello in a record, or one of SSL 2, is
/// TLS, anything else is plain. Undecided only while fewer than kOpeningBytes are here and all of
/// them may begin a ClientHello.
Opening opening_of(std::string_view first_bytes);

}  // namespace compactor::tls
