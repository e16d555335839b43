// Giving up root once everything that needs it is open.
#pragma once

#include <string>

#include "compactor/error.h"

namespace compactor::capture {

class PrivilegeError : public Error {
 public:
  using Error::Error;
};

/// Becomes that user, with the user's groups, for good. Throws PrivilegeError when there is no such
/// user, or when it did not work: the caller must not go on as root then.
void drop_privileges(const std::string& user);

/// Whom a process started as root should become: who called sudo, else nobody. Empty when it is not
/// root.
std::string unprivileged_user();

}  // namespace compactor::capture
