// Message types through the commands: describe, send, serve.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_types_test {

using namespace e2e;

namespace {

const Arguments acme_types = {"-I", TEST_DATA "/protos", "--proto",
                              TEST_DATA "/protos/acme/kinds.proto"};

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// The one error of a command that has to end with exit 2.
Json usage_error(Arguments arguments) {
  arguments.push_back("--json");
  const auto result = run(arguments);
  CHECK(result.exit == 2);
  CHECK(result.out.empty());
  REQUIRE(result.errors().size() == 1);
  return result.errors()[0];
}

}  // namespace

TEST_CASE("describe lists the built-in types and those of the user") {
  const auto all = run({"describe"});
  CHECK(all.exit == 0);
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') == 953);
  CHECK(run({"describe", "*.P?ngSlaveMessage"}).out ==
        "mesos.internal.PingSlaveMessage\nmesos.internal.PongSlaveMessage\n");
  CHECK(run(with({"describe", "acme.O*"}, acme_types)).out ==
        "acme.Odd\nacme.Odd.Item\nacme.Odd.Pair\n");
  const auto partly = run({"describe", "nothing*", "mesos.TaskID"});
  CHECK(partly.exit == 1);
  CHECK(has(partly.out, "message TaskID"));
  CHECK(has(partly.err, "no type matches nothing*"));
  CHECK(
      has(run({"describe", "--history", "acme*"}).err, "no type that has a history matches acme*"));
}

TEST_CASE("describe shows a type as proto text, and a template that send accepts") {
  const auto text = run({"describe", "mesos.internal.PingSlaveMessage"});
  CHECK(text.exit == 0);
  CHECK(has(text.out, "required bool connected = 1;"));
  CHECK(has(text.out, "\"connected\": true"));
  for (const std::string type :
       {"mesos.internal.RegisterSlaveMessage", "mesos.TaskInfo", "mesos.scheduler.Call"}) {
    const auto info = run({"describe", type, "--json"}).events("type_info");
    REQUIRE(info.size() == 1);
    CHECK(info[0].at("name") == type);
    CHECK_FALSE(has(info[0].at("proto"), "json_name"));
    const auto sent =
        run({"send", "a@127.0.0.1:1", type, info[0].at("template").dump(), "--dry-run"});
    CHECK(sent.exit == 0);
    CHECK(has(sent.out, "POST /a/" + type + " HTTP/1.1"));
    // @FILE would send the text of the template as it is.
    CHECK(has(run({"describe", type}).out, "compactor send TARGET " + type + " \"$(cat FILE)\"\n"));
  }
}

TEST_CASE("describe --json says defaults, and what is deprecated") {
  const auto field = [](const std::string& type, const std::string& name,
                        const Arguments& more = {}) {
    const Json info = run(with({"describe", type, "--json"}, more)).events("type_info").at(0);
    for (const auto& one : info.at("fields")) {
      if (one.at("name") == name) return one;
    }
    FAIL("no such field");
    return Json();
  };
  CHECK(field("mesos.Filters", "refuse_seconds").at("default") == 5.0);
  const auto role = field("mesos.FrameworkInfo", "role");
  CHECK(role.at("default") == "*");
  CHECK(role.at("deprecated") == true);
  const auto name = field("mesos.FrameworkInfo", "name");
  CHECK_FALSE(name.contains("default"));
  CHECK_FALSE(name.contains("deprecated"));
  const auto calls = field("mesos.master.Call", "type");
  CHECK(calls.at("deprecated_values") == Json{"SET_QUOTA", "REMOVE_QUOTA"});
  CHECK_FALSE(field("mesos.TaskStatus", "state").contains("deprecated_values"));
  // As it stands in the facts, for every field.
  std::ifstream facts(TEST_DATA "/mesos-schema.tsv");
  std::size_t checked = 0;
  for (std::string line; std::getline(facts, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '\t');) cells.push_back(cell);
    if (cells.size() < 7 || cells[0] != "field") continue;
    const bool stated = has(cells[6], "default=") || has(cells[6], "deprecated");
    if (!stated) continue;
    CAPTURE(line);
    const auto found = field(cells[1], cells[5]);
    CHECK(found.contains("default") == has(cells[6], "default="));
    CHECK(found.contains("deprecated") == has(cells[6], "deprecated"));
    ++checked;
  }
  CHECK(checked > 40);
}

