// Plain requests without any socket.
#include "actor/router.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "actor/builtin_routes.h"
#include "support/parts.h"

namespace actor_router_test {

using namespace parts;
using Strings = std::vector<std::string>;

namespace {

RouteHandler says(const std::string& text) {
  return [text](const HttpRequest&) { return HttpResponse{200, "text/plain", text}; };
}

struct Routed : Parts {
  explicit Routed(std::string delegate = {}) : router(registry, reporter, std::move(delegate)) {}
  Router router;

  HttpResponse get(std::string_view path, std::string_view query = {}) {
    return router.serve({"GET", path, query, {}});
  }
  /// The body, or the status when it is not 200.
  std::string text(std::string_view path) {
    const HttpResponse response = get(path);
    return response.status == 200 ? response.body : std::to_string(response.status);
  }
};

}  // namespace

TEST_CASE("the longest route of the process wins, then the longest of the context") {
  Routed node;
  const auto process = node.recorder("a");
  process->route("/", says("process"));
  process->route("/x/y", says("process x/y"));
  node.router.add("/a/x", says("hidden by the process"));
  node.router.add("/b", says("context b"));
  node.router.add("/b/c", says("context b/c"));
  CHECK(node.text("/a") == "process");
  CHECK(node.text("/a/") == "process");
  CHECK(node.text("/a/x") == "process");
  CHECK(node.text("/a/x/y/z") == "process x/y");
  CHECK(node.text("/a/x/yz") == "process");  // whole segments only
  CHECK(node.text("/b") == "context b");
  CHECK(node.text("/b/c/d/") == "context b/c");
  CHECK(node.text("/c") == "404");
  CHECK(node.text("/") == "404");
  node.registry.end("a");
  CHECK(node.text("/a") == "404");
  CHECK(node.text("/a/x") == "hidden by the process");
}

TEST_CASE("a process without a fitting route leaves the request to the context") {
  Routed node;
  node.recorder("a")->route("/x", says("process"));
  node.router.add("/a", says("context"));
  CHECK(node.text("/a/x") == "process");
  CHECK(node.text("/a/y") == "context");
}

TEST_CASE("the id in a path is percent-decoded; what is no id names no process") {
  Routed node;
  node.recorder("a/b")->route("/x", says("found"));
  CHECK(node.text("/a%2Fb/x") == "found");
  CHECK(node.text("/a/b/x") == "404");
  CHECK(node.text("/a%2/x") == "404");
}

TEST_CASE("what is nobody else's goes to the delegate, by its whole path") {
  Routed node("master");
  CHECK(node.text("/state") == "404");  // nobody of that id yet
  node.recorder("master")->route("/state", says("delegate"));
  node.router.add("/b", says("context"));
  CHECK(node.text("/state") == "delegate");
  CHECK(node.text("/b") == "context");
  CHECK(node.text("/other") == "404");
}

TEST_CASE("the context's last route of a path counts, and it must begin with a slash") {
  Routed node;
  node.router.add("/b", says("first"));
  node.router.add("/b", says("second"));
  CHECK(node.text("/b") == "second");
  CHECK_THROWS_AS(node.router.add("b", says("never")), std::invalid_argument);
  CHECK(node.router.paths() == Strings{"/b"});
}

TEST_CASE("a handler that throws is a 500 with its reason, counted and warned of") {
  Routed node;
  node.router.add("/b", [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("no"); });
  const HttpResponse response = node.get("/b");
  CHECK(response.status == 500);
  CHECK(response.body == "no");
  CHECK(node.watcher->warnings.now() == Strings{"the route of /b threw: no"});
}

TEST_CASE("a handler may replace itself, and end its process, while it runs") {
  Routed node;
  const std::string text(100, 'x');  // in the handler, and read after it is gone from the table
  node.router.add("/b", [&node, text](const HttpRequest&) {
    node.router.add("/b", says("second"));
    return HttpResponse{200, "text/plain", text};
  });
  CHECK(node.text("/b") == text);
  CHECK(node.text("/b") == "second");

  std::weak_ptr<Recorder> gone;
  {
    const auto process = node.recorder("a");
    gone = process;
    process->route("/", [&node, raw = process.get()](const HttpRequest&) {
      node.registry.end("a");
      return HttpResponse{200, "text/plain", raw->id()};
    });
  }
  CHECK(node.text("/a") == "a");
  CHECK(gone.expired());
}

TEST_CASE("what every libprocess serves needs no socket either") {
  Routed node;
  add_builtin_routes(node.router, node.registry, node.reporter.counters);
  node.recorder("a")->route("/x", says(""));
  node.send("a", "hello");
  const auto processes = nlohmann::json::parse(node.get("/__processes__").body);
  REQUIRE(processes.size() == 1);
  CHECK(processes[0]["id"] == "a");
  CHECK(processes[0]["events"][0]["type"] == "MESSAGE");
  CHECK(processes[0]["events"][0]["body"] == "hello");
  const auto help = nlohmann::json::parse(node.get("/help", "format=json").body);
  CHECK(help["processes"][1]["id"] == "a");
  CHECK(help["processes"][1]["endpoints"][0]["name"] == "/x");
  node.deliver("a", "hello");
  CHECK(nlohmann::json::parse(node.get("/metrics/snapshot").body)["compactor/messages_received"] ==
        1);
}

}  // namespace actor_router_test
