// Everything that a command line can be wrong in, and the help that it gets.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <sstream>

#include "support/harness.h"
#include "support/place.h"

namespace e2e_usage_test {

using namespace e2e;

namespace {

const std::string ping_pong = TEST_DATA "/captures/compactor/01-ping-pong.pcap";

/// Exactly one error, in the words of a person and as an object, with that exit and kind.
void check_error(Arguments arguments, int exit, const std::string& kind, const std::string& words,
                 const Settings& settings = {}) {
  CAPTURE(arguments);
  auto text = run(arguments, settings);
  CHECK(text.exit == exit);
  CHECK(text.out.empty());
  CHECK(text.err.find(words) != std::string::npos);
  CHECK(text.err.find('\n') == text.err.size() - 1);
  arguments.push_back("--json");
  auto json = run(arguments, settings);
  CHECK(json.exit == exit);
  REQUIRE(json.errors().size() == 1);
  CHECK(json.errors()[0].at("exit") == exit);
  CHECK(json.errors()[0].at("kind") == kind);
  CHECK(json.errors()[0].at("message").get<std::string>().size() > 5);
  CHECK(json.errors()[0].contains("hint"));
}

}  // namespace

TEST_CASE("a misspelt command is suggested") {
  check_error({"sned"}, 2, "usage", "did you mean send?");
  check_error({"wibble"}, 2, "usage", "unknown command \"wibble\"");
  const auto nothing = run({});
  CHECK(nothing.exit == 2);
  CHECK(nothing.out.empty());
  CHECK(nothing.err.find("\n  serve ") != std::string::npos);
  CHECK(nothing.err.ends_with("no command given (compactor --help lists the commands)\n"));
}

TEST_CASE("words that others use for it are known, and say where to look") {
  check_error({"replay", "x.ndjson"}, 2, "usage", "send --batch FILE");
  check_error({"top"}, 2, "usage", "sniff --stats");
  check_error({"diff"}, 2, "usage", "sniff -r FILE --json");
  check_error({"record"}, 2, "usage", "sniff -w FILE");
  check_error({"version"}, 2, "usage", "compactor --version");
  check_error({"help", "replay"}, 2, "usage", "send --batch FILE");
}

TEST_CASE("no line of a help is wider than 100 columns, in a pipe too") {
  for (const char* command :
       {"serve", "send", "ping", "link", "sniff", "trace", "inspect", "describe", "decode", ""}) {
    Arguments arguments{"--help"};
    if (*command != 0) arguments.insert(arguments.begin(), command);
    CAPTURE(arguments);
    std::istringstream lines(run(arguments).out);
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }) <=
            100);
    }
  }
}

TEST_CASE("a misspelt option is suggested, wherever it stands") {
  check_error({"send", "--timeuot", "3s", "a@127.0.0.1:1", "x"}, 2, "usage",
              "did you mean --timeout?");
  check_error({"ping", "a@127.0.0.1:1", "--cuont=3"}, 2, "usage", "did you mean --count?");
  check_error({"link", "a@127.0.0.1:1", "--nothing-like-it"}, 2, "usage",
              "unknown option --nothing-like-it");
  check_error({"serve", "-y"}, 2, "usage", "unknown option -y");
}

TEST_CASE("behind -- nothing is an option") {
  Peer peer;
  CHECK(run({"send", "--json", "--", peer.pid(), "m", "-hello"}).exit == 0);
  CHECK(run({"send", peer.pid(), "m", "--", "--json"}).exit == 0);
  auto requests = peer.wait_requests(2);
  CHECK(requests[0].body == "-hello");
  CHECK(requests[1].body == "--json");
  auto many = run({"send", "--", peer.pid(), "m", "body", "--timeout"});
  CHECK(many.exit == 2);
  CHECK(many.err.find("too many arguments: \"--timeout\"") != std::string::npos);
  auto unknown = run({"send", "--tiemout", "1", "--", peer.pid(), "m", "body"});
  CHECK(unknown.exit == 2);
  CHECK(unknown.err.find("did you mean --timeout?") != std::string::npos);
  CHECK(peer.requests().size() == 2);
}