TEST_CASE("a glob that no type matches is said to match none") {
  const auto result = run({"describe", "nosuch*", "--json"});
  CHECK(result.exit == 1);
  CHECK(has(result.err, "nosuch*"));
}

TEST_CASE("a template has the defaults that the type states") {
  const auto filled = run({"describe", "mesos.Filters", "--json"}).events("type_info").at(0);
  CHECK(filled.at("template") == Json{{"refuse_seconds", 5.0}});
}

TEST_CASE("PING and PONG of old clusters are known, other messages of that name are left alone") {
  Served served({"slave(1)"});
  const auto ping = run({"send", served.pid(), "PING", "hex:0801", "--expect", "PONG", "--json"});
  CHECK(ping.exit == 0);
  const auto pong = ping.events("message").at(0);
  CHECK(pong.at("body_type") == "mesos.internal.PongSlaveMessage");
  CHECK(pong.at("size") == 0);
  auto shown = served.message();
  CHECK(shown.at("body") == Json{{"connected", true}});
  CHECK(shown.at("body_type") == "mesos.internal.PingSlaveMessage");
  // A master before 0.21 sends no body.
  CHECK(run({"send", served.pid(), "PING", "--expect", "PONG"}).exit == 0);
  shown = served.message();
  CHECK(shown.at("body_text") == "");
  CHECK_FALSE(shown.contains("body_error"));
  CHECK(run({"send", served.pid(), "PING", "hello"}).exit == 0);
  shown = served.message();
  CHECK(shown.at("body_text") == "hello");
  CHECK_FALSE(shown.contains("body_type"));
  CHECK(run({"ping", served.pid(), "--mode", "reply", "--name", "PING", "--reply-name", "PONG",
             "-c", "1"})
            .exit == 0);
  Served silent({"slave(1)", "--no-pong"});
  CHECK(run({"send", silent.pid(), "PING", "--expect", "PONG", "--timeout", "200ms"}).exit == 4);
}

TEST_CASE("what is misspelt gets a suggestion, and nothing is sent") {
  CHECK(has(usage_error({"describe", "mesos.internal.PingSlaveMesage"}).at("hint"),
            "did you mean mesos.internal.PingSlaveMessage"));
  const Arguments send = {"send", "a@127.0.0.1:1"};
  CHECK(has(usage_error(with(send, {"mesos.internal.PingSlaveMesage", "{}"})).at("hint"),
            "did you mean mesos.internal.PingSlaveMessage"));
  const std::string ping = "mesos.internal.PingSlaveMessage";
  CHECK(has(usage_error(with(send, {ping, R"({"conected":true})"})).at("hint"),
            "did you mean connected?"));
  CHECK(has(usage_error(with(send, {ping, R"({"connected":5})"})).at("message"),
            "connected: expected true or false, not 5"));
  CHECK(has(usage_error(with(send, {ping, "{}"})).at("message"),
            "connected: required field is missing"));
  CHECK(has(usage_error(with(send, {ping, "{connected"})).at("message"),
            "not JSON, at line 1, column 2"));
}

TEST_CASE("faults in the user's schema files are exit 2, with the place") {
  const auto file = std::filesystem::path(BUILD_ROOT) / "types_test.proto";
  std::ofstream(file) << "syntax = \"proto2\";\nimport \"gone.proto\";\n";
  const auto error = usage_error({"serve", "--proto", file});
  CHECK(has(error.at("message"), file.string() + ":2:1: "));
  CHECK(has(error.at("hint"), "-I DIR"));
  std::filesystem::remove(file);
  CHECK(has(usage_error({"serve", "--type", "nonsense"}).at("hint"), "update=mesos.TaskStatus"));
}

