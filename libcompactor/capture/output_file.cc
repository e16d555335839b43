#include "capture/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace compactor::capture {
namespace {

constexpr int kWrite = O_WRONLY | O_CREAT | O_CLOEXEC;
constexpr mode_t kMode = 0666;  // less the umask
constexpr int kMostLinks = 40;  // as many as the kernel follows

[[noreturn]] void cannot_write(const std::string& path, const char* why) {
  throw CaptureError(CaptureError::Kind::file, path + ": cannot write: " + why);
}

/// Where a symbolic link leads, if it is root's; else an empty string and errno. By descriptor, so
/// that what is looked at and what is read are the same link.
std::string target_of_roots_link(const std::string& path) {
  const int link = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (link < 0) return {};
  struct stat status {};
  std::string target(PATH_MAX, '\0');
  ssize_t size = 0;
  if (::fstat(link, &status) == 0 && S_ISLNK(status.st_mode) && status.st_uid == 0)
    size = ::readlinkat(link, "", target.data(), target.size());
  ::close(link);
  target.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (target.empty() || target.starts_with('/')) return target;
  return path.substr(0, path.rfind('/') + 1) + target;
}

int open_as_root(std::string path) {
  const std::string asked = path;
  for (int links = 0; links < kMostLinks; ++links) {
    const int descriptor = ::open(path.c_str(), kWrite | O_NOFOLLOW, kMode);
    if (descriptor >= 0 || errno != ELOOP) return descriptor;
    path = target_of_roots_link(path);
    if (path.empty())
      cannot_write(asked, "it is a symbolic link of another user, which root does not follow");
  }
  errno = ELOOP;
  return -1;
}

}  // namespace

std::optional<FileId> file_id(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

OutputFile::OutputFile(const std::string& path, const std::vector<FileId>& in_use)
    : path_(path),
      descriptor_(::geteuid() == 0 ? open_as_root(path) : ::open(path.c_str(), kWrite, kMode)) {
  if (descriptor_ < 0) cannot_write(path, std::strerror(errno));
  const auto own = id();
  if (!own || std::find(in_use.begin(), in_use.end(), *own) == in_use.end()) return;
  ::close(descriptor_);
  throw FileInUse(path);
}

void OutputFile::empty() {
  if (id() && ::ftruncate(descriptor_, 0) != 0) cannot_write(path_, std::strerror(errno));
}

void OutputFile::write_whole(std::string_view bytes) {
  empty();
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) cannot_write(path_, std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(other.release()) {}

int OutputFile::release() {
  return std::exchange(descriptor_, -1);
}

}  // namespace compactor::capture