TEST_CASE("output that cannot be written is exit 6, not lost without a word") {
  Peer peer;
  const Arguments commands{"--help", "describe", "send " + peer.pid() + " m --json",
                           "send " + peer.pid() + " m -q"};
  for (const auto& command : commands) {
    CAPTURE(command);
    auto full = run({"-c", "exec " COMPACTOR_PROGRAM " " + command + " >/dev/full"},
                    {.program = "/bin/sh"});
    CHECK(full.exit == 6);
    CHECK(full.err.find("cannot write standard output: No space left") != std::string::npos);
    CHECK(std::count(full.err.begin(), full.err.end(), '\n') == 1);
  }
  // Closed by the caller: what is printed must not go into a socket that got its number.
  auto sent = peer.requests().size();
  auto closed = run({"-c", "exec " COMPACTOR_PROGRAM " send " + peer.pid() + " m >&-"},
                    {.program = "/bin/sh"});
  CHECK(closed.exit == 0);
  auto requests = peer.wait_requests(sent + 1);
  CHECK(requests.back().body.empty());
  CHECK(peer.bytes().find("accepted") == std::string::npos);
}

TEST_CASE("bad values are named") {
  check_error({"send", "a@127.0.0.1:1", "x", "--timeout", "soon"}, 2, "usage", "duration \"soon\"");
  check_error({"send", "a@127.0.0.1:1", "x", "--size", "big"}, 2, "usage", "size \"big\"");
  check_error({"send", "a@127.0.0.1:1", "x", "--repeat", "2", "--rate", "0"}, 2, "usage",
              "rate \"0\"");
  check_error({"send", "a@127.0.0.1:1", "x", "--port", "70000"}, 2, "usage", "--port \"70000\"");
  check_error({"send", "a@127.0.0.1:1", "x", "--style", "morse"}, 2, "usage", "--style \"morse\"");
  check_error({"send", "a@127.0.0.1:1", "x", "--color", "red"}, 2, "usage", "--color \"red\"");
  check_error({"serve", "--body", "loud"}, 2, "usage", "\"loud\"");
  check_error({"ping", "a@127.0.0.1:1", "--mode", "pong"}, 2, "usage", "--mode \"pong\"");
  check_error({"ping", "a@127.0.0.1:1", "--max-loss", "101"}, 2, "usage", "--max-loss");
  check_error({"ping", "a@127.0.0.1:1", "-c", "0"}, 2, "usage", "\"0\"");
  check_error({"ping", "a@127.0.0.1:1", "--mode", "agent", "-f"}, 2, "usage", "not to be flooded");
  check_error({"serve", "--reply", "nothing"}, 2, "usage", "--reply \"nothing\"");
  check_error({"serve", "--route", "x=y"}, 2, "usage", "--route \"x=y\"");
  check_error({"serve", "a", "a"}, 2, "pid", "given twice");
  check_error({"serve", "a@b"}, 2, "pid", "cannot be carried");
  check_error({"serve", "--exec", "cat 'x"}, 2, "usage", "is not closed");
  check_error({"serve", "--exec", "cat", "--exec-shell", "cat"}, 2, "usage", "exclude each other");
}

TEST_CASE("a PID of a user is strict") {
  for (const char* bad :
       {"not-a-pid", "a@127.0.0.1", "a@127.0.0.1:99999", "a@127.0.0.1:0", "a@127.0.0.1:x",
        "a@[::1]:5", "a @127.0.0.1:5", "a@:5", "a@b@127.0.0.1:5"}) {
    check_error({"send", bad, "x"}, 2, "pid", "is no PID");
    check_error({"ping", bad}, 2, "pid", "is no PID");
    check_error({"link", bad}, 2, "pid", "is no PID");
    check_error({"serve", "x", "--link", bad}, 2, "pid", "is no PID");
  }
}

TEST_CASE("what cannot be carried is refused before anything is sent") {
  Peer peer;
  for (const char* name : {"a b", "a?b", "a#b", "a\nb", "caf\xc3\xa9"}) {
    check_error({"send", peer.pid(), name}, 2, "usage", "cannot be sent");
  }
  check_error({"send", peer.pid(), "x", "--id", "a\nb"}, 2, "pid", "cannot be carried");
  check_error({"send", "@127.0.0.1:" + std::to_string(peer.port()), "x"}, 2, "usage",
              "cannot be sent");
  CHECK(peer.requests().empty());
}

