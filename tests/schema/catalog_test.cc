#include "schema/catalog.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "schema/json_reader.h"
#include "schema/json_writer.h"

namespace schema_catalog_test {

namespace {

namespace fs = std::filesystem;
using namespace compactor::schema;
using Names = std::vector<std::string>;

/// A directory of this test's own, gone when it ends.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(fs::path(BUILD_ROOT) / ("catalog_test." + name)) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Writes a file and gives its path.
  std::string file(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  std::string path(const std::string& name = {}) const { return path_ / name; }

 private:
  fs::path path_;
};

SchemaError error_of(const Sources& sources) {
  try {
    const Catalog catalog(sources);
  } catch (const SchemaError& error) {
    return error;
  }
  FAIL("no error");
  return SchemaError("");
}

/// As `protoc --descriptor_set_out` writes it.
std::string set_of(const Names& types, const Catalog& catalog) {
  google::protobuf::FileDescriptorSet set;
  for (const std::string& type : types) catalog.get(type).file()->CopyTo(set.add_file());
  return set.SerializeAsString();
}

const std::string kinds = TEST_DATA "/protos/acme/kinds.proto";

TEST_CASE("a built-in type is found by its full name only") {
  const Catalog catalog;
  REQUIRE(catalog.find("mesos.internal.PingSlaveMessage") != nullptr);
  CHECK(catalog.find("mesos.internal.PingSlaveMessage")->field(0)->name() == "connected");
  CHECK(catalog.find("PingSlaveMessage") == nullptr);
  CHECK(catalog.find("mesos.internal") == nullptr);
  CHECK(catalog.find("mesos.TaskState") == nullptr);  // an enum
  CHECK(catalog.find("") == nullptr);
  CHECK(catalog.for_mailbox("mesos.internal.PingSlaveMessage") != nullptr);
  CHECK(catalog.for_mailbox("ping") == nullptr);
}

TEST_CASE("list takes globs that span dots") {
  const Catalog catalog;
  CHECK(catalog.list("mesos.internal.P?ngSlaveMessage") ==
        Names{"mesos.internal.PingSlaveMessage", "mesos.internal.PongSlaveMessage"});
  CHECK(catalog.list("*Ping*") == Names{"mesos.internal.PingSlaveMessage"});
  CHECK(catalog.list("nothing*").empty());
  const Names all = catalog.list();
  CHECK(std::is_sorted(all.begin(), all.end()));
}

TEST_CASE("a misspelt type gets the nearest names") {
  const Catalog catalog;
  CHECK(catalog.suggest("mesos.internal.RegisterSlaveMesage").front() ==
        "mesos.internal.RegisterSlaveMessage");
  CHECK(catalog.suggest("mesos.RegisterSlaveMessage").front() ==
        "mesos.internal.RegisterSlaveMessage");
  CHECK(catalog.suggest("pingslavemessage").front() == "mesos.internal.PingSlaveMessage");
  CHECK(catalog.suggest("mesos.internal.PingSalveMessage").front() ==
        "mesos.internal.PingSlaveMessage");
  CHECK(catalog.suggest("Ping").empty());
  CHECK(catalog.suggest("").empty());
  CHECK(catalog.suggest(std::string(100000, 'x')).empty());
  CHECK(catalog.suggest("mesos.Task").size() <= 3);
  try {
    catalog.get("mesos.TaskInf");
    FAIL("no error");
  } catch (const SchemaError& error) {
    CHECK(std::string(error.what()) == "unknown type mesos.TaskInf");
    CHECK(error.hint() == "did you mean mesos.TaskInfo?");
  }
}

TEST_CASE("a user's .proto with imports: its own, the built-in ones, Google's") {
  const Catalog catalog(
      {.import_dirs = {TEST_DATA "/protos"}, .protos = {kinds}, .protosets = {}, .mailboxes = {}});
  CHECK(catalog.get("acme.Kinds").field_count() > 20);
  CHECK(catalog.get("acme.base.Owner").FindFieldByName("state")->enum_type()->full_name() ==
        "mesos.TaskState");
  CHECK(catalog.find("mesos.internal.RegisterSlaveMessage") != nullptr);
  CHECK(catalog.list("acme.*") ==
        Names{"acme.Kinds", "acme.Odd", "acme.Odd.Item", "acme.Odd.Pair", "acme.WellKnown"});
  CHECK(catalog.list("mesos.*").size() == 923);
}

TEST_CASE("--proto by its name below an import directory, and without any directory") {
  const Catalog by_name({.import_dirs = {TEST_DATA "/protos"},
                         .protos = {"acme/three.proto"},
                         .protosets = {},
                         .mailboxes = {}});
  CHECK(by_name.find("acme.Three") != nullptr);
  const Catalog alone({.import_dirs = {},
                       .protos = {TEST_DATA "/protos/acme/three.proto"},
                       .protosets = {},
                       .mailboxes = {}});
  CHECK(alone.find("acme.Three") != nullptr);
}

TEST_CASE("faults in a .proto are told with file, line and column, all of them") {
  const Folder folder("faults");
  const std::string bad = folder.file("bad.proto",
                                      "syntax = \"proto2\";\n"
                                      "message A {\n"
                                      "  optional Nowhere x = 1;\n"
                                      "  optional int32 y = 1;\n"
                                      "}\n");
  const std::string what =
      error_of({.import_dirs = {}, .protos = {bad}, .protosets = {}, .mailboxes = {}}).what();
  CHECK(what.find(bad + ":3:12: \"Nowhere\" is not defined.") != std::string::npos);
  CHECK(what.find(bad + ":4:22: Field number 1 has already been used") != std::string::npos);
  const std::string broken = folder.file("broken.proto", "syntax = \"proto2\";\nmessage {\n");
  CHECK(std::string(
            error_of({.import_dirs = {}, .protos = {broken}, .protosets = {}, .mailboxes = {}})
                .what())
            .find(broken + ":2:9: Expected message name.") != std::string::npos);
}

TEST_CASE("an import that is not found names -I") {
  const Folder folder("import");
  const std::string file =
      folder.file("a.proto", "syntax = \"proto2\";\nimport \"other/b.proto\";\nmessage A {}\n");
  const SchemaError error =
      error_of({.import_dirs = {}, .protos = {file}, .protosets = {}, .mailboxes = {}});
  CHECK(std::string(error.what()).find(file + ":2:1: Import \"other/b.proto\" was not found") !=
        std::string::npos);
  CHECK(error.hint().find("-I DIR") != std::string::npos);
}

TEST_CASE("options that point nowhere") {
  const Folder folder("nowhere");
  const std::string file = folder.file("sub/a.proto", "syntax = \"proto2\";\nmessage A {}\n");
  CHECK(std::string(
            error_of(
                {.import_dirs = {"/no/such"}, .protos = {file}, .protosets = {}, .mailboxes = {}})
                .what()) == "-I /no/such: no such directory");
  CHECK(std::string(
            error_of(
                {.import_dirs = {}, .protos = {"/no/such.proto"}, .protosets = {}, .mailboxes = {}})
                .what()) == "--proto /no/such.proto: no such file");
  fs::create_directories(folder.path("other"));
  const SchemaError outside = error_of(
      {.import_dirs = {folder.path("other")}, .protos = {file}, .protosets = {}, .mailboxes = {}});
  CHECK(std::string(outside.what()) == "--proto " + file + " is in none of the -I directories");
  CHECK(outside.hint() == "add -I " + folder.path("sub"));
  CHECK(std::string(
            error_of({.import_dirs = {}, .protos = {}, .protosets = {"/no/set"}, .mailboxes = {}})
                .what()) == "--protoset /no/set: No such file or directory");
  const SchemaError no_set =
      error_of({.import_dirs = {}, .protos = {}, .protosets = {file}, .mailboxes = {}});
  CHECK(std::string(no_set.what()) == "--protoset " + file + ": not a set of descriptors");
  CHECK(no_set.hint().find("--descriptor_set_out") != std::string::npos);
}

TEST_CASE("a protoset") {
  const Folder folder("protoset");
  const Catalog source(
      {.import_dirs = {TEST_DATA "/protos"}, .protos = {kinds}, .protosets = {}, .mailboxes = {}});
  // What is built in need not be in the set, what is not must be.
  const std::string whole =
      folder.file("whole.pb", set_of({"acme.base.Owner", "acme.Kinds"}, source));
  const Catalog catalog(
      {.import_dirs = {}, .protos = {}, .protosets = {whole, whole}, .mailboxes = {}});
  CHECK(catalog.find("acme.Kinds") != nullptr);
  CHECK(catalog.list("acme.base.*") == Names{"acme.base.Owner"});
  const std::string part = folder.file("part.pb", set_of({"acme.Kinds"}, source));
  const SchemaError error =
      error_of({.import_dirs = {}, .protos = {}, .protosets = {part}, .mailboxes = {}});
  CHECK(std::string(error.what()).find("Import \"acme/base.proto\" was not found") !=
        std::string::npos);
  CHECK(error.hint().find("--include_imports") != std::string::npos);
}

TEST_CASE("a user's type wins over a built-in one of the same name") {
  const Folder folder("clash");
  const std::string mine = folder.file("mine.proto",
                                       "syntax = \"proto2\";\npackage mesos;\n"
                                       "message TaskID { optional int32 mine = 7; }\n");
  const Catalog catalog({.import_dirs = {}, .protos = {mine}, .protosets = {}, .mailboxes = {}});
  JsonWriter writer(catalog);
  JsonReader reader(catalog);
  const auto& type = catalog.get("mesos.TaskID");
  REQUIRE(type.FindFieldByName("mine") != nullptr);
  CHECK(reader.encode_text(type, R"({"mine":1})") == "\x38\x01");
  // The built-in types go on using their own.
  const auto& message = catalog.get("mesos.internal.KillTaskMessage");
  CHECK(message.FindFieldByName("task_id")->message_type()->FindFieldByName("value") != nullptr);
  const std::string json = R"({"framework_id":{"value":"f"},"task_id":{"value":"t"}})";
  const std::string bytes = reader.encode_text(message, json);
  DecodedBody body;
  REQUIRE(writer.decode(message, bytes, body));
  CHECK(body.json == json);
}

TEST_CASE("a user's file may take the place of a built-in one that others import") {
  const Folder folder("replace");
  folder.file("mesos/state/state.proto",
              "syntax = \"proto2\";\npackage mesos.internal.state;\n"
              "message Entry { required string name = 1; optional bool mine = 9; }\n");
  const std::string user =
      folder.file("user.proto",
                  "syntax = \"proto2\";\nimport \"mesos/state/state.proto\";\n"
                  "message User { optional mesos.internal.state.Entry entry = 1; }\n");
  const Catalog catalog(
      {.import_dirs = {folder.path()}, .protos = {user}, .protosets = {}, .mailboxes = {}});
  CHECK(catalog.get("User").FindFieldByName("entry")->message_type()->FindFieldByName("mine") !=
        nullptr);
}

TEST_CASE("--type maps a mailbox to a type, which must exist") {
  const Catalog catalog({.import_dirs = {},
                         .protos = {},
                         .protosets = {},
                         .mailboxes = {{"update", "mesos.TaskStatus"}}});
  REQUIRE(catalog.for_mailbox("update") != nullptr);
  CHECK(catalog.for_mailbox("update")->full_name() == "mesos.TaskStatus");
  CHECK(catalog.find("update") == nullptr);
  const SchemaError error = error_of({.import_dirs = {},
                                      .protos = {},
                                      .protosets = {},
                                      .mailboxes = {{"update", "mesos.TaskStatu"}}});
  CHECK(std::string(error.what()) == "unknown type mesos.TaskStatu");
  CHECK(error.hint().find("mesos.TaskStatus") != std::string::npos);
}

}  // namespace

}  // namespace schema_catalog_test
