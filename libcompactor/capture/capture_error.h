// What is wrong with a capture.
#pragma once

#include <string>

#include "compactor/error.h"

namespace compactor::capture {

/// A capture that cannot be opened, read, filtered or written. The text is for the user, without
/// the name of the program.
class CaptureError : public Error {
 public:
  enum class Kind {
    file,        // not there, not readable, not a capture, not writable
    device,      // no such interface, or it is down
    permission,  // to capture
    filter,      // the expression is wrong
  };
  CaptureError(Kind kind, const std::string& what) : Error(what), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

}  // namespace compactor::capture
