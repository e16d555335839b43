// Capture files: pcapng of several sections, interfaces and kinds of blocks, with damage in any of
// them, and pcap. Read to the end without a crash, and nothing is handed out that is not in the
// file. With clang: libFuzzer; everywhere: driver.cc.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "capture/capture_error.h"
#include "capture/capture_file.h"

namespace {

using namespace compactor::capture;  // NOLINT

/// Makes a file out of the input: what is in it is the input's, how it is arranged and what is
/// broken of it, its first two bytes decide.
class FileMaker {
 public:
  explicit FileMaker(std::string_view input)
      : rest_(input.substr(std::min<std::size_t>(2, input.size()))) {
    std::uint32_t seed = 1;
    for (const char c : input.substr(0, 2)) seed = seed * 256 + static_cast<std::uint8_t>(c);
    random_.seed(seed);
  }

  std::string make() {
    if (below(8) == 0) return std::string(rest_);
    if (below(4) == 0) {
      pcap();
    } else {
      section();
      while (!rest_.empty()) block();
    }
    if (below(8) == 0) file_.resize(below(file_.size() + 1));
    return file_;
  }

 private:
  std::uint32_t below(std::size_t bound) {
    return static_cast<std::uint32_t>(random_() % std::max<std::size_t>(bound, 1));
  }
  /// Now and then another number, of any size.
  std::uint32_t odd(std::size_t value) {
    const auto luck = below(800);
    if (luck == 0) return static_cast<std::uint32_t>(random_());
    return static_cast<std::uint32_t>(value) + (luck == 1 ? 1 : luck == 2 ? ~std::uint32_t{0} : 0);
  }
  std::string_view piece() {
    const auto taken = rest_.substr(0, 1 + below(200));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string number(std::uint32_t value, int size) const {
    std::string bytes;
    for (int i = 0; i < size; ++i)
      bytes += static_cast<char>(value >> 8 * (big_ ? size - 1 - i : i) & 0xff);
    return bytes;
  }
  std::string u32(std::size_t value) { return number(odd(value), 4); }
  std::string u16(std::size_t value) { return number(odd(value), 2); }
  static std::string padded(std::string_view bytes) {
    return std::string(bytes) + std::string((4 - bytes.size() % 4) % 4, '\0');
  }
  void add(std::uint32_t type, const std::string& body) {
    file_ += number(type, 4) + u32(12 + body.size()) + body + u32(12 + body.size());
  }

  void pcap() {
    constexpr std::uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0xa1b2c3d5};
    big_ = below(2) == 0;
    file_ = number(magics[below(4)], 4) + u16(2) + u16(4) + u32(0) + u32(0) + u32(65536) + u32(1);
    while (!rest_.empty()) {
      const auto bytes = piece();
      file_ += u32(1) + u32(2) + u32(bytes.size()) + u32(bytes.size() + below(3));
      file_ += bytes;
    }
  }
  void section() {
    big_ = below(2) == 0;
    interfaces_ = 0;
    add(0x0a0d0d0a, number(0x1a2b3c4d, 4) + u16(1) + u16(0) + std::string(8, '\xff'));
    interface();
  }
  void interface() {
    constexpr std::uint32_t links[] = {1, 113, 276, 0, 101, 147};
    std::string body =
        u16(links[below(40) == 0 ? 5 : below(5)]) + u16(0) + u32(below(2) == 0 ? 0 : 100);
    if (below(2) == 0)
      body += u16(9) + u16(1) + padded(std::string(1, static_cast<char>(random_())));
    if (below(3) == 0) body += u16(14) + u16(8) + u32(random_()) + u32(random_());
    if (below(2) == 0) body += u16(0) + u16(0);
    add(1, body);
    ++interfaces_;
  }
  void block() {
    const auto bytes = piece();
    const auto index = odd(below(interfaces_));
    switch (below(20)) {
      case 0:
        return section();
      case 1:
        return interface();
      case 2:
        return add(3, u32(bytes.size()) + padded(bytes));
      case 3:
        return add(2, u16(index) + u16(0) + u32(5) + u32(6) + u32(bytes.size()) +
                          u32(bytes.size()) + padded(bytes));
      case 4:
        return add(static_cast<std::uint32_t>(random_()), padded(bytes));
      case 5:
        if (below(5) == 0) file_ += bytes;
        return;
      default:
        add(6, u32(index) + u32(random_()) + u32(random_()) + u32(bytes.size()) +
                   u32(bytes.size() + below(2)) + padded(bytes));
    }
  }

  std::string_view rest_;
  std::minstd_rand random_;
  std::string file_;
  bool big_ = false;
  std::uint32_t interfaces_ = 0;  // of the section
};

void check(bool holds) {
  if (!holds) std::abort();
}

void read(const std::string& bytes) {
  const int descriptor = ::memfd_create("fuzz", MFD_CLOEXEC);
  check(descriptor >= 0);
  check(::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  check(::lseek(descriptor, 0, SEEK_SET) == 0);
  try {
    CaptureFile file(ByteSource(descriptor, {}), "fuzz");
    CapturedPacket packet;
    std::size_t handed_out = 0;
    for (auto read = file.next(packet); read == CaptureFile::Read::packet;
         read = file.next(packet)) {
      // Compressed, it may be more than the file.
      handed_out += packet.bytes.size() + 12;
      check(bytes.starts_with("\x1f\x8b") || bytes.starts_with("\x28\xb5") ||
            handed_out <= bytes.size());
      volatile char last = packet.bytes.empty() ? '\0' : packet.bytes.back();
      static_cast<void>(last);
    }
    check(file.read_bytes() <= bytes.size());
  } catch (const CaptureError&) {
    // No capture at all.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(FileMaker({reinterpret_cast<const char*>(data), size}).make());  // NOLINT: bytes are bytes
  return 0;
}
