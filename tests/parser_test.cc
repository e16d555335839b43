#include "wire/parser.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "wire_streams.h"

using compactor::wire::Kind;
using wire_test::read_bytewise;
using wire_test::read_whole;
using wire_test::Reading;

TEST_CASE("a libprocess message") {
  const std::string bytes =
      "POST /echo/ping HTTP/1.1\r\nUser-Agent: libprocess/a@1.2.3.4:5\r\n"
      "Libprocess-From: a@1.2.3.4:5\r\nConnection: Keep-Alive\r\nHost: 1.2.3.4:6\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const Reading whole = read_whole(Kind::request, bytes);
  REQUIRE(whole.messages.size() == 1);
  CHECK(whole.messages[0].method == "POST");
  CHECK(whole.messages[0].target == "/echo/ping");
  CHECK(whole.messages[0].body == "hello");
  CHECK(whole.messages[0].headers.size() == 5);
  CHECK(whole.messages[0].begin == 0);
  CHECK(whole.messages[0].end == bytes.size());
  CHECK(whole == read_bytewise(Kind::request, bytes));
}
