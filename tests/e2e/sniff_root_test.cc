// What sniff does with the rights of root, and which files it will not write onto.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/documents.h"
#include "support/harness.h"
#include "support/place.h"

namespace e2e_sniff_root_test {

using namespace e2e;
namespace fs = std::filesystem;

namespace {

const std::string execute = TEST_DATA "/captures/mesos/execute.pcap";
const std::string nobody = "65534";

/// A folder, of root alone unless it is opened for all.
class Folder {
 public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "compactor-root-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return path_ / name; }
  void open_for_all() const { fs::permissions(path_, fs::perms(0777)); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.push_back(entry.path());
    return names;
  }

 private:
  fs::path path_;
};

std::string owner(const std::string& file) {
  struct stat status {};
  REQUIRE(::lstat(file.c_str(), &status) == 0);
  return std::to_string(status.st_uid);
}

/// Real, effective, saved and file system user of a process.
std::string users_of(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/status");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("Uid:")) return line.substr(5);
  }
  return {};
}

/// The error of a command that has to end so.
Json error_of(const Arguments& arguments, int exit) {
  const auto result = run(arguments);
  CAPTURE(result.err);
  CHECK(result.exit == exit);
  REQUIRE(result.errors().size() == 1);
  return result.errors()[0];
}

}  // namespace

