// Why an end of a connection gave it up, as it says (RFC 8446 §6).
#pragma once

#include <string>

namespace compactor::decrypt {

/// "decode_error (alert 50)".
std::string alert_words(unsigned number);

}  // namespace compactor::decrypt
