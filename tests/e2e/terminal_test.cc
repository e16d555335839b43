// What a person at a terminal sees: how wide, in which colours, and nothing that a peer chose to do
// to the terminal.
#include "support/terminal.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <regex>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_terminal_test {

using namespace e2e;

namespace {

// Clears the screen, names the window, rings, erases; CSI again as C1; turns the reading direction
// round; and CSI in no UTF-8.
const std::string evil_text = "\x1b[2J\x1b]0;t\x07\x08\x7f\xc2\x9b\x32J\xe2\x80\xae";
const std::string evil = evil_text + "\x9b\x32J";
const std::string harmless = R"(\x1b[2J\x1b]0;t\x07\x08\x7f\x9b2J\u202e\x9b2J\r)";  // evil and a CR

const Environment here{{"LIBPROCESS_IP", "127.0.0.1"}};

Arguments compactor(const Arguments& arguments) {
  Arguments words{COMPACTOR_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

/// All that it prints on a terminal of so many columns.
std::string shown(const Arguments& arguments, unsigned short columns = 100,
                  Environment environment = {}) {
  environment.insert(here.begin(), here.end());
  return Terminal(compactor(arguments), environment, columns).rest();
}

/// The lines without what ends them on a terminal.
std::vector<std::string> screen(const std::string& text) {
  return lines_of(std::regex_replace(text, std::regex("\r\n"), "\n"));
}

/// Nothing but characters, ends of lines, and colours.
void check_harmless(const std::string& text) {
  CAPTURE(text);
  const auto plain = std::regex_replace(text, std::regex("\x1b\\[[0-9]*m|\r\n"), "");
  for (const char c : plain) CHECK_FALSE((static_cast<unsigned char>(c) < 0x20 || c == 0x7f));
  CHECK_NOTHROW(Json(plain).dump());  // it throws for what is no UTF-8
  for (unsigned char c = 0x80; c < 0xa0; ++c)
    CHECK(plain.find(std::string("\xc2") + static_cast<char>(c)) == std::string::npos);
  CHECK(plain.find("\xe2\x80\xae") == std::string::npos);
}

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%%%02x", static_cast<unsigned char>(c));
    out += digits;
  }
  return out;
}

void append_number(std::string& out, std::uint32_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// A packet from port 1000 to port 2000 of a pcap file (big-endian, raw IP).
std::string packet(std::uint32_t sequence, unsigned char flags, const std::string& data) {
  std::string ip("\x45\0", 2);
  append_number(ip, static_cast<std::uint32_t>(40 + data.size()), 2);
  ip += std::string("\0\0\0\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02", 16);
  append_number(ip, 1000, 2);
  append_number(ip, 2000, 2);
  append_number(ip, sequence, 4);
  append_number(ip, 0, 4);
  ip += '\x50';
  ip += static_cast<char>(flags);
  ip += std::string("\x10\0\0\0\0\0", 6) + data;
  std::string out;
  append_number(out, 1, 4);
  append_number(out, 0, 4);
  for (int i = 0; i < 2; ++i) append_number(out, static_cast<std::uint32_t>(ip.size()), 4);
  return out + ip;
}

/// A capture of one connection in which that was sent.
std::string capture_of(const std::string& data) {
  std::string out;
  append_number(out, 0xa1b2c3d4, 4);
  append_number(out, 0x00020004, 4);
  for (const std::uint32_t field : {0U, 0U, 65535U, 101U}) append_number(out, field, 4);
  constexpr unsigned char syn = 2;
  constexpr unsigned char ack = 16;
  return out + packet(0, syn, "") + packet(1, ack, data);
}

/// serve on a terminal; the port that it says.
std::uint16_t port_of(Terminal& serve) {
  serve.until("serving x@127.0.0.1:");
  return static_cast<std::uint16_t>(std::stoul(serve.until("\n")));
}

}  // namespace

TEST_CASE("help is as wide as the terminal") {
  std::vector<Arguments> helps{{"--help"}};
  for (const char* command :
       {"serve", "send", "ping", "link", "sniff", "inspect", "describe", "decode"})
    helps.push_back({command, "--help"});
  const std::regex example("^  compactor .*");
  const std::regex one_word("^ *[^ ]+");
  for (const unsigned short columns : std::array<unsigned short, 3>{60, 80, 120}) {
    for (const auto& help : helps) {
      CAPTURE(help);
      std::size_t widest = 0;
      for (const auto& line : screen(shown(help, columns))) {
        CAPTURE(line);
        const bool whole =
            columns < 80 && (std::regex_match(line, example) || std::regex_match(line, one_word));
        if (!whole) CHECK(columns_of(line) <= columns);
        widest = std::max(widest, columns_of(line));
      }
      CHECK(widest > std::min<std::size_t>(columns, 80) - 20);
    }
  }
}

TEST_CASE("wrapped help says the same, its descriptions in their column") {
  const auto words = [](const std::string& text) {
    return std::regex_replace(text, std::regex("[ \r\n]+"), " ");
  };
  const auto narrow = shown({"serve", "--help"}, 60);
  CHECK(words(narrow) == words(run({"serve", "--help"}).out));
  CHECK(narrow.find("\r\n  --exec CMD                   give the messages to a child\r\n" +
                    std::string(31, ' ') + "process") != std::string::npos);
}

TEST_CASE("events fit into 100 columns") {
  Terminal serve(
      compactor({"serve", "x", "--color", "never", "--body", "summary", "--expect", "end"}), here,
      100);
  const auto pid = "x@127.0.0.1:" + std::to_string(port_of(serve));
  const auto address = pid.substr(2);
  std::string all;
  for (const Arguments& arguments :
       {Arguments{"send", pid, "greet", "hello"}, Arguments{"send", "nobody@" + address, "greet"},
        Arguments{"send", pid, "ping", "--expect", "pong"},
        Arguments{"send", pid, "greet", "--repeat", "100", "-v"},
        Arguments{"ping", pid, "-c", "3", "-i", "1ms"},
        Arguments{"link", pid, "nobody@" + address, "--for", "50ms"}, Arguments{"inspect", address},
        Arguments{"send", pid, "end"}}) {
    auto plain = arguments;
    plain.insert(plain.end(), {"--color", "never"});
    all += shown(plain);
  }
  all += serve.rest();
  CHECK(screen(all).size() > 200);
  for (const auto& line : screen(all)) {
    CAPTURE(line);
    CHECK(columns_of(line) <= 100);
  }
}

TEST_CASE("colour is for terminals that want it, or where it is asked for") {
  Peer peer;
  const Arguments send{"send", peer.pid(), "greet"};
  const Arguments mistake{"send", "no-pid", "greet"};
  for (const auto& arguments : {send, mistake}) {
    CAPTURE(arguments);
    const auto coloured = [&](const Arguments& more, const Environment& environment) {
      auto all = arguments;
      all.insert(all.end(), more.begin(), more.end());
      return shown(all, 100, environment).find("\x1b[") != std::string::npos;
    };
    CHECK(coloured({}, {}));
    CHECK(coloured({}, {{"NO_COLOR", ""}}));
    CHECK(coloured({"--color", "auto"}, {}));
    CHECK(coloured({"--color=always"}, {{"NO_COLOR", "1"}, {"TERM", "dumb"}}));
    CHECK_FALSE(coloured({"--color", "never"}, {}));
    CHECK_FALSE(coloured({"--color", "always", "--color=never"}, {}));
    CHECK_FALSE(coloured({}, {{"NO_COLOR", "1"}}));
    CHECK_FALSE(coloured({}, {{"TERM", "dumb"}}));
  }
  // Not on a terminal.
  CHECK(run(mistake).err.find("\x1b[") == std::string::npos);
  CHECK(run({"send", "no-pid", "greet", "--color", "always"}).err.find("\x1b[31m") !=
        std::string::npos);
}

TEST_CASE("serve: what a peer sends does nothing to the terminal") {
  Terminal serve(compactor({"serve", "x", "-v", "--color", "never", "--expect", "end"}), here);
  const auto port = port_of(serve);
  Client client(port);
  client.send(message("x", percent_encoded(evil), evil + "\r") +
              message("x", "caf\xc3\xa9\xc2\x9b\x9b", "last", "a\xc2\x9b\x9b@127.0.0.1:1") +
              message("x" + percent_encoded(evil), "lost", ""));
  client.statuses(3);
  for (const char* head : {"POST /x/\x1b[2J HTTP/1.1\r\n\r\n", "\x1b[2J\r\n\r\n",
                           "POST /x/y HTTP/1.1\r\nUser-Agent: libprocess/\x1b[2J\r\n\r\n"}) {
    Client other(port);
    other.send(head);
    other.at_end();
  }
  client.send(message("x", "end", ""));
  const auto all = serve.rest();
  check_harmless(all);
  CHECK(all.find(harmless) != std::string::npos);
  CHECK(all.find("a\\x9b\\x9b@127.0.0.1:1") != std::string::npos);
}

TEST_CASE("send: neither its answer nor the message that it waits for reaches the terminal raw") {
  Peer peer([](const Request& request) {
    const auto from = request.header("Libprocess-From");
    Client client(static_cast<std::uint16_t>(std::stoul(from.substr(from.rfind(':') + 1))));
    client.send(message(from.substr(0, from.find('@')), "answer" + percent_encoded(evil),
                        evil + "\r", "a\xc2\x9b\x9b@127.0.0.1:1"));
    client.statuses(1);
    return response(202);
  });
  const auto expected = shown({"send", peer.pid(), "greet", "--expect", "answer*", "-v", "-v"});
  check_harmless(expected);
  CHECK(expected.find(harmless) != std::string::npos);

  Peer rude([](const Request&) {
    return "HTTP/1.1 404 " + evil + "\r\nContent-Length: " + std::to_string(evil.size()) +
           "\r\n\r\n" + evil;
  });
  const auto refused = shown({"send", rude.pid(), "greet", "-v", "-v"});
  check_harmless(refused);
  CHECK(refused.find("\\x1b") != std::string::npos);
}

TEST_CASE("sniff: what is in a capture does nothing to the terminal") {
  const auto file = temporary_file(
      "evil.pcap",
      capture_of(message(percent_encoded(evil), "name", evil + "\r") +
                 message("x", percent_encoded(evil), "hello", "a\xc2\x9b\x9b@127.0.0.1:1") +
                 message("x", "mesos.internal.PingSlaveMessage", evil) +
                 "GET /\xc2\x9b\x9b HTTP/1.1\r\nHost: a\r\n\r\n"));
  const auto all = shown({"sniff", "-r", file, "--http", "--stats", "-v", "-Z", ""});
  check_harmless(all);
  CHECK(all.find(harmless) != std::string::npos);
  CHECK(all.find("GET /\\x9b\\x9b") != std::string::npos);
  CHECK(all.find("by name") != std::string::npos);
}

TEST_CASE("inspect: what a node tells does nothing to the terminal") {
  const Json queued{
      {"type", "MESSAGE"}, {"name", evil_text}, {"from", evil_text}, {"body", evil_text}};
  const Json other{{"type", evil_text}, {"name", evil_text}};
  const Json processes =
      Json::array({{{"id", evil_text}, {"events", Json::array({queued, other})}}});
  const Json help{
      {"processes",
       Json::array({{{"id", evil_text},
                     {"endpoints", Json::array({{{"name", "/" + evil_text},
                                                 {"text", "### TL;DR; ###\n" + evil_text}}})}}})}};
  const Json state{{"version", evil_text},      {"pid", evil_text},
                   {"leader", evil_text + "l"}, {"cluster", evil_text},
                   {"slaves", Json::array()},   {"frameworks", Json::array()}};
  Peer node([&](const Request& request) {
    if (request.line.starts_with("GET /__processes__")) return response(200, processes.dump());
    if (request.line.starts_with("GET /help")) return response(200, help.dump());
    if (request.line.starts_with("GET /metrics")) return response(200, Json{{evil_text, 1}}.dump());
    return response(200, state.dump());
  });
  const auto all = shown({"inspect", "127.0.0.1:" + std::to_string(node.port()), "-v"});
  check_harmless(all);
  for (const char* part : {"Processes", "Endpoints", "Metrics", "Master", "from \\x1b[2J"}) {
    CAPTURE(part);
    CHECK(all.find(part) != std::string::npos);
  }

  Peer rude([](const Request&) { return response(500, evil); });
  check_harmless(shown({"inspect", "127.0.0.1:" + std::to_string(rude.port()), "-v"}));
}

}  // namespace e2e_terminal_test
