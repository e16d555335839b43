#include "capture/source.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "capture/packet_writer.h"
#include "capture_kit.h"

using namespace compactor::capture;  // NOLINT

namespace {

namespace fs = std::filesystem;

constexpr const char* kCapture = TEST_DATA "/captures/mesos/test-framework.pcap";

struct Folder {
  fs::path path = fs::temp_directory_path() / ("source-test-" + std::to_string(::getpid()));
  Folder() { fs::create_directory(path); }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name, const std::string& bytes = "") const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
};

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

CaptureError::Kind kind_of_failure(const std::string& path) {
  try {
    Source::open_file(path);
  } catch (const CaptureError& error) {
    return error.kind();
  }
  FAIL("opened");
  return CaptureError::Kind::filter;
}

std::size_t count(Source& source, Source::Read& last) {
  CapturedPacket packet;
  std::size_t packets = 0;
  while ((last = source.next(packet)) == Source::Read::packet) ++packets;
  return packets;
}

}  // namespace

TEST_CASE("what is no capture does not open") {
  const Folder folder;
  CHECK(kind_of_failure("/no/such/file") == CaptureError::Kind::file);
  CHECK(kind_of_failure(folder.path.string()) == CaptureError::Kind::file);
  CHECK(kind_of_failure(folder.file("empty")) == CaptureError::Kind::file);
  CHECK(kind_of_failure(folder.file("text", "this is no capture, whatever its name")) ==
        CaptureError::Kind::file);
  std::string bluetooth = contents(kCapture).substr(0, 24);
  bluetooth[20] = char(187);
  CHECK(kind_of_failure(folder.file("bluetooth", bluetooth)) == CaptureError::Kind::file);
}

TEST_CASE("a cut tail is broken behind the last whole packet") {
  const Folder folder;
  Source whole = Source::open_file(kCapture);
  Source::Read last{};
  const std::size_t packets = count(whole, last);
  CHECK(last == Source::Read::end);
  const std::string bytes = contents(kCapture);
  Source cut = Source::open_file(folder.file("cut", bytes.substr(0, bytes.size() - 3)));
  CHECK(count(cut, last) == packets - 1);
  CHECK(last == Source::Read::broken);
  CHECK_FALSE(cut.trouble().empty());
}

TEST_CASE("how much has been read is known of a file, not of a pipe") {
  const Folder folder;
  Source::Read last{};
  Source file = Source::open_file(kCapture);
  CHECK(count(file, last) > 0);
  CHECK(file.progress() == 1.0);
  const int descriptor = Source::open_descriptor(kCapture);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  char bytes[1'000];
  REQUIRE(::read(descriptor, bytes, sizeof bytes) == sizeof bytes);
  REQUIRE(::write(ends[1], bytes, sizeof bytes) == sizeof bytes);
  ::close(descriptor);
  ::close(ends[1]);
  Source pipe = Source::read_descriptor(ends[0], "-");
  CHECK(count(pipe, last) > 0);
  CHECK_FALSE(pipe.progress());
}

TEST_CASE("a filter selects, a bad one says so") {
  Source source = Source::open_file(kCapture);
  source.set_filter("tcp port 5051");
  Source::Read last{};
  const std::size_t some = count(source, last);
  Source all = Source::open_file(kCapture);
  CHECK(some > 0);
  CHECK(some < count(all, last));
  try {
    all.set_filter("tcp prot 5051");
    FAIL("accepted");
  } catch (const CaptureError& error) {
    CHECK(error.kind() == CaptureError::Kind::filter);
  }
}

TEST_CASE("ports become a filter, also under VLAN tags") {
  CHECK(make_filter("", {}, true).empty());
  CHECK(make_filter("host x", {}, true) == "host x");
  CHECK(make_filter("", {1, 2}, false) == "tcp port 1 or tcp port 2");
  CHECK(make_filter("host x", {1}, false) == "(host x) and (tcp port 1)");
  const Folder folder;
  Source source = Source::open_file(kCapture);
  source.set_filter(make_filter("", {5051}, can_carry_vlan(source.link_type())));
  Source::Read last{};
  CHECK(count(source, last) > 0);
}

TEST_CASE("packets kept are the packets read") {
  const Folder folder;
  const std::string copy = (folder.path / "copy.pcap").string();
  Source source = Source::open_file(kCapture);
  {
    PacketWriter writer(source, {.path = copy});
    CapturedPacket packet;
    while (source.next(packet) == Source::Read::packet) CHECK(writer.write(packet));
  }
  const auto want = capture_test::read_capture(kCapture);
  const auto got = capture_test::read_capture(copy);
  REQUIRE(got.packets.size() == want.packets.size());
  for (std::size_t i = 0; i < want.packets.size(); ++i) {
    CHECK(got.packets[i].bytes == want.packets[i].bytes);
    CHECK(got.packets[i].time == want.packets[i].time);
    CHECK(got.packets[i].wire_length == want.packets[i].wire_length);
  }
}

TEST_CASE("files rotate by size, in a ring or without end") {
  const Folder folder;
  const auto write = [&](const std::string& name, std::uint64_t files) {
    Source source = Source::open_file(kCapture);
    PacketWriter writer(
        source, {.path = (folder.path / name).string(), .max_size = 10'000, .max_files = files});
    CapturedPacket packet;
    while (source.next(packet) == Source::Read::packet) CHECK(writer.write(packet));
  };
  write("a", 0);
  CHECK(fs::exists(folder.path / "a"));
  CHECK(fs::exists(folder.path / "a5"));
  CHECK_FALSE(fs::exists(folder.path / "a6"));
  write("ring", 3);
  CHECK(fs::exists(folder.path / "ring0"));
  CHECK(fs::exists(folder.path / "ring2"));
  CHECK_FALSE(fs::exists(folder.path / "ring3"));
  write("wide", 11);
  CHECK(fs::exists(folder.path / "wide00"));
}

TEST_CASE("files rotate by age, and end after so many") {
  const Folder folder;
  Source source = Source::open_file(kCapture);
  PacketWriter writer(source, {.path = (folder.path / "t-%Y").string(),
                               .max_age = std::chrono::seconds{10},
                               .max_files = 1});
  CapturedPacket packet;
  REQUIRE(source.next(packet) == Source::Read::packet);
  packet.time =
      std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  CHECK(writer.write(packet));
  packet.time += std::chrono::seconds{11};
  CHECK_FALSE(writer.write(packet));
}

TEST_CASE("a file that cannot be written says so") {
  Source source = Source::open_file(kCapture);
  CHECK_THROWS_AS(PacketWriter(source, {.path = "/no/such/folder/x"}), CaptureError);
}

TEST_CASE("what could not be written is said before the next file is begun") {
  const Folder folder;
  const fs::path full = folder.path / "full";
  fs::create_symlink("/dev/full", full);
  Source source = Source::open_file(kCapture);
  PacketWriter writer(source, {.path = full.string(), .max_age = std::chrono::seconds{10}});
  CapturedPacket packet;
  REQUIRE(source.next(packet) == Source::Read::packet);
  packet.time =
      std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  CHECK(writer.write(packet));  // into a buffer
  packet.time += std::chrono::seconds{11};
  CHECK_THROWS_AS(writer.write(packet), CaptureError);
}
