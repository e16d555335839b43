#include "text/gzip.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace text_gzip_test {

using compactor::text::gunzip;
using compactor::text::Gunzip;

namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // NOLINT: zlib's API
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string noise(std::size_t size) {
  std::mt19937 random(3);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace

TEST_CASE("gzip in pieces, several members, and what is none") {
  const std::string text = std::string(5000, 'x') + noise(40'000);
  const std::string packed = gzip(text) + gzip("tail");
  for (const std::size_t piece : {1UL, 10UL, 5000UL, 100'000UL}) {
    Gunzip gunzip;
    std::string out;
    for (std::size_t at = 0; at < packed.size(); at += piece)
      CHECK(gunzip.feed(packed.substr(at, piece), [&](std::string_view bytes) { out += bytes; }));
    CHECK(out == text + "tail");
    CHECK(gunzip.between_members());
  }
  Gunzip gunzip;
  CHECK_FALSE(gunzip.feed("this is no gzip", [](std::string_view) {}));
  CHECK_FALSE(gunzip.feed(packed, [](std::string_view) { FAIL("it went on"); }));
}

TEST_CASE("it ends between members, also when nothing comes after the last byte") {
  std::string packed = gzip(std::string(1000, 'x'));
  std::string room(1000, '\0');
  Gunzip gunzip;
  std::string_view rest = packed;
  CHECK_FALSE(gunzip.between_members());
  CHECK(gunzip.run(rest, room.data(), room.size()) == room.size());
  gunzip.run(rest, room.data(), room.size());
  CHECK(rest.empty());
  CHECK(gunzip.between_members());
  CHECK(gunzip.run(rest, room.data(), room.size()) == 0);
  CHECK(gunzip.between_members());
  rest = std::string_view(packed).substr(0, 12);
  gunzip.run(rest, room.data(), room.size());
  CHECK_FALSE(gunzip.between_members());
}

TEST_CASE("as a whole it is complete, gzip, and within the limit, or it says why not") {
  const std::string text = noise(100'000);
  const std::string packed = gzip(text) + gzip(text);
  const auto fault = [](std::string_view bytes, std::size_t max) {
    std::string out;
    const char* why = gunzip(bytes, out, max);
    CHECK(out.size() <= max);
    return std::string(why == nullptr ? "" : why);
  };
  std::string out;
  CHECK(gunzip(packed, out, 200'000) == nullptr);
  CHECK(out == text + text);
  CHECK(fault(packed, 199'999) == "decompressed, it is over the limit of the body");
  CHECK(fault(gzip(std::string(std::size_t{10} << 20, '\0')), 1000).find("over the limit") !=
        std::string::npos);
  for (const std::size_t size : {0UL, 1UL, 9UL, 100UL, packed.size() - 1})
    CHECK(fault(packed.substr(0, size), 1'000'000) == "it ends too early");
  CHECK(fault(packed + "x", 1'000'000) == "it ends too early");
  CHECK(fault(packed + "xyz", 1'000'000) == "the bytes are not gzip");
  CHECK(fault("[]", 1000) == "the bytes are not gzip");
}

}  // namespace text_gzip_test
