#include "decrypt/key_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "decrypt/hello.h"
#include "text/hex.h"

namespace compactor::decrypt {
namespace {

constexpr std::size_t kLongestLine = 1024;
constexpr std::size_t kMostSecrets = 1'000'000;
/// So much without a line that can be read is no key log.
constexpr std::size_t kMostForeign = std::size_t{1} << 20;

constexpr std::pair<std::string_view, Secret> kLabels[] = {
    {"CLIENT_RANDOM", Secret::master},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", Secret::client_handshake},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", Secret::server_handshake},
    {"CLIENT_TRAFFIC_SECRET_0", Secret::client_application},
    {"SERVER_TRAFFIC_SECRET_0", Secret::server_application},
};

std::string key_of(Secret secret, std::string_view client_random) {
  return static_cast<char>(secret) + std::string(client_random);
}

/// The word before the first blank, which is taken off.
std::string_view take_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

}  // namespace

KeyLog::KeyLog(const std::string& path, Empty empty)
    : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) throw KeyFileError(std::strerror(errno));
  struct stat about {};
  grows_ = ::fstat(file_, &about) == 0 && S_ISREG(about.st_mode);
  const int error = S_ISDIR(about.st_mode) ? EISDIR : 0;
  if (error == 0) read_on();
  // The end of a file that is not being written may be a line.
  if (error == 0 && empty == Empty::refused && !too_long_) read_line(line_);
  if (error == 0 && (lines_ > 0 || (!foreign_ && empty == Empty::allowed))) return;
  ::close(file_);
  throw KeyFileError(error != 0 ? std::strerror(error) : "no key log: no line of it is a secret");
}

KeyLog::~KeyLog() {
  ::close(file_);
}

std::optional<std::string> KeyLog::find(Secret secret, std::string_view client_random) {
  const std::string key = key_of(secret, client_random);
  auto found = secrets_.find(key);
  if (found == secrets_.end() && grows_) {
    read_on();
    found = secrets_.find(key);
  }
  if (found == secrets_.end()) return std::nullopt;
  return found->second;
}

void KeyLog::read_on() {
  std::array<char, 16384> bytes{};
  std::size_t foreign = 0;
  while (secrets_.size() < kMostSecrets) {
    const ssize_t size = ::read(file_, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    read_lines({bytes.data(), static_cast<std::size_t>(size)});
    foreign += static_cast<std::size_t>(size);
    if (lines_ == 0 && foreign > kMostForeign) return;
  }
}

void KeyLog::read_lines(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    too_long_ = too_long_ || line_.size() > kLongestLine;
    if (too_long_) {
      line_.clear();
      foreign_ = true;
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (!std::exchange(too_long_, false)) read_line(line_);
    line_.clear();
  }
}

/// LABEL RANDOM SECRET; what begins with # is a comment.
void KeyLog::read_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty() || line.front() == '#') return;
  const std::string_view label = take_word(line);
  const auto random = text::decode_hex(take_word(line));
  const auto secret = text::decode_hex(line);
  if (!random || random->size() != kRandomSize || !secret || secret->empty()) {
    foreign_ = true;
    return;
  }
  ++lines_;
  for (const auto& [name, kind] : kLabels) {
    if (label == name) secrets_.insert_or_assign(key_of(kind, *random), *secret);
  }
}

}  // namespace compactor::decrypt
