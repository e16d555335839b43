// compactor decode: bytes by type, by guess, and line by line.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/harness.h"

namespace e2e_decode_test {

using namespace e2e;

namespace {

const std::string ping = "mesos.internal.PingSlaveMessage";

/// The one error of a command that has to end with that exit.
Json error_of(Arguments arguments, int exit = 2) {
  arguments.push_back("--json");
  const auto result = run(arguments);
  CAPTURE(result.err);
  CHECK(result.exit == exit);
  REQUIRE(result.errors().size() == 1);
  return result.errors()[0];
}

std::vector<std::string> types_of(const Result& result) {
  std::vector<std::string> types;
  for (const auto& line : result.events("decoded")) types.push_back(line.at("body_type"));
  return types;
}

}  // namespace

TEST_CASE("decode shows a body as the JSON of its type, in every form that send takes") {
  const auto file = std::filesystem::path(BUILD_ROOT) / "decode_test.bin";
  std::ofstream(file, std::ios::binary) << "\x08\x01";
  const std::vector<std::string> bodies = {"hex:0801", "base64:CAE=", "@" + file.string(),
                                           R"({"connected":true})", "-"};
  for (const auto& body : bodies) {
    CAPTURE(body);
    const auto text = run({"decode", ping, body}, {.input = "\x08\x01"});
    CHECK(text.exit == 0);
    CHECK(text.out == "{\"connected\":true}\n");
  }
  std::filesystem::remove(file);
  const auto line = run({"decode", ping, "hex:0801", "--json"}).events("decoded").at(0);
  CHECK(
      line ==
      Json{{"type", "decoded"}, {"size", 2}, {"body", {{"connected", true}}}, {"body_type", ping}});
  CHECK(has(run({"decode", "mesos.FrameworkID", "hex:0a02fffe"}).out,
            "(a string that is not UTF-8)"));
  CHECK(run({"decode", "mesos.internal.StatusUpdate", "hex:", "--json"})
            .events("decoded")
            .at(0)
            .at("body_missing")
            .size() == 3);
}

TEST_CASE("what is wrong with a type or a body is one error") {
  CHECK(has(error_of({"decode", "mesos.internal.PingSlaveMesage", "hex:0801"}).at("hint"), ping));
  CHECK(has(error_of({"decode", ping, "hex:ff"}).at("message"), "is not a " + ping + ": "));
  error_of({"decode", ping, "base64:!!!"});
  error_of({"decode", ping, R"({"conected":true})"});
  error_of({"decode", ping, "@/no/such/file"}, 6);
  CHECK(has(error_of({"decode", "{}"}).at("message"), "needs a TYPE"));
  CHECK(has(error_of({"decode"}).at("message"), "nothing to decode"));
  CHECK(has(error_of({"decode", ping, "hex:0801", "--batch", "x"}).at("message"), "--batch"));
  error_of({"decode", "--batch", "/no/such/file"}, 6);
}

TEST_CASE("without a type those that fit are shown, best first; none is exit 1") {
  // A StatusUpdateMessage: update {framework_id, status {task_id, state}, timestamp, uuid}, pid.
  const std::string update =
      "0a360a060a0466772d311a040a025337220b0a070a057765622e31100529000000c00b5ad6413210000102030405"
      "060708090a0b0c0d0e0f12146d61737465724031302e302e302e353a35303530";
  const auto guessed = run({"decode", "hex:" + update, "--json"});
  CAPTURE(guessed.out);
  CHECK(guessed.exit == 0);
  REQUIRE_FALSE(types_of(guessed).empty());
  CHECK(types_of(guessed).front() == "mesos.internal.StatusUpdateMessage");
  CHECK(guessed.events("decoded").at(0).at("fit") == 1.0);
  const auto few = run({"decode", "hex:0801", "--max", "3", "--json"});
  CHECK(types_of(few).size() == 3);
  CHECK(has(few.err, "more types fit: --max"));
  const auto none = run({"decode", "hex:ffff", "--json"});
  CHECK(none.exit == 1);
  CHECK(none.out.empty());
  CHECK(run({"decode", "hex:"}).exit == 1);
  CHECK(run({"decode", ping}).exit == 1);  // taken for the body, as text
  // Control characters: text that is no text is no good sign.
  CHECK(has(run({"decode", "hex:0a0401020304"}).out, "fit 33 %"));
}

TEST_CASE("--batch decodes a line at a time, bodies and recorded lines") {
  const std::string lines =
      "hex:0801\n"
      "\n"
      R"({"type":"message","name":"mesos.TaskID","body_hex":"0a0161"})"
      "\n"
      R"({"type":"summary"})"
      "\n"
      "base64:CAA=\r\n";
  const auto typed =
      run({"decode", ping, "--batch", "-", "--json"}, {.input = "hex:0801\nbase64:CAA=\r\n"});
  CHECK(typed.exit == 0);
  const auto both = typed.events("decoded");
  REQUIRE(both.size() == 2);
  CHECK(both[1].at("line") == 2);
  CHECK(both[1].at("body") == Json{{"connected", false}});
  const auto mixed = run({"decode", "--batch", "-", "--json"}, {.input = lines});
  CHECK(mixed.exit == 0);
  REQUIRE(types_of(mixed).size() == 3);
  CHECK(types_of(mixed)[1] == "mesos.TaskID");
  CHECK(mixed.events("decoded")[1].at("line") == 3);
  CHECK_FALSE(mixed.events("decoded")[1].contains("fit"));
  CHECK(mixed.events("decoded")[2].contains("fit"));
  const auto bad = run({"decode", ping, "--batch", "-", "--json"},
                       {.input = "hex:ff\nhex:0801\n@/etc/passwd\n{broken\n"});
  CHECK(bad.exit == 2);
  CHECK(bad.events("decoded").size() == 1);
  for (const char* line : {"line 1: ", "line 3: ", "line 4: ", "3 lines were not decoded"})
    CHECK(has(bad.err, line));
  CHECK(run({"decode", "--batch", "-"}, {.input = "hex:ffff\nhex:0801\n"}).exit == 1);
  const auto left_out =
      run({"decode", ping, "--batch", "-"}, {.input = "{\"type\":\"summary\"}\nhex:ff\n"});
  CHECK(has(left_out.err, "1 line that is not a message was left out"));
}

TEST_CASE("a line without an end is not read into memory, and the lines after it are") {
  const auto result = run({"decode", ping, "--batch", "-", "--json"},
                          {.input = "hex:" + std::string(200 << 20, '0') + "\nhex:0801\n"});
  CHECK(result.exit == 2);
  CHECK(has(result.err, "line 1: it is longer than "));
  CHECK(result.events("decoded").at(0).at("line") == 2);
}

TEST_CASE("decode tells old messages by the schema of their time") {
  // scheduler.Call of 0.22: framework_info {user, name}, type REREGISTER.
  const auto old = run({"decode", "mesos.scheduler.Call",
                        "hex:0a090a0178120477656231"
                        "1002",
                        "--json"})
                       .events("decoded")
                       .at(0);
  CHECK(old.at("body_schema") == "0.22.2");
  CHECK(old.at("body").at("type") == "REREGISTER");
  const auto gone = run({"decode", "mesos.internal.HeartbeatMessage", "hex:0a030a0161", "--json"})
                        .events("decoded")
                        .at(0);
  CHECK(gone.at("body") == Json{{"slave_id", {{"value", "a"}}}});
  CHECK(gone.at("body_schema") == "0.20.1");
}

}  // namespace e2e_decode_test
