#include "tls/record.h"

#include <doctest/doctest.h>

#include <string>

namespace tls_record {
namespace {

using compactor::tls::begins_record;
using compactor::tls::Opening;
using compactor::tls::opening_of;

const std::string kHello("\x16\x03\x01\x02\x00\x01", 6);

TEST_CASE("a client is taken for one of TLS by its ClientHello alone") {
  CHECK(opening_of(kHello) == Opening::tls);
  CHECK(opening_of(kHello + "more") == Opening::tls);
  CHECK(opening_of(std::string("\x80\x2e\x01\x03\x01\x00", 6)) == Opening::tls);
  CHECK(opening_of("POST /") == Opening::plain);
  CHECK(opening_of(std::string("\x16\x03\x01\x02\x00\x02", 6)) == Opening::plain);
  CHECK(opening_of(std::string("\x15\x03\x01\x00\x02\x02", 6)) == Opening::plain);
}

TEST_CASE("while what is there may become a ClientHello, nothing is decided") {
  for (std::size_t size = 0; size < 6; ++size) {
    CHECK(opening_of(kHello.substr(0, size)) == Opening::undecided);
  }
  CHECK(opening_of("P") == Opening::plain);
  CHECK(opening_of("\x16P") == Opening::plain);
}

TEST_CASE("a record begins with its type and its version") {
  CHECK(begins_record(kHello));
  CHECK(begins_record("\x15\x03\x03"));
  CHECK(begins_record("\x17\x03"));
  CHECK_FALSE(begins_record("\x16"));
  CHECK_FALSE(begins_record("\x18\x03\x03"));
  CHECK_FALSE(begins_record("\x16\x03\x05"));
  CHECK_FALSE(begins_record("HTTP"));
}

}  // namespace
}  // namespace tls_record
