// What a receiver may decide otherwise than libprocess (Mesos 1.12-dev), and what is decided here:
//
// | request | libprocess | here |
// |---|---|---|
// | POST without a header of libprocess, to a route | serves it | the same |
// | OPTIONS * | 400 | the same |
// | a bad escape in a query | closes the connection | the same |
// | a bad escape in the path of a plain request | closes the connection | 404: nothing is called so
// | | a body that says gzip and is none | 500 | the same |
#include <doctest/doctest.h>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_differences_test {

using namespace actors;

namespace {

/// What is answered to it, up to the end of its status; empty: the connection is closed.
std::string answer_to(const std::string& request) {
  Context context(loopback());
  context.route("/page", [](const compactor::HttpRequest&) {
    return compactor::HttpResponse{200, "text/plain", "served"};
  });
  spawned<Recorder>(context);
  raw::Peer peer(context.bound().port);
  peer.write(request);
  peer.shut_writing();
  const auto all = peer.read_to_end();
  return all.empty() ? "" : all.substr(std::string_view("HTTP/1.1 ").size(), 3);
}

}  // namespace

TEST_CASE("each decision of the table") {
  const std::string from = "Libprocess-From: peer@127.0.0.1:9\r\n";
  CHECK(answer_to("POST /page HTTP/1.1\r\nContent-Length: 1\r\n\r\nx") == "200");
  CHECK(answer_to("OPTIONS * HTTP/1.1\r\n\r\n") == "400");
  CHECK(answer_to("GET /page?x=%zz HTTP/1.1\r\n\r\n").empty());
  CHECK(answer_to("GET /pa%zzge HTTP/1.1\r\n\r\n") == "404");
  CHECK(answer_to("POST /recorder/m HTTP/1.1\r\n" + from +
                  "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone") == "500");
}

TEST_CASE("a bad escape in a query is counted as rejected") {
  Context context(loopback());
  raw::Peer peer(context.bound().port);
  peer.write("GET /page?x=%zz HTTP/1.1\r\n\r\n");
  peer.shut_writing();
  CHECK(peer.read_to_end().empty());
  CHECK(context.statistics().messages_rejected == 1);
}

}  // namespace actor_differences_test
