// pcap and pcapng of every shape, compressed or not, damaged or not.
#include "capture/capture_file.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>
#include <vector>

#include "capture/capture_error.h"
#include "support/capture_kit.h"
#include "support/pcap_streams.h"

namespace capture_capture_file_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

/// Writes numbers in one byte order.
class Writer {
 public:
  explicit Writer(bool big) : big_(big) {}
  Writer& u16(unsigned value) { return put(value, 2); }
  Writer& u32(std::uint32_t value) { return put(value, 4); }
  Writer& text(const std::string& bytes) {
    out += bytes;
    return *this;
  }
  Writer& padded(const std::string& bytes) {
    return text(bytes).text(std::string((4 - bytes.size() % 4) % 4, '\0'));
  }
  Writer& block(std::uint32_t type, const std::string& body) {
    const auto size = static_cast<std::uint32_t>(12 + body.size());
    return u32(type).u32(size).text(body).u32(size);
  }

  std::string out;

 private:
  Writer& put(std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) out += static_cast<char>(value >> 8 * (big_ ? size - 1 - i : i));
    return *this;
  }
  bool big_;
};

std::string section(bool big) {
  return Writer(big)
      .block(0x0a0d0d0a, Writer(big).u32(0x1a2b3c4d).u16(1).u16(0).text(std::string(8, '\xff')).out)
      .out;
}

std::string interface(bool big, unsigned link, std::uint32_t snaplen, int resolution = -1,
                      std::uint32_t offset = 0) {
  Writer body(big);
  body.u16(link).u16(0).u32(snaplen).u16(2).u16(3).padded("eth");
  if (resolution >= 0) body.u16(9).u16(1).padded(std::string(1, static_cast<char>(resolution)));
  if (offset != 0) body.u16(14).u16(8).u32(big ? 0 : offset).u32(big ? offset : 0);
  body.u16(0).u16(0);
  return Writer(big).block(1, body.out).out;
}

std::string enhanced(bool big, std::uint32_t number, std::uint64_t stamp, const std::string& data,
                     std::uint32_t wire) {
  return Writer(big)
      .block(6, Writer(big)
                    .u32(number)
                    .u32(static_cast<std::uint32_t>(stamp >> 32))
                    .u32(static_cast<std::uint32_t>(stamp))
                    .u32(static_cast<std::uint32_t>(data.size()))
                    .u32(wire)
                    .padded(data)
                    .out)
      .out;
}

std::string simple(bool big, std::uint32_t wire, const std::string& data) {
  return Writer(big).block(3, Writer(big).u32(wire).padded(data).out).out;
}