TEST_CASE("contradictions are refused") {
  const std::string to = "a@127.0.0.1:1";
  check_error({"send", to, "x", "--repeat", "2", "--expect", "y"}, 2, "usage", "--expect");
  check_error({"send", "--batch", "f", "--expect", "y"}, 2, "usage", "--expect");
  check_error({"send", "--batch", "f", "--repeat", "2"}, 2, "usage", "exclude each other");
  check_error({"send", to, "x", "body", "--size", "3"}, 2, "usage", "exclude each other");
  check_error({"send", to, "x", "body", "--batch", "f"}, 2, "usage", "its own bodies");
  check_error({"send", to, "x", "--to", to}, 2, "usage", "need --batch");
  check_error({"send", to, "x", "--rate", "3"}, 2, "usage", "--rate needs --repeat");
  check_error({"send", to, "x", "--expect-from", to}, 2, "usage", "--expect-from needs --expect");
  check_error({"send", to}, 2, "usage", "no name");
  check_error({"send"}, 2, "usage", "no target");
  check_error({"link"}, 2, "usage", "no target");
  check_error({"send", to, "x", "a", "b"}, 2, "usage", "too many arguments");
}

TEST_CASE("an option that takes one value is refused when it is given again; lists add up") {
  const std::string to = "a@127.0.0.1:1";
  check_error({"send", to, "x", "--dry-run", "--style", "legacy", "--style", "libprocess"}, 2,
              "usage", "--style is given more than once");
  check_error({"send", to, "x", "--timeout", "3s", "--timeout=3s"}, 2, "usage", "--timeout");
  check_error({"send", to, "x", "--json", "--color", "never", "--color", "never"}, 2, "usage",
              "--color");
  check_error({"sniff", "-i", "lo", "--interface", "eth0"}, 2, "usage", "-i,--interface");
  check_error({"sniff", "-r", "a.pcap", "-w", "b", "-w", "c"}, 2, "usage", "-w,--write");
  check_error({"sniff", "-r", "a", "--diagram", "b.svg", "--diagram", "c.svg"}, 2, "usage",
              "--diagram");
  check_error({"serve", "x", "--type", "m=mesos.TaskID", "--type", "m=mesos.SlaveID"}, 2, "usage",
              "--type says twice what m is");
  check_error({"serve", "x", "--route", "/a=" + ping_pong, "--route", "/a=" + ping_pong}, 2,
              "usage", "the route /a is given twice");
  CHECK(run({"send", to, "x", "--dry-run", "-q", "-q", "-v", "-v"}).exit == 0);
  const auto typed =
      run({"send", to, "one", R"({"connected": true})", "--dry-run", "--type",
           "one=mesos.internal.PingSlaveMessage", "--type", "two=mesos.internal.PongSlaveMessage"});
  CHECK(typed.out.find("\r\n\x08\x01") != std::string::npos);
  Served served({"x"});
  const auto shown = run({"inspect", "127.0.0.1:" + std::to_string(served.port()), "--json",
                          "--only", "processes", "--only", "metrics"});
  CHECK_FALSE(shown.events("process").empty());
  CHECK_FALSE(shown.events("metric").empty());
  CHECK(shown.events("endpoint").empty());
}

TEST_CASE("no argument is magic") {
  for (const char* command : {"send", "ping", "link"})
    check_error({command, "__outline"}, 2, command == std::string("send") ? "usage" : "pid", "");
  check_error({"describe", "__outline"}, 2, "type", "unknown type \"__outline\"");
  check_error({"sniff", "-r", ping_pong, "__outline"}, 2, "filter", "__outline");
  check_error({"trace", "-r", ping_pong, "__outline"}, 2, "filter", "__outline");
  CHECK(run({"decode", "__outline"}).exit == 1);  // a body like any other, of no known type
  check_error({"inspect", "__outline"}, 2, "pid", "__outline");
  Background served({"serve", "__outline", "--json", "--count", "1"});
  CHECK(served.event("serving").at("pid").get<std::string>().starts_with("__outline@"));
}

