#include "capture/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace compactor::capture {
namespace {

[[noreturn]] void fail(const std::string& user, const char* what) {
  throw PrivilegeError("cannot become user " + user + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

void drop_privileges(const std::string& user) {
  std::vector<char> buffer(std::size_t{16} << 10);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) throw PrivilegeError("cannot become user " + user + ": no such user");
  if (initgroups(found->pw_name, found->pw_gid) != 0) fail(user, "initgroups");
  if (setgid(found->pw_gid) != 0) fail(user, "setgid");
  if (setuid(found->pw_uid) != 0) fail(user, "setuid");
  if (found->pw_uid != 0 && (setuid(0) == 0 || geteuid() == 0))
    throw PrivilegeError("cannot become user " + user + ": still root afterwards");
}

std::string unprivileged_user() {
  if (geteuid() != 0) return {};
  const char* caller = std::getenv("SUDO_USER");
  const bool useful = caller != nullptr && *caller != '\0' && std::strcmp(caller, "root") != 0;
  return useful ? caller : "nobody";
}

}  // namespace compactor::capture
