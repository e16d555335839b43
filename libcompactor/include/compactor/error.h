// The library's exceptions. Errors of a peer or of the network during a run are never thrown:
// they come as a Delivery, an exited() or a call of the Observer. What is thrown is a mistake of
// the caller or a resource that could not be had at construction.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

#include "compactor/export.h"

namespace compactor {

class COMPACTOR_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A text that is no PID.
class COMPACTOR_API InvalidPid : public Error {
 public:
  using Error::Error;
};

/// Bind, listen or resolve failed. `code()` is the system's or the resolver's reason.
class COMPACTOR_API SocketError : public Error {
 public:
  SocketError(const std::string& what, std::error_code code) : Error(what), code_(code) {}
  const std::error_code& code() const noexcept { return code_; }

 private:
  std::error_code code_;
};

/// The PID names no process of this Context, or the name is taken.
class COMPACTOR_API InvalidProcess : public Error {
 public:
  using Error::Error;
};

/// A dispatch or delay whose method does not belong to the process' class.
class COMPACTOR_API InvalidMethod : public Error {
 public:
  using Error::Error;
};

/// A Process was asked for something that only a spawned one has.
class COMPACTOR_API UnboundProcess : public Error {
 public:
  using Error::Error;
};

/// The Context has been stopped.
class COMPACTOR_API Stopped : public Error {
 public:
  using Error::Error;
};

}  // namespace compactor