TEST_CASE("a file of types that is not there is exit 6, as every file") {
  const std::string folder = std::filesystem::temp_directory_path();
  const std::pair<Arguments, std::string> sources[] = {
      {{"--proto", "/no/such.proto"}, "--proto /no/such.proto: no such file"},
      {{"--proto", folder}, "--proto " + folder + ": no such file"},
      {{"--protoset", "/no/set"}, "--protoset /no/set: No such file or directory"},
      {{"--protoset", folder}, "--protoset " + folder + ": is a directory"},
      {{"-I", "/no/folder"}, "-I /no/folder: no such directory"},
      {{"-I", "/no/folder", "--proto", "a.proto"}, "-I /no/folder: no such directory"},
  };
  for (const auto& [arguments, told] : sources) {
    for (const Arguments& command : {Arguments{"describe", "*"}, {"serve"}, {"decode", "hex:"}}) {
      const std::string shown(told);  // clang 14 cannot capture a structured binding
      CAPTURE(shown);
      CAPTURE(command[0]);
      auto words = with(command, arguments);
      words.push_back("--json");
      const auto result = run(words);
      CHECK(result.exit == 6);
      REQUIRE(result.errors().size() == 1);
      CHECK(result.errors()[0].at("kind") == "file");
      CHECK(result.errors()[0].at("message") == told);
    }
  }
}

TEST_CASE("several faults in a .proto are told on one line, without escapes") {
  const auto file = temporary_file("faults.proto",
                                   "syntax = \"proto2\";\n"
                                   "message A {\n"
                                   "  optional Nowhere x = 1;\n"
                                   "  optional int32 y = 1;\n"
                                   "}\n");
  const auto text = run({"describe", "--proto", file});
  CHECK(text.exit == 2);
  CHECK(std::count(text.err.begin(), text.err.end(), '\n') == 1);
  for (const std::string& told :
       {text.err, usage_error({"describe", "--proto", file}).at("message").get<std::string>()}) {
    CHECK(has(told, file + ":3:12: "));
    CHECK(has(told, "; " + file + ":4:22: "));
    CHECK_FALSE(has(told, "\\n"));
    CHECK((told.find('\n') == std::string::npos || told.find('\n') + 1 == told.size()));
  }
}

TEST_CASE("libprotobuf writes nothing of its own on stderr") {
  // It has a word to say about a file without `syntax`, and about a string that is not UTF-8.
  const auto file = temporary_file("plain.proto", "message A { optional string x = 1; }\n");
  CHECK(run({"describe", "A", "--proto", file, "--json"}).err.empty());
  CHECK(run({"describe", "A", "--proto", file}).err.empty());
  const auto shown = run({"decode", "A", "hex:0a01ff", "--proto", file, "--json"});
  CHECK(shown.events("decoded").size() == 1);
  shown.err_json();
}

TEST_CASE("serve decodes, answers the ping of a master, and replies with JSON bodies") {
  Served serve({"slave(1)", "--reply", "hello=mesos.TaskID:{\"value\":\"t1\"}", "--type",
                "status=mesos.TaskID"});
  const std::string pid = serve.pid();
  const auto pong = run({"send", pid, "mesos.internal.PingSlaveMessage", R"({"connected":true})",
                         "--expect", "mesos.internal.PongSlaveMessage", "--json"});
  CHECK(pong.exit == 0);
  REQUIRE(pong.events("message").size() == 1);
  CHECK(pong.events("message")[0].at("body_type") == "mesos.internal.PongSlaveMessage");
  const auto ping = serve.message();
  CHECK(ping.at("body") == Json{{"connected", true}});
  const auto reply = run({"send", pid, "hello", "--expect", "mesos.TaskID", "--json"});
  REQUIRE(reply.events("message").size() == 1);
  CHECK(reply.events("message")[0].at("body") == Json{{"value", "t1"}});
  serve.message();
  CHECK(run({"send", pid, "status", "hex:0a0161"}).exit == 0);
  CHECK(serve.message().at("body") == Json{{"value", "a"}});
  CHECK(run({"ping", pid, "--mode", "agent", "-c", "1"}).exit == 0);
}

TEST_CASE("bodies that do not fit are shown as bytes, with the reason") {
  Served serve({"s"});
  const std::string pid = serve.pid();
  CHECK(run({"send", pid, "mesos.TaskID", "hex:0a05ff"}).exit == 0);
  const auto cut = serve.message();
  CHECK(cut.at("body_base64") == "CgX/");
  CHECK(cut.at("body_error") == "a length that runs past the end at byte 1");
  CHECK_FALSE(cut.contains("body"));
  CHECK(run({"send", pid, "acme.Unknown", "hex:088001"}).exit == 0);
  const auto guess = serve.message();
  CHECK(guess.at("body_base64") == "CIAB");
  CHECK(guess.at("body_guess")[0].at("value") == "128");
}