TEST_CASE("IPv6 is refused with the reason") {
  check_error({"serve", "x", "--ip", "::1"}, 2, "usage", "IPv6");
  check_error({"serve", "x", "--advertise-ip", "fe80::1"}, 2, "usage", "IPv6");
}

TEST_CASE("the variables of libprocess count, and are checked") {
  check_error({"serve", "x"}, 2, "usage", "LIBPROCESS_PORT",
              {.environment = {{"LIBPROCESS_PORT", "http"}}});
  auto port = std::to_string(free_port());
  Settings settings{.environment = {{"LIBPROCESS_PORT", port},
                                    {"LIBPROCESS_ADVERTISE_IP", "10.1.2.3"},
                                    {"LIBPROCESS_ADVERTISE_PORT", "99"},
                                    {"LIBPROCESS_SSL_ENABLED", "0"}}};
  Background served({"serve", "x", "--json"}, settings);
  CHECK(served.event("serving").at("pid") == "x@10.1.2.3:99");
  Client client(static_cast<std::uint16_t>(std::stoul(port)));
  client.send(message("x", "m", ""));
  CHECK(client.statuses(1) == std::vector<int>{202});
  served.signal(SIGTERM);
  auto result = served.finish();
  CHECK(result.exit == 0);
}

TEST_CASE("options win over the variables") {
  Background served({"serve", "x", "--json", "--advertise-ip", "10.9.9.9", "--advertise-port", "7",
                     "--port", "0"},
                    {.environment = {{"LIBPROCESS_ADVERTISE_IP", "10.1.2.3"}}});
  CHECK(served.event("serving").at("pid") == "x@10.9.9.9:7");
}

TEST_CASE("with all interfaces bound, a target is told the address it can reach") {
  Peer peer;
  auto sent = run({"send", peer.pid(), "x", "--json"}, {.environment = {{"LIBPROCESS_IP", ""}}});
  CHECK(sent.exit == 0);
  CHECK(peer.wait_requests(1)[0].header("Libprocess-From").find("@127.0.0.1:") !=
        std::string::npos);
}

TEST_CASE("without a target, serve says which address it tells") {
  Background served({"serve", "x", "--json"}, {.environment = {{"LIBPROCESS_IP", ""}}});
  auto pid = served.event("serving").at("pid").get<std::string>();
  auto ip = pid.substr(2, pid.find(':') - 2);
  served.signal(SIGTERM);
  auto result = served.finish();
  CHECK(result.err.find("peers are told " + ip) != std::string::npos);
}

TEST_CASE("a taken port is exit 3, and so is an address of others") {
  Peer peer;
  auto port = std::to_string(peer.port());
  check_error({"serve", "x", "--port", port}, 3, "bind", port);
  check_error({"send", peer.pid(), "x", "--ip", "192.0.2.77"}, 3, "bind", "192.0.2.77");
}

TEST_CASE("a privileged port without privilege is exit 3 with the reason") {
  NEEDS(place::another_user());
  NEEDS(place::privileged_ports());
  check_error({"serve", "x", "--port", "1"}, 3, "bind", "ermission", {.unprivileged = true});
}

TEST_CASE("an unknown host is exit 3") {
  check_error({"send", "a@no.such.host.invalid:1", "x"}, 3, "resolve", "no.such.host.invalid");
  check_error({"ping", "a@no.such.host.invalid:1"}, 3, "resolve", "no.such.host.invalid");
  check_error({"link", "a@no.such.host.invalid:1"}, 3, "resolve", "no.such.host.invalid");
  for (const char* option : {"--ip", "--advertise-ip"})
    check_error({"serve", "x", option, "no.such.host.invalid"}, 3, "resolve", option);
  check_error({"serve", "x", "--link", "a@no.such.host.invalid:1"}, 3, "resolve",
              "no.such.host.invalid");
}

TEST_CASE("a host name stands as its address on the wire") {
  NEEDS(place::localhost());
  Peer peer;
  CHECK(run({"send", "tgt@localhost:" + std::to_string(peer.port()), "x"}).exit == 0);
  CHECK(peer.wait_requests(1)[0].header("Host") == "127.0.0.1:" + std::to_string(peer.port()));
}

