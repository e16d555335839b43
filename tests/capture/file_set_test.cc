#include "capture/file_set.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "capture/packet_filter.h"
#include "capture/packet_writer.h"
#include "support/capture_kit.h"

namespace capture_file_set_test {

using namespace compactor::capture;  // NOLINT

namespace {

namespace fs = std::filesystem;

constexpr const char* kCapture = TEST_DATA "/captures/mesos/test-framework.pcap";

struct Folder {
  fs::path path = fs::temp_directory_path() / ("file-set-test-" + std::to_string(::getpid()));
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

std::vector<FileSet::Input> inputs(const std::vector<std::string>& paths) {
  std::vector<FileSet::Input> all;
  for (const auto& path : paths) all.push_back({open_capture(path), path});
  return all;
}

std::unique_ptr<FileSet> open_one(const std::string& path) {
  return std::make_unique<FileSet>(inputs({path}), FileSet::Options{});
}

CaptureError::Kind kind_of_failure(const std::string& path) {
  try {
    open_one(path);
  } catch (const CaptureError& error) {
    return error.kind();
  }
  FAIL("opened");
  return CaptureError::Kind::filter;
}

std::size_t count(FileSet& source, FileSet::Read& last) {
  CapturedPacket packet;
  std::size_t packets = 0;
  while ((last = source.next(packet)) == FileSet::Read::packet) ++packets;
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
  auto whole = open_one(kCapture);
  FileSet::Read last{};
  const std::size_t packets = count(*whole, last);
  CHECK(last == FileSet::Read::end);
  const std::string bytes = contents(kCapture);
  auto cut = open_one(folder.file("cut", bytes.substr(0, bytes.size() - 3)));
  CHECK(count(*cut, last) == packets - 1);
  CHECK(last == FileSet::Read::broken);
  CHECK_FALSE(cut->trouble().empty());
}

TEST_CASE("how much has been read is known of a file, not of a pipe") {
  const Folder folder;
  FileSet::Read last{};
  auto file = open_one(kCapture);
  CHECK(count(*file, last) > 0);
  CHECK(file->progress() == 1.0);
  const int descriptor = open_capture(kCapture);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  char bytes[1'000];
  REQUIRE(::read(descriptor, bytes, sizeof bytes) == sizeof bytes);
  REQUIRE(::write(ends[1], bytes, sizeof bytes) == sizeof bytes);
  ::close(descriptor);
  ::close(ends[1]);
  std::vector<FileSet::Input> input;
  input.push_back({ends[0], "-"});
  FileSet pipe(std::move(input), {});
  CHECK(count(pipe, last) > 0);
  CHECK_FALSE(pipe.progress());
}

TEST_CASE("a filter selects, a bad one says so") {
  const auto accepted = [](PacketFilter filter) {
    auto source = open_one(kCapture);
    CapturedPacket packet;
    std::size_t packets = 0;
    while (source->next(packet) == FileSet::Read::packet)
      packets += static_cast<std::size_t>(filter.accepts(packet));
    return packets;
  };
  FileSet::Read last{};
  const auto all = count(*open_one(kCapture), last);
  CHECK(accepted({"", {}}) == all);
  CHECK(accepted({"tcp port 5051", {}}) > 0);
  CHECK(accepted({"tcp port 5051", {}}) < all);
  CHECK(accepted({"", {5051}}) == accepted({"tcp port 5051", {}}));
  try {
    PacketFilter("tcp prot 5051", {}).prepare(open_one(kCapture)->link_types().at(0));
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
}

TEST_CASE("packets kept are the packets read") {
  const Folder folder;
  const std::string copy = (folder.path / "copy.pcap").string();
  auto source = open_one(kCapture);
  {
    PacketWriter writer({.link_type = source->link_types().at(0), .path = copy});
    CapturedPacket packet;
    while (source->next(packet) == FileSet::Read::packet) CHECK(writer.write(packet));
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
    auto source = open_one(kCapture);
    PacketWriter writer({.link_type = source->link_types().at(0),
                         .path = (folder.path / name).string(),
                         .max_size = 10'000,
                         .max_files = files});
    CapturedPacket packet;
    while (source->next(packet) == FileSet::Read::packet) CHECK(writer.write(packet));
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
  auto source = open_one(kCapture);
  PacketWriter writer({.link_type = source->link_types().at(0),
                       .path = (folder.path / "t-%Y").string(),
                       .max_age = std::chrono::seconds{10},
                       .max_files = 1});
  CapturedPacket packet;
  REQUIRE(source->next(packet) == FileSet::Read::packet);
  packet.time =
      std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  CHECK(writer.write(packet));
  packet.time += std::chrono::seconds{11};
  CHECK_FALSE(writer.write(packet));
}

TEST_CASE("a file that cannot be written says so") {
  auto source = open_one(kCapture);
  CHECK_THROWS_AS(
      PacketWriter({.link_type = source->link_types().at(0), .path = "/no/such/folder/x"}),
      CaptureError);
}

TEST_CASE("what could not be written is said before the next file is begun") {
  const Folder folder;
  const fs::path full = folder.path / "full";
  fs::create_symlink("/dev/full", full);
  auto source = open_one(kCapture);
  PacketWriter writer({.link_type = source->link_types().at(0),
                       .path = full.string(),
                       .max_age = std::chrono::seconds{10}});
  CapturedPacket packet;
  REQUIRE(source->next(packet) == FileSet::Read::packet);
  packet.time =
      std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  CHECK(writer.write(packet));  // into a buffer
  packet.time += std::chrono::seconds{11};
  CHECK_THROWS_AS(writer.write(packet), CaptureError);
}

namespace {

/// The packets of a capture in a file of their own, with another clock; those that `keep` says.
void write_some(const std::string& path, std::chrono::nanoseconds ahead,
                const std::function<bool(std::size_t)>& keep) {
  const auto whole = capture_test::read_capture(kCapture);
  PacketWriter writer({.link_type = whole.link_type, .path = path});
  for (std::size_t i = 0; i < whole.packets.size(); ++i) {
    const auto& packet = whole.packets[i];
    if (keep(i))
      writer.write({packet.time + ahead, packet.bytes, packet.wire_length, whole.link_type});
  }
}

/// Every packet of the whole capture, once, with its time.
void check_whole(FileSet& files) {
  const auto whole = capture_test::read_capture(kCapture);
  CapturedPacket packet;
  std::size_t i = 0;
  while (files.next(packet) == FileSet::Read::packet) {
    REQUIRE(i < whole.packets.size());
    CHECK(packet.time == whole.packets[i].time);
    CHECK(packet.bytes == whole.packets[i].bytes);
    ++i;
  }
  CHECK(i == whole.packets.size());
}

}  // namespace

TEST_CASE("files are merged by time") {
  const Folder folder;
  const std::vector<std::string> paths{folder.file("a"), folder.file("b"), folder.file("c")};
  for (std::size_t part = 0; part < 3; ++part)
    write_some(paths[part], {}, [part](std::size_t i) { return i % 3 == part; });
  FileSet files(inputs(paths), {});
  check_whole(files);
  CHECK(files.duplicates() == 0);
  CHECK_FALSE(files.reports()[1].clock_offset);  // no packet is in both
}

TEST_CASE("what two hosts saw is there once, by the clock of the first") {
  const Folder folder;
  const std::vector<std::string> paths{folder.file("a"), folder.file("b")};
  constexpr auto ahead = std::chrono::milliseconds(350);
  std::size_t both = 0;
  write_some(paths[0], {}, [](std::size_t i) { return i % 5 != 1; });
  write_some(paths[1], ahead, [&](std::size_t i) {
    const bool here = i % 5 == 1 || i % 3 == 0;
    both += static_cast<std::size_t>(here && i % 5 != 1);
    return here;
  });
  FileSet files(inputs(paths), {});
  check_whole(files);
  CHECK(files.duplicates() == both);
  CHECK(files.reports()[0].clock_offset == std::chrono::nanoseconds{0});
  CHECK(files.reports()[1].clock_offset == ahead);
  FileSet as_they_are(inputs(paths), {.fix_clocks = false});
  CHECK_FALSE(as_they_are.reports()[1].clock_offset);
}

TEST_CASE("a packet that was sent twice is twice, however many files have it") {
  const auto packet = [](std::uint32_t seq) {
    Segment segment;
    segment.seq = seq;
    segment.length = 100;
    return segment;
  };
  Duplicates known;
  const Time time{};
  CHECK_FALSE(known.is_known(0, packet(1), time));
  CHECK(known.is_known(1, packet(1), time));
  CHECK_FALSE(known.is_known(0, packet(1), time));  // again in the same file
  CHECK(known.is_known(1, packet(1), time));
  CHECK_FALSE(known.is_known(1, packet(2), time));
  // What was long ago is forgotten.
  CHECK_FALSE(known.is_known(0, packet(2), time + std::chrono::minutes{1}));
}

TEST_CASE("of several files a damaged one ends alone") {
  const Folder folder;
  const std::string bytes = contents(kCapture);
  const auto path = folder.file("cut", bytes.substr(0, 2000));
  FileSet files(inputs({path, kCapture}), {});
  CapturedPacket packet;
  std::size_t packets = 0;
  std::size_t broken = 0;
  for (FileSet::Read read{}; (read = files.next(packet)) != FileSet::Read::end;) {
    packets += static_cast<std::size_t>(read == FileSet::Read::packet);
    broken += static_cast<std::size_t>(read == FileSet::Read::broken);
  }
  CHECK(broken == 1);
  CHECK(packets == capture_test::read_capture(kCapture).packets.size());
  CHECK(files.trouble().find(path) != std::string::npos);
}

}  // namespace capture_file_set_test