TEST_CASE("recorded lines are sent again byte for byte, usual encodings and unusual ones") {
  // Known, with unknown fields behind, a field twice, a map out of order, a required field missing,
  // broken.
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"mesos.TaskID", "0a0161"},
      {"mesos.TaskID", "0a0161e80405"},
      {"mesos.TaskID", "0a01610a0162"},
      {"mesos.OfferFilters.ResourceQuantities",
       "0a0e0a016212090900000000000000400a0e0a01611209090000000000000040"},
      {"mesos.TaskID", "e80405"},
      {"mesos.TaskID", "0a05ff"},
      {"acme.Unknown", "088001"}};
  Served serve({"s"});
  const std::string pid = serve.pid();
  std::string lines;
  for (const auto& [name, hex] : bodies) {
    CHECK(run({"send", pid, name, "hex:" + hex}).exit == 0);
    const auto line =
        serve.process().line();  // as it was written: the order of a map is part of the bytes
    REQUIRE(line);
    lines += *line + '\n';
  }
  Served raw({"raw", "--body", "hex"});
  const std::string raw_pid = raw.pid();
  CHECK(run({"send", "--batch", "-", "--to", raw_pid}, {.input = lines}).exit == 0);
  for (const auto& [name, hex] : bodies) CHECK(raw.message().at("body_hex") == hex);
}

TEST_CASE("describe --history says since when and until when each field was") {
  const auto text = run({"describe", "--history", "mesos.scheduler.Call"});
  CHECK(text.exit == 0);
  CHECK(has(text.out, "// mesos.scheduler.Call, since Mesos 0.20.0\n"));
  CHECK(has(text.out, "   0.20.0   0.22.2   1      required mesos.FrameworkInfo framework_info\n"));
  CHECK(has(text.out, "   0.23.0   -        1      optional mesos.FrameworkID framework_id\n"));
  const Json info = run({"describe", "--history", "mesos.internal.LaunchTasksMessage", "--json"})
                        .events("type_info")
                        .at(0);
  CHECK(info.at("since") == "<=0.15.0");
  CHECK_FALSE(info.contains("until"));
  CHECK(info.at("history").at(1) == Json{{"name", "offer_id"},
                                         {"number", 2},
                                         {"label", "required"},
                                         {"type", "mesos.OfferID"},
                                         {"since", "<=0.15.0"},
                                         {"until", "0.16.0"}});
  // Of an enum, its values; of a type that was removed, until when.
  CHECK(has(run({"describe", "--history", "mesos.scheduler.Call.Type"}).out,
            "   0.20.0   0.22.2   8      KILL\n"));
  CHECK(has(run({"describe", "--history", "mesos.internal.Task"}).out, "until 0.28.3"));
  CHECK(
      has(run({"describe", "--history", "mesos.scheduler.*"}).out, "\n\n// mesos.scheduler.Call"));
  CHECK(has(usage_error({"describe", "--history", "mesos.v1.TaskID"}).at("message"),
            "no history is known"));
  CHECK(has(usage_error({"describe", "--history", "mesos.TaskIDD"}).at("hint"), "mesos.TaskID"));
  CHECK(has(usage_error({"describe", "--history"}).at("message"), "needs a TYPE"));
}

TEST_CASE("describe --protoset-out writes what --protoset reads, whole in itself") {
  const auto file = std::filesystem::path(BUILD_ROOT) / "types_test.protoset";
  const std::string protos = TEST_DATA "/protos";
  const auto written = run({"describe", "mesos.v1.scheduler.*", "acme.Odd", "--protoset-out", file,
                            "-I", protos, "--proto", protos + "/acme/kinds.proto"});
  CHECK(written.exit == 0);
  CHECK(written.out.empty());
  CHECK(run({"describe", "acme.Odd", "--protoset", file}).exit == 0);
  Settings protoc;
  protoc.program = "protoc";
  protoc.input = "framework_id { value: \"f\" } type: TEARDOWN";
  const auto encoded =
      run({"--descriptor_set_in=" + file.string(), "--encode=mesos.v1.scheduler.Call"}, protoc);
  CHECK(encoded.exit == 0);
  CHECK(encoded.out == std::string("\x0a\x03\x0a\x01"
                                   "f\x10\x02"));
  std::filesystem::remove(file);
  const auto nothing = run({"describe", "no.such.*", "--protoset-out", file});
  CHECK(nothing.exit == 1);
  CHECK(has(nothing.err, "no type matches no.such.*"));
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(run({"describe", "mesos.TaskID", "--protoset-out", "/no/such/file"}).exit == 6);
  usage_error({"describe", "mesos.TaskID", "--protoset-out", "-"});
}