std::string pcap(bool big, std::uint32_t magic, std::uint32_t link,
                 const std::vector<std::string>& packets) {
  Writer file(big);
  file.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(262'144).u32(link);
  for (const std::string& data : packets) {
    const auto size = static_cast<std::uint32_t>(data.size());
    file.u32(1'700'000'000).u32(5).u32(size).u32(size + 7);
    if (magic == 0xa1b2cd34) file.u32(0).u32(0);
    file.text(data);
  }
  return file.out;
}

CaptureFile open(const std::string& bytes, ByteSource::Wait wait = {}) {
  const int descriptor = ::memfd_create("capture", 0);
  REQUIRE(::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  ::lseek(descriptor, 0, SEEK_SET);
  return CaptureFile(ByteSource(descriptor, std::move(wait)), "file");
}

struct All {
  std::vector<std::string> packets;
  std::vector<CapturedPacket> heads;
  std::string trouble;
  std::vector<int> links;
};

All read_all(const std::string& bytes) {
  CaptureFile file = open(bytes);
  All all;
  CapturedPacket packet;
  CaptureFile::Read read{};
  while ((read = file.next(packet)) == CaptureFile::Read::packet) {
    all.packets.emplace_back(packet.bytes);
    all.heads.push_back(packet);
  }
  if (read == CaptureFile::Read::broken) all.trouble = file.trouble();
  all.links = file.link_types();
  return all;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(bytes.size() + 1'000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

using Packets = std::vector<std::string>;

}  // namespace

TEST_CASE("pcap in both byte orders and all resolutions") {
  for (const bool big : {false, true}) {
    const All micro = read_all(pcap(big, 0xa1b2c3d4, 1, {"one", "", "three"}));
    CHECK(micro.packets == Packets{"one", "", "three"});
    CHECK(micro.heads[0].time == Time(1'700'000'000s + 5us));
    CHECK(micro.heads[2].wire_length == 12);
    CHECK(micro.links == std::vector<int>{1});
    CHECK(micro.trouble.empty());
    CHECK(read_all(pcap(big, 0xa1b23c4d, 1, {"one"})).heads[0].time == Time(1'700'000'000s + 5ns));
    CHECK(read_all(pcap(big, 0xa1b2cd34, 1, {"one", "two"})).packets == Packets{"one", "two"});
    CHECK(read_all(pcap(big, 0xa1b2c3d4, 101, {"one"})).heads[0].link_type == 12);
  }
}

TEST_CASE("pcapng: interfaces of their own link type, snapshot length, resolution and offset") {
  for (const bool big : {false, true}) {
    const std::string file =
        section(big) + interface(big, 1, 96) + interface(big, 113, 65'535, 9) +
        interface(big, 101, 0, 0x80 | 10, 1'000) + Writer(big).block(5, "statistics  ").out +
        enhanced(big, 0, 1'700'000'000'000'005, "micro", 60) +
        enhanced(big, 1, 1'700'000'000'000'000'007, "nano", 4) +
        enhanced(big, 2, 1'024 * 5 + 512, "binary", 6) + simple(big, 200, std::string(96, 's'));
    const All all = read_all(file);
    CHECK(all.packets == Packets{"micro", "nano", "binary", std::string(96, 's')});
    CHECK(all.trouble.empty());
    REQUIRE(all.heads.size() == 4);
    CHECK(all.heads[0].time == Time(1'700'000'000s + 5us));
    CHECK(all.heads[0].wire_length == 60);
    CHECK(all.heads[1].time == Time(1'700'000'000s + 7ns));
    CHECK(all.heads[1].link_type == 113);
    CHECK(all.heads[2].time == Time(1'005s + 500ms));
    CHECK(all.heads[2].link_type == 12);
    CHECK(all.heads[3].wire_length == 200);
    CHECK(all.heads[3].time == all.heads[2].time);
    CHECK(all.links == std::vector<int>{1, 113, 12});
  }
}

TEST_CASE("pcapng: sections of different byte order, one after the other") {
  const std::string file = section(false) + interface(false, 1, 0) +
                           enhanced(false, 0, 1, "little", 6) + section(true) +
                           interface(true, 12, 0) + enhanced(true, 0, 2, "big", 3);
  const All all = read_all(file);
  CHECK(all.packets == Packets{"little", "big"});
  CHECK(all.links == std::vector<int>{1, 12});
}

TEST_CASE("pcapng: an interface of a link type that is not known is left out and counted") {
  const std::string file = section(false) + interface(false, 105, 0) + interface(false, 1, 0) +
                           enhanced(false, 0, 1, "wifi", 4) + enhanced(false, 1, 1, "wire", 4);
  CaptureFile capture = open(file);
  CapturedPacket packet;
  REQUIRE(capture.next(packet) == CaptureFile::Read::packet);
  CHECK(packet.bytes == "wire");
  CHECK(capture.next(packet) == CaptureFile::Read::end);
  CHECK(capture.unknown_link() == 1);
}

TEST_CASE("what comes before a cut tail or a damaged block is read") {
  const std::string ng = section(false) + interface(false, 1, 0) + enhanced(false, 0, 1, "abcd", 4);
  const std::string second = enhanced(false, 0, 2, "efgh", 4);
  for (std::size_t size = 1; size < second.size(); ++size) {
    const All cut = read_all(ng + second.substr(0, size));
    CHECK(cut.packets == Packets{"abcd"});
    CHECK(cut.trouble == "file: the file ends in the middle of a packet");
  }
  CHECK(read_all(ng + std::string(16, '\xff')).trouble.find("damaged block") != std::string::npos);
  CHECK(read_all(ng + enhanced(false, 7, 1, "abcd", 4)).trouble.find("not described") !=
        std::string::npos);
  const std::string classic = pcap(false, 0xa1b2c3d4, 1, {"abcd", "efgh"});
  for (std::size_t size = 24 + 20 + 1; size < classic.size(); ++size)
    CHECK(read_all(classic.substr(0, size)).packets == Packets{"abcd"});
  std::string huge = classic;
  huge.replace(24 + 20 + 8, 4, "\xff\xff\xff\x7f");
  CHECK(read_all(huge).trouble.find("damaged record") != std::string::npos);
}

TEST_CASE("pcapng: interfaces are bounded, by section") {
  const auto with = [](int interfaces) {
    std::string file = section(false);
    for (int i = 0; i < interfaces; ++i) file += interface(false, 1, 0);
    return file + enhanced(false, 0, 1, "abcd", 4);
  };
  const All most = read_all(with(65'536) + with(65'536));
  CHECK(most.trouble.empty());
  CHECK(most.packets.size() == 2);
  CHECK(most.links == std::vector<int>{1});
  CHECK(read_all(with(65'537)).trouble == "file: more than 65536 interfaces in a section");
}

TEST_CASE("bytes that are called off are no damage") {
  std::minstd_rand random(1);
  std::vector<std::string> packets(9'000, std::string(16, '\0'));
  for (std::string& packet : packets) {
    for (char& byte : packet) byte = static_cast<char>(random());
  }
  const std::string file = pcap(false, 0xa1b2c3d4, 1, packets);
  for (const std::string& bytes : {file, gzip(file)}) {
    int waits = 0;
    CaptureFile capture = open(bytes, [&](int) { return ++waits < 2; });
    CapturedPacket packet;
    CaptureFile::Read read{};
    while ((read = capture.next(packet)) == CaptureFile::Read::packet) continue;
    CHECK(read == CaptureFile::Read::end);
    CHECK(capture.trouble().empty());
  }
}

TEST_CASE("what is no capture is said to be none") {
  CHECK_THROWS_WITH_AS(open(""), "file: not a capture: it is empty", CaptureError);
  CHECK_THROWS_WITH_AS(open("hello, world"),
                       "file: not a capture: it does not begin as pcap or pcapng do", CaptureError);
  CHECK_THROWS_AS(open("\xd4\xc3\xb2\xa1short"), CaptureError);
  // Of a version that there never was.
  const std::string pcap("\xd4\xc3\xb2\xa1\x01\x00\x04\x00", 8);
  CHECK_THROWS_WITH_AS(open(pcap + std::string(16, '\0')),
                       "file: not a capture: its version is 1.4, and pcap has 2.4", CaptureError);
  const std::string pcapng("\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x02\0\0\0", 16);
  CHECK_THROWS_WITH_AS(open(pcapng + std::string(12, '\0')),
                       "file: not a capture: its version is 2.0, and pcapng has 1.0", CaptureError);
}

TEST_CASE("gzip and zstd are known by their first bytes, in one member or several") {
  std::vector<std::string> packets;
  std::mt19937 random(1);
  for (int i = 0; i < 5'000; ++i) {
    packets.emplace_back(static_cast<std::size_t>(i % 700), '\0');
    for (char& c : packets.back()) c = static_cast<char>(random());
  }
  const std::string file = pcap(false, 0xa1b2c3d4, 1, packets);
  for (const auto compress : {gzip, zstd}) {
    CHECK(read_all(compress(file)).packets == packets);
    CHECK(read_all(compress(file.substr(0, 1'000)) + compress(file.substr(1'000))).packets ==
          packets);
    const std::string whole = compress(file);
    const All cut = read_all(whole.substr(0, whole.size() / 2));
    CHECK(cut.packets.size() < packets.size());
    CHECK(cut.trouble.find("end too early") != std::string::npos);
    std::string damaged = whole + whole;
    damaged.replace(whole.size() + 4, 8, std::string(8, '\xff'));
    const All broken = read_all(damaged);
    CHECK(broken.packets == packets);
    CHECK(broken.trouble.find("damaged") != std::string::npos);
  }
}

TEST_CASE("compressed bytes that end with a whole piece of 256 KiB are not cut") {
  // The decompressor was asked once more, for nothing, and then seemed to be within a member.
  const Packets wanted(2, std::string((std::size_t{256} << 10) - 28, 'x'));  // 24 + 2 * (16 + …)
  const std::string bytes = pcap(false, 0xa1b2c3d4, 1, wanted);
  REQUIRE(bytes.size() == std::size_t{512} << 10);
  for (const std::string& packed : {gzip(bytes), zstd(bytes)}) {
    const All all = read_all(packed);
    CHECK(all.packets == wanted);
    CHECK(all.trouble.empty());
  }
}

TEST_CASE("the same packets as libpcap reads, from every recorded capture") {
  for (const std::string& path : capture_test::capture_files()) {
    CAPTURE(path);
    const capture_test::RawCapture want = capture_test::read_capture(path);
    const All got = read_all(pcap_streams::read_file(path));
    REQUIRE(got.packets.size() == want.packets.size());
    for (std::size_t i = 0; i < want.packets.size(); ++i) {
      CHECK(got.packets[i] == want.packets[i].bytes);
      CHECK(got.heads[i].time == want.packets[i].time);
      CHECK(got.heads[i].wire_length == want.packets[i].wire_length);
    }
  }
}

}  // namespace capture_capture_file_test
