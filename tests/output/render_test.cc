// Both renderers over the same events: the JSON keys that scripts rely on, and text without
// surprises.
#include "output/render.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace output_render_test {

namespace {

using namespace std::chrono_literals;

/// Knows one type, "known.Type", whose bytes are JSON already.
class FakeCodec : public tool::TypeCodec {
 public:
  bool append_json(std::string& out, std::string_view name, std::string_view bytes,
                   std::string_view key) override {
    if (name != "known.Type") return false;
    out += ",\"" + std::string(key) + "\":" + std::string(bytes);
    out += ",\"" + std::string(key) + "_type\":\"known.Type\"";
    return true;
  }
  bool append_text(std::string& out, std::string_view name, std::string_view bytes) override {
    if (name != "known.Type") return false;
    out += "known " + std::string(bytes);
    return true;
  }
  bool append_says(std::string& phrase, std::string&, std::string_view name, std::string_view bytes,
                   bool) override {
    if (name != "known.Type") return false;
    phrase += "says " + std::string(bytes);
    return true;
  }
  std::optional<std::string> encode(std::string_view name, std::string_view json,
                                    std::string_view unknown) override {
    if (name != "known.Type") return std::nullopt;
    return std::string(json) + std::string(unknown);
  }
  std::string type_of(std::string_view name) override {
    return name == "known.Type" ? std::string(name) : std::string();
  }
  std::string misfit(std::string_view, std::string_view) override { return {}; }
  std::string suggestion(std::string_view) override { return "did you mean known.Type?"; }
};

template <class Event>
nlohmann::json json_of(const Event& event, tool::BodyMode mode = tool::BodyMode::automatic,
                       tool::TypeCodec* types = nullptr) {
  std::string out;
  tool::make_json_renderer(tool::BodyView(mode, types))->append(out, event);
  CHECK(out.back() == '\n');
  CHECK(std::count(out.begin(), out.end(), '\n') == 1);
  return nlohmann::json::parse(out);
}

template <class Event>
std::string text_of(const Event& event, tool::TextStyle style = {}) {
  std::string out;
  tool::make_text_renderer(style, tool::BodyView())->append(out, event);
  return out;
}

tool::MessageEvent message(std::string_view name, std::string_view body) {
  return {.time = tool::WallTime(1s),
          .from = "a@1.2.3.4:5",
          .to = "b@1.2.3.4:6",
          .name = name,
          .body = body};
}

}  // namespace

TEST_CASE(
    "a message with a known type has its body as an object, but for a mode that says otherwise") {
  FakeCodec types;
  auto json = json_of(message("known.Type", "{\"a\":1}"), tool::BodyMode::automatic, &types);
  CHECK(json["body"]["a"] == 1);
  CHECK(json["body_type"] == "known.Type");
  CHECK(json["size"] == 7);
  CHECK(json_of(message("known.Type", "{}"), tool::BodyMode::text, &types)["body_text"] == "{}");
  CHECK(json_of(message("unknown.Type", "{}"), tool::BodyMode::json, &types)["body_text"] == "{}");
}

TEST_CASE("bodies that a user types") {
  FakeCodec types;
  CHECK(tool::read_body("known.Type", "{\"a\":1}", false, &types) == "{\"a\":1}");
  CHECK(tool::read_body("plain", "{\"a\":1}", false, &types) == "{\"a\":1}");
  CHECK(tool::read_body("plain", "hex:00", false, nullptr) == std::string_view("\0", 1));
  try {
    tool::read_body("known.Tpye", "{}", false, &types);
    FAIL("accepted");
  } catch (const tool::Failure& failure) {
    CHECK(failure.exit() == tool::Exit::usage);
    CHECK(failure.hint().find("did you mean known.Type?") != std::string::npos);
  }
  CHECK(tool::read_body("known.Tpye", "{}", true, &types) == "{}");
}

TEST_CASE("a delivery: status is null when none came, line and reason only where there are any") {
  tool::DeliveryEvent event{
      .to = "b@1.2.3.4:6", .name = "m", .size = 3, .outcome = "failed", .reason = "why"};
  auto failed = json_of(event);
  CHECK(failed["status"].is_null());
  CHECK(failed["reason"] == "why");
  CHECK_FALSE(failed.contains("ack_us"));
  CHECK_FALSE(failed.contains("line"));
  event = {.to = "b@1.2.3.4:6",
           .name = "m",
           .status = 202,
           .outcome = "accepted",
           .ack = 1500ns,
           .line = 7};
  auto accepted = json_of(event);
  CHECK(accepted["status"] == 202);
  CHECK(accepted["ack_us"] == 1.5);
  CHECK(accepted["line"] == 7);
  CHECK_FALSE(accepted.contains("reason"));
}

TEST_CASE("a probe shows the clocks that it has") {
  auto json = json_of(tool::ProbeEvent{
      .seq = 3, .ack = 5us, .status = 404, .outcome = "no_such_process", .late = true});
  CHECK(json["seq"] == 3);
  CHECK(json["ack_us"] == 5);
  CHECK_FALSE(json.contains("connect_us"));
  CHECK_FALSE(json.contains("reply_us"));
  CHECK(json["late"] == true);
}

TEST_CASE("summaries") {
  tool::ServeSummary serve{
      .messages = 2, .bytes = 5, .by_name = {{"a\"", 1}, {"b", 1}}, .rejected = 1};
  auto json = json_of(serve);
  CHECK(json["by_name"]["a\""] == 1);
  CHECK(json["rejected"] == 1);
  tool::Latency latency;
  tool::SendSummary send{.sent = 4, .accepted = 3, .failed = 1, .duration_s = 2, .ack = &latency};
  CHECK(json_of(send)["messages_per_s"] == 1.5);
  CHECK_FALSE(json_of(send).contains("ack"));
  latency.add(2us);
  CHECK(json_of(send)["ack"]["p99_us"] == 2);
  CHECK(json_of(tool::LinkSummary{.linked = 2, .exited = 1})["linked"] == 2);
  CHECK(text_of(serve).find("2 messages, 5 B") == 0);
}

TEST_CASE("what a peer chose is escaped in text, and colour is only where it is wanted") {
  auto line = text_of(message("m\x1b[2J", "body\x07"));
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find("m\\x1b[2J") != std::string::npos);
  CHECK(line.find("body\\x07") != std::string::npos);
  CHECK(text_of(message("m", ""), {.lines = {.colour = true}}).find("\x1b[36mm  0 B\x1b[0m") !=
        std::string::npos);
}

TEST_CASE("a long body is cut for people, between characters") {
  std::string body;
  for (int i = 0; i < 150; ++i) body += "\xc3\xa9";
  auto line = text_of(message("m", body));
  CHECK(line.ends_with("é…\n"));
  CHECK(line.find("\\x") == std::string::npos);
  CHECK(json_of(message("m", body))["body_text"] == body);
}

TEST_CASE("errors have kind, message, hint and exit") {
  std::string out;
  tool::Failure failure(tool::Exit::unreachable, "connect", "cannot \x1b reach", "try \x07 this");
  tool::make_json_renderer(tool::BodyView())->append_error(out, failure);
  auto json = nlohmann::json::parse(out);
  CHECK(json["type"] == "error");
  CHECK(json["kind"] == "connect");
  CHECK(json["message"] == "cannot \x1b reach");
  CHECK(json["exit"] == 3);
  out.clear();
  tool::make_text_renderer({}, tool::BodyView())->append_error(out, failure);
  CHECK(out == "compactor: cannot \\x1b reach (try \\x07 this)\n");
}

}  // namespace output_render_test
