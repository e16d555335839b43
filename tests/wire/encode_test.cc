#include "wire/encode.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/pcap_streams.h"
#include "support/wire_streams.h"
#include "wire/message.h"

namespace wire_encode_test {

using compactor::Pid;
using compactor::Style;
using compactor::wire::HttpMessage;
using compactor::wire::Kind;
using compactor::wire::Persist;
using wire_test::Copy;

namespace {

std::string encoded(Style style, std::string_view from, const Pid& to, std::string_view name,
                    std::string_view body) {
  std::string out;
  compactor::wire::append_message(out, style, from, to, name, body);
  CHECK(out.size() <= compactor::wire::message_size_bound(from, to, name, body.size()));
  return out;
}

std::string encoded_id(std::string_view id) {
  std::string out;
  compactor::wire::append_encoded_id(out, id);
  return out;
}

std::string header(const Copy& message, std::string_view name) {
  for (const auto& [key, value] : message.headers) {
    if (key == name) return value;
  }
  return "";
}

/// Counts the requests of a stream that `style` wrote, each compared with what we would have
/// written for it.
class Comparison : public compactor::wire::Sink {
 public:
  Comparison(Style style, std::string_view stream) : style_(style), stream_(stream) {}

  bool on_message(const HttpMessage& message) override {
    const auto head = compactor::wire::message_head(message);
    if (!head || !is_native(message)) return true;
    std::string buffer;
    // The Python library names no host.
    const auto* host = message.header("Host");
    Pid to = Pid::parse("@" + std::string(host != nullptr ? *host : "h:1"));
    to.id = compactor::wire::decode_id(head->raw_id, buffer).value();
    const auto captured = stream_.substr(message.begin, message.end - message.begin);
    CHECK(encoded(style_, head->sender, to, head->name, message.body) == captured);
    ++compared;
    return true;
  }

  int compared = 0;

 private:
  // Other clients (curl) are in the captures too.
  bool is_native(const HttpMessage& message) const {
    const auto* agent = message.header("User-Agent");
    const bool libprocess_agent = agent != nullptr && agent->starts_with("libprocess/");
    return style_ == Style::libprocess ? libprocess_agent && message.minor == 1
                                       : agent == nullptr && message.minor == 0;
  }

