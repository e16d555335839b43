#include "capture/recordio.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

using compactor::capture::Inflater;
using compactor::capture::RecordSplitter;

namespace {

std::vector<std::string> split(const std::string& stream, std::size_t piece, bool& good) {
  std::vector<std::string> records;
  RecordSplitter splitter([&](std::string_view record) { records.emplace_back(record); }, 1000);
  good = true;
  for (std::size_t at = 0; at < stream.size(); at += piece)
    good = splitter.feed(stream.substr(at, piece));
  return records;
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // NOLINT: zlib's API
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("records, however the stream is cut") {
  const std::vector<std::string> want{"hello", "", "{\"a\":\"12\n\"}", "end"};
  std::string stream;
  for (const std::string& record : want) stream += std::to_string(record.size()) + "\n" + record;
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, 100UL}) {
    bool good = false;
    CHECK(split(stream, piece, good) == want);
    CHECK(good);
  }
}

TEST_CASE("what is no length ends the splitting, and so does one that is too large") {
  for (const std::string bad :
       {"{\"a\":1}", "\n", "12x\n", "-1\n", "1001\nx", "99999999999999999999999\n"}) {
    bool good = true;
    CHECK(split("1\na" + bad, 100, good) == std::vector<std::string>{"a"});
    CHECK_FALSE(good);
  }
}

TEST_CASE("gzip in pieces, several members, and what is none") {
  const std::string text(5000, 'x');
  const std::string packed = gzip(text) + gzip("tail");
  for (const std::size_t piece : {1UL, 10UL, 5000UL}) {
    Inflater inflater;
    std::string out;
    for (std::size_t at = 0; at < packed.size(); at += piece)
      CHECK(inflater.feed(packed.substr(at, piece), [&](std::string_view bytes) { out += bytes; }));
    CHECK(out == text + "tail");
  }
  Inflater inflater;
  CHECK_FALSE(inflater.feed("this is no gzip", [](std::string_view) {}));
}