TEST_CASE("as root, -r is read as nobody; -Z '' stays root") {
  NEEDS(place::another_user());
  const std::pair<Arguments, std::string> ways[] = {{{}, nobody}, {{"-Z", ""}, "0"}};
  for (const auto& [more, user] : ways) {
    const std::string shown(user);  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    Arguments words{"sniff", "-r", "-", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    Background sniff(words);
    // More than a pipe holds: it reads when this has returned.
    const auto bytes = contents(execute);
    sniff.write(bytes);
    for (int i = 0; i < 20; ++i) sniff.write(bytes.substr(24));
    CHECK(users_of(sniff.pid()) == user + "\t" + user + "\t" + user + "\t" + user);
    sniff.close_input();
    CHECK(sniff.finish().exit == 0);
  }
}

TEST_CASE("as root, -w with -C: a folder that only root can write to is refused at the start") {
  NEEDS(place::another_user());
  const Folder folder;
  Arguments words{"sniff", "-r", execute, "--json", "-w", folder.file("x"), "-C", "10k"};
  const auto error = error_of(words, 6);
  CHECK(has(error.at("message"), folder.file("")));
  CHECK(has(error.at("hint"), "opened by nobody"));
  CHECK(has(error.at("hint"), "-Z"));
  CHECK(folder.files().empty());
  words.insert(words.end(), {"-Z", ""});
  CHECK(run(words).exit == 0);
  CHECK(folder.files().size() > 2);
}

TEST_CASE("as root, -w with -C: whose the files are is told") {
  NEEDS(place::another_user());
  const Folder folder;
  folder.open_for_all();
  const auto result = run({"sniff", "-r", execute, "--json", "-w", folder.file("x"), "-C", "10k"});
  CHECK(result.exit == 0);
  REQUIRE(result.err_json().size() == 1);
  CHECK(has(result.err_json()[0].at("message"), "running as nobody now, not as root"));
  CHECK(folder.files().size() > 2);
  for (const auto& file : folder.files()) CHECK(owner(file) == nobody);
}

TEST_CASE("as root, -w with -G: refused at the start, or goes on at every rotation") {
  NEEDS(place::another_user());
  NEEDS(place::live_capture());
  Served served({"x", "-q"});
  const Folder folder;
  const Arguments words{
      "sniff",           "-i", "lo", "--port", std::to_string(served.port()), "--json", "-w",
      folder.file("%s"), "-G", "1s"};
  CHECK(has(error_of(words, 6).at("hint"), "opened by nobody"));
  folder.open_for_all();
  Background sniff(words);
  Background send({"send", served.pid(), "greet", "--repeat", "600", "--rate", "20/s"});
  for (int i = 0; i < 600; ++i) {
    if (sniff.event("message"); folder.files().size() > 2) break;
  }
  sniff.signal(SIGINT);
  CHECK(sniff.finish().exit == 0);
  CHECK(folder.files().size() > 2);
  for (const auto& file : folder.files()) CHECK(owner(file) == nobody);
}

TEST_CASE("-w with -G into a folder of the time to come is refused, with the remedy") {
  const Folder folder;
  for (const char* name : {"%d/x.pcap", "%%/%Y-%m/x", "a%%%H/x"}) {
    const auto error =
        error_of({"sniff", "-i", "lo", "--json", "-w", folder.file(name), "-G", "1h"}, 2);
    CHECK(has(error.at("message"), folder.file(name)));
    CHECK(has(error.at("hint"), "into the name of the file"));
  }
  // Without a time in it, and without -G, it is a folder as any other.
  for (const Arguments& more : {Arguments{"-G", "1h", "-w", folder.file("%%/%Y")},
                                {"-C", "1m", "-w", folder.file("%d/x")}}) {
    Arguments words{"sniff", "-r", execute, "--json"};
    words.insert(words.end(), more.begin(), more.end());
    CHECK(error_of(words, 6).at("kind") == "file");
  }
}

TEST_CASE("as root, a symbolic link that another user has planted is not followed") {
  NEEDS(place::another_user());
  const std::pair<std::string, std::string> options[] = {{"-w", "x.pcap"}, {"--diagram", "x.svg"}};
  for (const auto& [option, name] : options) {
    const std::string shown(option);
    CAPTURE(shown);
    const Folder folder;
    std::ofstream(folder.file("precious")) << "precious";
    fs::create_symlink("precious", folder.file(name));
    const Arguments words{"sniff", "-r", execute, "--json", option, folder.file(name)};
    REQUIRE(::lchown(folder.file(name).c_str(), 65534, 65534) == 0);
    CHECK(has(error_of(words, 6).at("message"), "symbolic link of another user"));
    CHECK(contents(folder.file("precious")) == "precious");
    // Its own it follows.
    REQUIRE(::lchown(folder.file(name).c_str(), 0, 0) == 0);
    CHECK(run(words).exit == 0);
    CHECK(contents(folder.file("precious")) != "precious");
  }
}

TEST_CASE("what is read is not written onto, whatever its name") {
  const Folder folder;
  folder.open_for_all();
  const auto capture = folder.file("capture");
  fs::copy_file(execute, capture);
  for (const char* end : {".pcap", ".svg", ".mmd"}) {
    fs::create_symlink("capture", folder.file(std::string("soft") + end));
    fs::create_hard_link(capture, folder.file(std::string("hard") + end));
  }
  for (const char* kind : {"soft", "hard"}) {
    for (const char* end : {".pcap", ".svg", ".mmd"}) {
      const auto name = folder.file(std::string(kind) + end);
      const auto option = std::string(end) == ".pcap" ? "-w" : "--diagram";
      CAPTURE(name);
      for (const Arguments& more : {Arguments{}, {"-Z", ""}, {"-v"}}) {
        Arguments words{"sniff", "-r", capture, "--json", option, name};
        words.insert(words.end(), more.begin(), more.end());
        CHECK(has(error_of(words, 2).at("message"), "is read or written for something else"));
      }
      CHECK(run({"sniff", "-r", name, "--json", option, name}).exit == 2);
      CHECK(contents(capture) == contents(execute));
    }
  }
  // By rotation too, and the other way round.
  fs::rename(folder.file("hard.pcap"), folder.file("ring0"));
  CHECK(error_of({"sniff", "-r", capture, "--json", "-C", "1m", "-W", "2", "-w",
                  folder.file("ring"), "-Z", ""},
                 2)
            .at("kind") == "usage");
  CHECK(run({"sniff", "-r", capture, "-w", folder.file("x.svg"), "--diagram", folder.file("x.svg")})
            .exit == 2);
  CHECK(contents(capture) == contents(execute));
}

}  // namespace e2e_sniff_root_test
