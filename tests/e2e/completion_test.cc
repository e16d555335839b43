// TAB in the real shells, and the verb that they ask.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

#include "support/harness.h"
#include "support/terminal.h"

namespace e2e_completion_test {

using namespace e2e;

namespace {

using List = std::vector<std::string>;

/// What `compactor __complete` says to these words, one candidate for each line without its
/// description.
std::vector<std::string> candidates(Arguments words) {
  words.insert(words.begin(), "__complete");
  auto result = run(words);
  CHECK(result.exit == 0);
  CHECK(result.err == "");
  std::vector<std::string> out;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    CHECK((line.starts_with(":files ") || line.find('\t') != std::string::npos));
    out.push_back(line.substr(0, line.find('\t')));
  }
  return out;
}

bool has(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// A shell with the completion loaded, in which Ctrl-G prints the line as it stands between
/// brackets.
class Shell {
 public:
  explicit Shell(const std::string& name) : name_(name), terminal_(command(name), environment()) {
    const std::string folder = SOURCE_ROOT "/completions";
    if (name == "bash") {
      say("PS1='$ '; . /usr/share/bash-completion/bash_completion; . " + folder +
          "/compactor.bash; cd " SOURCE_ROOT);
    } else if (name == "bash alone") {
      say("PS1='$ '; . " + folder + "/compactor.bash; cd " SOURCE_ROOT);
    }
    if (name.starts_with("bash")) {
      say("bind 'set bell-style none'; bind 'set show-all-if-ambiguous on'; bind 'set "
          "completion-query-items 0'");
      say("bind 'set page-completions off'; bind -x '\"\\C-g\": printf \"<<%s>>\" "
          "\"$READLINE_LINE\"'");
    } else if (name == "zsh") {
      say("PS1='$ '; unsetopt beep list_beep; fpath=(" + folder +
          " $fpath); autoload -U compinit; compinit -D -u; cd " SOURCE_ROOT);
      say("show() { print -rn -- \"<<$BUFFER>>\" }; zle -N show; bindkey '^G' show; LISTMAX=10000; "
          "tab() { zle expand-or-complete; show }; zle -N tab; bindkey '^I' tab; "
          "zstyle ':completion:*' insert-tab false");
    } else {
      say("function fish_prompt; echo '$ '; end; function fish_right_prompt; end; set -g "
          "fish_autosuggestion_enabled 0; cd " SOURCE_ROOT);
      say("source " + folder +
          "/compactor.fish; bind \\cg 'printf \"<<%s>>\" (commandline | string collect)'");
    }
  }

  /// The line after it was typed and TAB pressed: asked for until it is another one.
  std::string tab(const std::string& typed) {
    type(typed);
    terminal_.type("\t");
    // zsh drops a completion when keys come meanwhile; there TAB itself shows the line.
    if (name_ == "zsh") return shown();
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string now;
    do {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      now = line();
    } while (now == typed && std::chrono::steady_clock::now() < end);
    return now;
  }

  /// TAB shows these, where nothing is unique. Fails the test when they do not come.
  void lists(const std::string& typed, const List& expected) {
    for (const auto& text : expected) {
      type(typed);
      terminal_.type("\t");
      terminal_.until(text);
    }
  }

 private:
  static Arguments command(const std::string& name) {
    if (name.starts_with("bash")) return {"bash", "--norc", "--noprofile", "-i"};
    if (name == "zsh") return {"zsh", "-f", "-i"};
    return {"fish", "--no-config", "-i"};
  }

  static Environment environment() {
    const std::string program = COMPACTOR_PROGRAM;
    return {{"PATH", program.substr(0, program.rfind('/')) + ":" + std::getenv("PATH")},
            {"LIBPROCESS_IP", "127.0.0.1"}};
  }

  /// Types into an empty line, and waits until the shell has taken it: a TAB amid other keys is no
  /// TAB to some.
  void type(const std::string& text) {
    terminal_.type("\x15" + text);
    while (line() != text) {
    }
  }

  std::string line() {
    terminal_.type("\x07");
    return shown();
  }

  std::string shown() {
    terminal_.until("<<");
    auto line = terminal_.until(">>");
    return line.substr(0, line.size() - 2);
  }

  /// Runs a line and waits until it is done.
  void say(const std::string& line) {
    const auto done = "done" + std::to_string(++said_);
    terminal_.type(line + "; echo do'ne" + std::to_string(said_) + "'\r");
    terminal_.until(done + "\r\n");
  }

  std::string name_;
  int said_ = 0;
  Terminal terminal_;
};

void check_shell(const std::string& name) {
  CAPTURE(name);
  Served served({"echo", "slave(1)", "--json"});
  const std::string address = "127.0.0.1:" + std::to_string(served.port());
  Shell shell(name);
  CHECK(shell.tab("compactor ins") == "compactor inspect ");
  CHECK(shell.tab("compactor ping --int") == "compactor ping --interval ");
  CHECK(shell.tab("compactor ping --style lib") == "compactor ping --style libprocess ");
  CHECK(shell.tab("compactor send x@127.0.0.1:1 mesos.internal.PingSlaveM") ==
        "compactor send x@127.0.0.1:1 mesos.internal.PingSlaveMessage ");
  CHECK(shell.tab("compactor send --batch CMakeL") == "compactor send --batch CMakeLists.txt ");
  const auto tale = temporary_file("tale.mmd", "");
  temporary_file("tale.pcap", "");
  const auto begun = "compactor sniff --diagram " + tale.substr(0, tale.size() - 5);
  CHECK(shell.tab(begun) == begun + "e.mmd ");
  CHECK(shell.tab("compactor send x@127.0.0.1:1 y @CMakeL")
            .starts_with("compactor send x@127.0.0.1:1 y @CMakeLists.txt"));
  CHECK(shell.tab("compactor sniff --name StatusUpdateM") ==
        "compactor sniff --name mesos.internal.StatusUpdateMessage ");
  CHECK(shell.tab("compactor sniff --match status.sta") == "compactor sniff --match status.state=");
  CHECK(shell.tab("compactor sniff --match state=TASK_L") ==
        "compactor sniff --match state=TASK_LOST ");
  CHECK(shell.tab("compactor serve --reply mesos.internal.PingS") ==
        "compactor serve --reply mesos.internal.PingSlaveMessage=");
  CHECK(shell.tab("compactor serve --reply a=mesos.internal.PongS") ==
        "compactor serve --reply a=mesos.internal.PongSlaveMessage ");
  CHECK(shell.tab("compactor serve --route /x=CMakeL")
            .starts_with("compactor serve --route /x=CMakeLists.txt"));
  CHECK(shell.tab("compactor ping ec@" + address) == "compactor ping echo@" + address + " ");
  CHECK(shell.tab("compactor ping sl@" + address) ==
        "compactor ping slave\\(1\\)@" + address + " ");
  const std::string body = "compactor send x@127.0.0.1:1 mesos.internal.PingSlaveMessage '{\"conn";
  CHECK(shell.tab(body).substr(0, body.size() + 7) == body + "ected\":");
  const std::string slave_shown = name.starts_with("bash") ? "slave\\(1\\)@" : "slave(1)@";
  shell.lists("compactor ping " + address, {"echo@" + address, slave_shown + address});
  shell.lists("compactor sniff --name statusupdate", {"StatusUpdateMessage", "Acknowledgement"});
  shell.lists("compactor ", {"serve", "send", "ping", "link", "inspect"});
}

}  // namespace

TEST_CASE("bash completes") {
  check_shell("bash");
}
TEST_CASE("bash completes without the package bash-completion") {
  check_shell("bash alone");
}
TEST_CASE("zsh completes") {
  check_shell("zsh");
}
TEST_CASE("fish completes") {
  check_shell("fish");
}

TEST_CASE("what may come next") {
  CHECK(candidates({"li"}) == List{"link"});
  CHECK(has(candidates({""}), "--version"));
  CHECK(candidates({"help", "pi"}) == List{"ping"});
  CHECK(candidates({"ping", "-"}).size() > 20);
  CHECK(candidates({"ping", "--color", ""}) == List{"auto", "always", "never"});
  CHECK(candidates({"ping", "--id", ""}).empty());
  CHECK(candidates({"wibble", ""}).empty());
  CHECK(candidates({"ping", "--wibble", "--col"}) == List{"--color"});
  CHECK(candidates({"ping", "--", "--col"}).empty());
  CHECK(candidates({"inspect", "--auth", ""}) == List{":files "});
  CHECK(candidates({"serve", "--route", "/x="}) == List{":files /x="});
  CHECK(candidates({"send", "a@127.0.0.1:1", "x", "@fi"}) == List{":files @"});
  CHECK(has(candidates({"send", "a@127.0.0.1:1", "x", ""}), "hex:"));
}

TEST_CASE("message types: those that are sent first, and by a part of the name") {
  const std::string internal = "mesos.internal.";
  CHECK(candidates({"sniff", "--name", "mesos.internal.StatusUpdate"}) ==
        List{internal + "StatusUpdateAcknowledgementMessage", internal + "StatusUpdateMessage"});
  CHECK(candidates({"send", "a@1.2.3.4:5", "StatusUpdateM"}) ==
        List{internal + "StatusUpdateMessage"});
  CHECK(candidates({"send", "a@1.2.3.4:5", "slaveping"}).empty());
  CHECK(candidates({"serve", "--expect", "pingslave"}) == List{internal + "PingSlaveMessage"});
  CHECK(candidates({"send", "a@1.2.3.4:5", "mesos.TaskI"}) ==
        List{"mesos.TaskID", "mesos.TaskInfo"});  // where nothing that is sent fits
  CHECK(candidates({"describe", "Filt"}) ==
        List{"mesos.Filters", "mesos.seccomp.ContainerSeccompProfile.Syscall.Filter",
             "mesos.v1.Filters"});
  const auto described = candidates({"describe", "mesos.internal.S"});
  CHECK(described.front() == internal + "ShutdownExecutorMessage");
  CHECK(has(described, internal + "StatusUpdate"));
  const auto all = candidates({"send", "a@1.2.3.4:5", ""});
  CHECK(has(all, "mesos.scheduler.Call"));
  CHECK_FALSE(has(all, "mesos.TaskID"));
  CHECK(all.size() > 50);
  CHECK(candidates({"sniff", "--name", "no.such"}).empty());
}

TEST_CASE("fields and values of --match, and all of --reply") {
  CHECK(candidates({"sniff", "--match", "status.stat"}) == List{"status.state="});
  CHECK(has(candidates({"sniff", "--match", "task_i"}), "task_id."));
  CHECK(candidates({"sniff", "--match", "task_id."}) == List{"task_id.value="});
  CHECK(candidates({"sniff", "--match", "update.status.state=TASK_LO"}) ==
        List{"update.status.state=TASK_LOST"});
  CHECK(candidates({"sniff", "--match", "connected="}) ==
        List{"connected=false", "connected=true"});
  CHECK(candidates({"sniff", "--match", "nothing."}).empty());
  CHECK(candidates({"sniff", "--match", "task_id.value=x"}).empty());
  const std::string ping = "mesos.internal.PingSlaveMessage";
  CHECK(candidates({"serve", "--reply", "mesos.internal.PingS"}) == List{ping + "="});
  CHECK(candidates({"serve", "--reply", "a=PingS"}) == List{"a=" + ping});
  CHECK(has(candidates({"serve", "--reply", "a=b:"}), "a=b:text:"));
  CHECK(candidates({"serve", "--reply", "a=b:@x"}) == List{":files a=b:@"});
  CHECK(candidates({"serve", "--reply", "a=" + ping + ":{\"c"}) ==
        List{"a=" + ping + ":{\"connected\":"});
  CHECK(candidates({"serve", "--type", "x=TaskStat"}) ==
        List{"x=mesos.TaskStatus", "x=mesos.v1.TaskStatus"});
  CHECK(candidates({"inspect", "--metric", "x"}).empty());
}

TEST_CASE("fields inside a JSON body") {
  const auto fields = [](const std::string& type, const std::string& body) {
    return candidates({"send", "a@127.0.0.1:1", type, body});
  };
  const std::string registered = "mesos.internal.RegisterSlaveMessage";
  CHECK(has(fields(registered, "{"), "{\"slave\":"));
  CHECK(has(fields(registered, "{\"slave\":{\"host"), "{\"slave\":{\"hostname\":"));
  const std::string two =
      "{\"slave\":{\"resources\":[{\"scalar\":{\"value\":1},\"name\":\"a,{\\\"b\"},{\"ro";
  CHECK(fields(registered, two) == List{two.substr(0, two.size() - 2) + "role\":"});
  CHECK(fields(registered, "{\"slave\":{\"hostname\":\"x").empty());  // a value is being typed
  CHECK(fields(registered, "{\"nothing\":{\"").empty());
  CHECK(fields("no.such.Type", "{\"").empty());
  CHECK(fields(registered, "{]}}\"\\").empty());
}

TEST_CASE("the processes of a live node, and nothing from where there is none") {
  Served served({"echo", "other"});
  const std::string address = "127.0.0.1:" + std::to_string(served.port());
  CHECK(has(candidates({"ping", address}), "echo@" + address));
  CHECK(has(candidates({"link", "a@1.2.3.4:5", "@" + address}), "other@" + address));
  CHECK(candidates({"ping", "o@" + address}) == List{"other@" + address});
  CHECK(candidates({"ping", "127.0.0.1:" + std::to_string(free_port())}).empty());
  CHECK(candidates({"ping", "127.0.0.1:"}).empty());
  Peer peer([](const Request&) {
    return response(
        200,
        R"([{"id":"a\nb\tc","events":[]},{"id":"\u001b[31mx","events":[]},{"id":"fine","events":[]}])");
  });
  CHECK(candidates({"ping", "127.0.0.1:" + std::to_string(peer.port())}) ==
        List{"fine@127.0.0.1:" + std::to_string(peer.port())});
}

}  // namespace e2e_completion_test