TEST_CASE("describe --protoset-out does not write onto what the types are read from") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(BUILD_ROOT) / "types_test.sources";
  fs::remove_all(folder);
  fs::create_directories(folder);
  fs::copy_file(TEST_DATA "/protos/acme/kinds.proto", folder / "kinds.proto");
  fs::create_symlink("kinds.proto", folder / "link");
  const auto before = contents(folder / "kinds.proto");
  for (const char* name : {"kinds.proto", "link"}) {
    for (const Arguments& source : {Arguments{"-I", folder, "--proto", "kinds.proto"},
                                    Arguments{"--proto", folder / "kinds.proto"}}) {
      usage_error(with({"describe", "acme.Odd", "--protoset-out", folder / name}, source));
      CHECK(contents(folder / "kinds.proto") == before);
    }
  }
  fs::remove_all(folder);
}

TEST_CASE("types that cannot stand in one set are refused") {
  const std::string file = BUILD_ROOT "/types_test.two";
  const auto error = usage_error(
      {"describe", "mesos.internal.HeartbeatMessage", "mesos.TaskID", "--protoset-out", file});
  CHECK(has(error.at("message"), "do not go into one set"));
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a set of descriptors that has no end, or is none, is refused") {
  CHECK(has(usage_error({"describe", "--protoset", "/dev/zero"}).at("message"), "too large"));
  const auto empty = temporary_file("empty.pb", "");
  CHECK(has(usage_error({"describe", "--protoset", empty}).at("message"), "not a set"));
}

TEST_CASE("describe shows what a file of the user says, and nothing that a terminal would obey") {
  const std::string folder = BUILD_ROOT "/types_test.odd";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/x\x1b[2J.proto") << R"(syntax = "proto2"; package odd; message Odd {
              optional string text = 1 [default = "\xff\x1b"];
              optional int32 plain_name = 2;
              optional int32 other = 3 [json_name = "an other"];
            })";
  const Arguments proto = {"-I", folder, "--proto", "x\x1b[2J.proto"};
  const auto text = run(with({"describe", "odd.Odd"}, proto));
  CHECK(text.exit == 0);
  CHECK_FALSE(has(text.out, "\x1b"));
  CHECK(has(text.out, "optional int32 plain_name = 2;"));
  CHECK(has(text.out, R"(optional int32 other = 3 [json_name = "an other"];)"));
  const auto info = run(with({"describe", "odd.Odd", "--json"}, proto)).events("type_info").at(0);
  CHECK_FALSE(info.at("fields")[1].contains("json_name"));
  CHECK(info.at("fields")[2].at("json_name") == "an other");
  std::filesystem::remove_all(folder);
}

TEST_CASE("a message of Mesos 0.22 is told by the schema of its time") {
  const std::string file = TEST_DATA "/old/mesos-0.22-reregister.pcap";
  const auto text = run({"sniff", "-r", file});
  CHECK(text.exit == 0);
  CHECK(has(text.out, "Call REREGISTER  (schema of Mesos 0.22.2)"));
  const auto json = run({"sniff", "-r", file, "--json"});
  const auto message = json.events("message").at(0);
  CHECK(message.at("body_schema") == "0.22.2");
  CHECK(message.at("body").at("type") == "REREGISTER");
  CHECK(message.contains("body_base64"));
  CHECK(run({"sniff", "-r", file, "--match", "type=TEARDOWN"}).exit == 1);
  // Sent again it has the same bytes.
  Served raw({"raw", "--body", "base64"});
  const std::string pid = raw.pid();
  CHECK(run({"send", "--batch", "-", "--to", pid}, {.input = message.dump() + "\n"}).exit == 0);
  CHECK(raw.message().at("body_base64") == message.at("body_base64"));
}

}  // namespace e2e_types_test