TEST_CASE("help has examples and goes to stdout") {
  for (const char* command : {"serve", "send", "ping", "link"}) {
    CAPTURE(command);
    for (const Arguments& arguments :
         {Arguments{command, "--help"}, Arguments{"help", command}, Arguments{command, "-h"}}) {
      auto result = run(arguments);
      CHECK(result.exit == 0);
      CHECK(result.err.empty());
      CHECK(result.out.size() > 300);
      CHECK(result.out.find(std::string("compactor ") + command) != std::string::npos);
      CHECK(result.out.find("\x1b[") == std::string::npos);
    }
    auto help = run({command, "--help"}).out;
    CHECK(help.find("Examples:") < help.find("--json"));
  }
  CHECK(run({"--help"}).out.find("serve") != std::string::npos);
  CHECK(run({"help", "sned"}).exit == 2);
  CHECK(run({"--version"}).out.starts_with("compactor "));
  CHECK(run({"--wat"}).exit == 2);
}

TEST_CASE("colour only where it is asked for") {
  Peer peer;
  CHECK(run({"send", peer.pid(), "x"}).out.find("\x1b[") == std::string::npos);
  CHECK(run({"send", peer.pid(), "x", "--color", "always"}).out.find("\x1b[") != std::string::npos);
  CHECK(run({"send", peer.pid(), "x", "--color", "never"}).out.find("\x1b[") == std::string::npos);
}

TEST_CASE("a reader that goes away ends the run quietly") {
  Served served({"x"});
  Background ping({"ping", served.pid(), "-i", "1ms"});
  REQUIRE(ping.line());
  ping.close_output();
  auto result = ping.finish();
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
}

namespace {

/// Sends SIGTERM until it ends, without reading its output.
int exit_when_signalled(Background& process) {
  const auto end = std::chrono::steady_clock::now() + patience;
  siginfo_t info{};
  while (info.si_pid == 0 && std::chrono::steady_clock::now() < end) {
    process.signal(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    ::waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WNOHANG | WNOWAIT);
  }
  REQUIRE(info.si_pid != 0);
  return process.finish().exit;
}

}  // namespace

TEST_CASE("a run whose output nobody reads can be ended") {
  // What they print is more than a pipe holds. The first signal lets them end by themselves, which
  // they cannot.
  const std::string flood = TEST_DATA "/captures/libprocess/flood-linked-1000x100.pcap";
  for (const Arguments& arguments :
       {Arguments{"sniff", "-r", flood, "--json"},
        Arguments{"send", "a@127.0.0.1:1", "m", "--dry-run", "--repeat", "1000000000000"}}) {
    CAPTURE(arguments[0]);
    Background process(arguments);
    REQUIRE(process.line());
    CHECK(exit_when_signalled(process) == 143);
  }
  Served served({"x"});
  for (const Arguments& arguments :
       {Arguments{"ping", served.pid(), "-f", "--json"},
        Arguments{"inspect", "127.0.0.1:" + std::to_string(served.port()), "--watch", "1ms",
                  "--json"}}) {
    CAPTURE(arguments[0]);
    Background process(arguments);
    REQUIRE(process.line());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // until the pipe is full
    CHECK(exit_when_signalled(process) == 143);
  }
}

TEST_CASE("bodies larger than anybody takes are refused before they are made") {
  check_error({"send", "a@127.0.0.1:1", "x", "--size", "10g"}, 2, "usage", "--size \"10g\"");
  check_error({"send", "a@127.0.0.1:1", "x", "--size", "1073741825"}, 2, "usage", "1073741824");
  check_error({"ping", "a@127.0.0.1:1", "-s", "10g"}, 2, "usage", "-s,--size \"10g\"");
}

TEST_CASE("memory that runs out is exit 6 with one error" *
          doctest::skip(!std::string_view(COMPACTOR_SANITIZE).empty())) {
  const auto result = run({"-c", "ulimit -v 700000; exec " COMPACTOR_PROGRAM
                                 " send a@127.0.0.1:1 x --size 1g --dry-run --json"},
                          {.program = "/bin/sh"});
  CHECK(result.exit == 6);
  REQUIRE(result.errors().size() == 1);
  CHECK(result.errors()[0].at("kind") == "memory");
}

}  // namespace e2e_usage_test