  Style style_;
  std::string_view stream_;
};

std::vector<std::string> captures(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/captures/" + folder)) {
    if (entry.path().extension() == ".pcap") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

int compare_all(Style style, const std::string& folder) {
  int compared = 0;
  for (const std::string& path : captures(folder)) {
    for (const auto& stream : pcap_streams::read(path)) {
      Comparison sink(style, stream.requests);
      compactor::wire::Parser parser(Kind::request);
      CHECK(parser.feed(stream.requests, sink));
      compared += sink.compared;
    }
  }
  return compared;
}

}  // namespace

TEST_CASE("what real libprocess sent, byte for byte") {
  CHECK(compare_all(Style::libprocess, "libprocess") == 1053);
}

TEST_CASE("what a real Mesos sent, byte for byte") {
  CHECK(compare_all(Style::libprocess, "mesos") == 204);
}

TEST_CASE("what the Python library sent, byte for byte") {
  CHECK(compare_all(Style::compactor, "compactor") == 18);
}

TEST_CASE("the three dialects") {
  const Pid to{"tgt(1)", "1.2.3.4", 5};
  CHECK(encoded(Style::libprocess, "snd@5.6.7.8:9", to, "box", std::string(26, 'x')) ==
        "POST /tgt(1)/box HTTP/1.1\r\nUser-Agent: libprocess/snd@5.6.7.8:9\r\n"
        "Libprocess-From: snd@5.6.7.8:9\r\nConnection: Keep-Alive\r\nHost: 1.2.3.4:5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n1a\r\n" +
            std::string(26, 'x') + "\r\n0\r\n\r\n");
  CHECK(encoded(Style::libprocess, "snd@5.6.7.8:9", to, "box", "") ==
        "POST /tgt(1)/box HTTP/1.1\r\nUser-Agent: libprocess/snd@5.6.7.8:9\r\n"
        "Libprocess-From: snd@5.6.7.8:9\r\nConnection: Keep-Alive\r\nHost: 1.2.3.4:5\r\n\r\n");
  CHECK(encoded(Style::compactor, "snd@5.6.7.8:9", to, "box", "") ==
        "POST /tgt(1)/box HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n"
        "Libprocess-From: snd@5.6.7.8:9\r\n\r\n");
  CHECK(encoded(Style::legacy, "snd@5.6.7.8:9", to, "box", "hello") ==
        "POST /tgt(1)/box HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n"
        "User-Agent: libprocess/snd@5.6.7.8:9\r\n\r\nhello");
  CHECK(encoded(Style::compactor, "a@h:1", Pid{"", "h", 1}, "box", "").starts_with("POST //box "));
  CHECK(encoded(Style::libprocess, "a@h:1", to, "", "").starts_with("POST /tgt(1)/ HTTP/1.1\r\n"));
}

TEST_CASE("an id is escaped where it would not survive, and comes back") {
  CHECK(encoded_id("slave(1)") == "slave(1)");
  CHECK(encoded_id("__http__-3.x_~!*'&=:@,;$") == "__http__-3.x_~!*'&=:@,;$");
  CHECK(encoded_id("a b") == "a%20b");
  CHECK(encoded_id("a+b%c?d#e/f") == "a%2Bb%25c%3Fd%23e%2Ff");
  CHECK(encoded_id("\t\x7f\xc3\xa9") == "%09%7F%C3%A9");
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  std::string buffer;
  CHECK(compactor::wire::decode_id(encoded_id(all), buffer) == all);
}

TEST_CASE("what is sent arrives, whatever the id") {
  for (const Style style : {Style::libprocess, Style::compactor, Style::legacy}) {
    for (const std::string id : {"echo", "a b(1)/x", "a+b", "100%", "q?r#s", "\xc3\xa9"}) {
      const std::string body("\0\r\n\r\nPOST /x/y HTTP/1.1\r\n\r\n", 27);
      const std::string bytes = encoded(style, "a(1)@1.2.3.4:5", Pid{id, "h", 1}, "x/y", body);
      struct One : compactor::wire::Sink {
        bool on_message(const HttpMessage& message) override {
          const auto head = compactor::wire::message_head(message).value();
          std::string buffer;
          parts = {std::string(head.sender),
                   std::string(compactor::wire::decode_id(head.raw_id, buffer).value()),
                   std::string(head.name), std::string(message.body)};
          return true;
        }
        std::vector<std::string> parts;
      } sink;
      compactor::wire::Parser parser(Kind::request);
      CHECK(parser.feed(bytes, sink));
      CHECK(sink.parts == std::vector<std::string>{"a(1)@1.2.3.4:5", id, "x/y", body});
    }
  }
}

TEST_CASE("why a message cannot be sent") {
  const auto sendable = [](Style style, std::string_view from, const Pid& to,
                           std::string_view name) {
    return compactor::wire::why_not_sendable(style, from, to, name) == nullptr;
  };
  const Pid to{"a", "1.2.3.4", 5};
  for (const Style style : {Style::libprocess, Style::compactor, Style::legacy}) {
    CHECK(sendable(style, "a@h:1", to, "mesos.internal.PingSlaveMessage"));
    CHECK(sendable(style, "a@h:1", to, ""));
    CHECK(sendable(style, "a@h:1", to, "with/slash%20"));
    CHECK(sendable(style, "a b\xc3\xa9@h:1", to, "x"));
    CHECK(sendable(style, "a@h:1", Pid{"a b\t/?#\xc3\xa9", "host.name", 5}, "x"));
    for (const char* name : {"a b", "a?b", "a#b", "a\r\nb", "a\tb", "\x7f", "\xc3\xa9"}) {
      CHECK_FALSE(sendable(style, "a@h:1", to, name));
    }
    CHECK_FALSE(sendable(style, "a@h:1", Pid{"a\rb", "h", 5}, "x"));
    CHECK_FALSE(sendable(style, "a@h:1", Pid{"a\nb", "h", 5}, "x"));
    CHECK_FALSE(sendable(style, "a\r\nX: y@h:1", to, "x"));
    CHECK_FALSE(sendable(style, "a\x01@h:1", to, "x"));
    CHECK_FALSE(sendable(style, "a@h:1", Pid{"a", "", 5}, "x"));
    CHECK_FALSE(sendable(style, "a@h:1", Pid{"a", "h", 0}, "x"));
    CHECK_FALSE(sendable(style, "a@h:1", Pid{"a", "h\r\n", 5}, "x"));
    CHECK_FALSE(sendable(style, "a@h:1", Pid{"a", "h h", 5}, "x"));
  }
  CHECK_FALSE(sendable(Style::libprocess, "a@h:1", Pid{"", "h", 5}, "x"));
  CHECK(sendable(Style::compactor, "a@h:1", Pid{"", "h", 5}, "x"));
}

TEST_CASE("responses of libprocess and of the Python library, byte for byte") {
  int accepted = 0;
  int others = 0;
  for (const std::string folder : {"libprocess", "compactor"}) {
    for (const std::string& path : captures(folder)) {
      for (const auto& stream : pcap_streams::read(path)) {
        for (const Copy& m : wire_test::read_whole(Kind::response, stream.responses).messages) {
          const std::string captured = stream.responses.substr(m.begin, m.end - m.begin);
          const Persist persist =
              header(m, "Connection").empty() ? Persist::implied : Persist::stated;
          const std::string date = header(m, "Date");
          std::string ours;
          if (m.status == 202) {
            compactor::wire::append_accepted(ours, date, persist);
            CHECK(ours == captured);
            ++accepted;
          } else if (folder == "libprocess" && header(m, "Content-Type").starts_with("text/")) {
            // Where the type is JSON, libprocess happens to write the length before it.
            compactor::wire::append_response(ours, m.status, header(m, "Content-Type"), m.body,
                                             date, persist);
            CHECK(ours == captured);
            ++others;
          }
        }
      }
    }
  }
  CHECK(accepted == 1058);
  CHECK(others == 10);
}

TEST_CASE("a response to HEAD has the length but not the body") {
  std::string out;
  compactor::wire::append_response(out, 200, "text/plain", "hello", "D", Persist::stated, true);
  CHECK(out ==
        "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
        "Connection: Keep-Alive\r\n\r\n");
  out.clear();
  compactor::wire::append_response(out, 404, "", "", "D", Persist::implied);
  CHECK(out == "HTTP/1.1 404 Not Found\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("reason phrases") {
  CHECK(compactor::wire::reason_phrase(202) == "Accepted");
  CHECK(compactor::wire::reason_phrase(404) == "Not Found");
  CHECK(compactor::wire::reason_phrase(405) == "Method Not Allowed");
  CHECK(compactor::wire::reason_phrase(500) == "Internal Server Error");
  CHECK(compactor::wire::reason_phrase(599) == "Unknown");
}

}  // namespace wire_encode_test
