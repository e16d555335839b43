#include "commands/program.h"

#include <fcntl.h>
#include <google/protobuf/stubs/logging.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include "cli/failure.h"
#include "cli/help_text.h"
#include "cli/last_resort.h"
#include "cli/values.h"
#include "commands/complete.h"
#include "output/console.h"
#include "output/options.h"
#include "text/nearest.h"

namespace tool {

namespace {

const Command* find_command(std::string_view name) {
  const auto& all = commands();
  auto found =
      std::find_if(all.begin(), all.end(), [&](const Command& c) { return c.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// Where those find what they look for who know it by another word.
struct OtherWord {
  std::string_view word;
  std::string_view hint;
};
constexpr std::string_view recording =
    "compactor sniff -w FILE keeps packets, sniff --json and serve --json print messages to keep";
constexpr std::string_view replaying = "compactor send --batch FILE sends a recording again";
constexpr std::string_view counting = "compactor sniff --stats counts who says what to whom";
constexpr std::string_view watching = "compactor sniff shows every message that passes";
constexpr std::string_view being =
    "compactor serve is a process that shows what it gets, and answers";
constexpr std::string_view sending = "compactor send TARGET NAME [BODY] delivers a message";
constexpr std::string_view asking =
    "compactor inspect HOST:PORT shows processes, mailboxes and metrics";
constexpr std::string_view typing = "compactor describe [TYPE] shows message types";
constexpr std::array other_words{
    OtherWord{"replay", replaying},
    OtherWord{"resend", replaying},
    OtherWord{"play", replaying},
    OtherWord{"record", recording},
    OtherWord{"capture", recording},
    OtherWord{"dump", recording},
    OtherWord{"save", recording},
    OtherWord{"top", counting},
    OtherWord{"stats", counting},
    OtherWord{"trace", watching},
    OtherWord{"watch", watching},
    OtherWord{"tail", watching},
    OtherWord{"monitor", watching},
    OtherWord{"diff", "diff(1) compares two outputs of compactor sniff -r FILE --json --body json"},
    OtherWord{"proxy", "compactor sniff --proxy PORT=HOST:PORT shows what passes through it"},
    OtherWord{"listen", being},
    OtherWord{"server", being},
    OtherWord{"echo", "compactor serve --echo sends every message back"},
    OtherWord{"post", sending},
    OtherWord{"call", sending},
    OtherWord{"request", sending},
    OtherWord{"bench", "compactor send --repeat N --size SIZE makes load, ping -f measures"},
    OtherWord{"load", "compactor send --repeat N --size SIZE makes load"},
    OtherWord{"connect", "compactor link TARGET says when a process is no longer there"},
    OtherWord{"ps", asking},
    OtherWord{"status", asking},
    OtherWord{"info", asking},
    OtherWord{"metrics", "compactor inspect HOST:PORT --only metrics"},
    OtherWord{"types", typing},
    OtherWord{"schema", typing},
    OtherWord{"list", "compactor describe lists message types, inspect HOST:PORT processes"},
    OtherWord{"version", "compactor --version"},
};

const Command& require_command(const std::string& name) {
  if (const auto* command = find_command(name)) return *command;
  for (const auto& other : other_words) {
    if (other.word != name) continue;
    throw Failure(Exit::usage, "usage", "there is no command \"" + name + "\"",
                  std::string(other.hint));
  }
  std::vector<std::string> names;
  for (const auto& command : commands()) names.emplace_back(command.name);
  std::string hint = "compactor --help lists the commands";
  if (const auto near = compactor::text::nearest(name, names, 1); !near.empty())
    hint = compactor::text::did_you_mean(near) + " " + hint;
  throw Failure(Exit::usage, "usage", "unknown command \"" + name + "\"", hint);
}

/// What is shown to who types nothing but the name.
std::string brief() {
  std::string out =
      "compactor: serve, send, ping, link and watch libprocess (Apache Mesos) messages\n\n"
      "Usage: compactor COMMAND [OPTIONS] [ARGUMENTS]\n\nExamples:\n"
      "  compactor serve echo --port 5050                shows what it gets\n"
      "  compactor send echo@127.0.0.1:5050 greet hello  one message, and its outcome\n"
      "  compactor ping echo@127.0.0.1:5050 -c 3         connect, queue and reply times\n"
      "  compactor link master@10.0.0.5:5050             say when it is no longer there\n\n"
      "Commands:\n";
  for (const auto& command : commands()) {
    out += "  " + std::string(command.name) + std::string(14 - command.name.size(), ' ');
    out += std::string(command.summary) + '\n';
  }
  return out + "  help COMMAND  the manual of a command\n\n";
}

std::string overview() {
  return brief() +
         "Options:\n  -h, --help    this text\n  --version     the version\n\n"
         "Exit status:\n"
         "  0         it happened\n"
         "  1         a clear no\n"
         "  2         usage\n"
         "  3         cannot resolve, connect or bind\n"
         "  4         time ran out\n"
         "  5         the peer refused or answered garbage\n"
         "  6         local trouble\n"
         "  130, 143  interrupted\n";
}

/// Whether man(1) has the page; it is then shown by it.
bool show_manual(const std::string& page) {
  pid_t child = ::fork();
  if (child == 0) {
    std::string command = "man -w " + page + " >/dev/null 2>&1 && exec man " + page + "; exit 127";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) < 0) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int run_help(const Arguments& arguments) {
  if (arguments.empty()) {
    print_help(overview());
    return 0;
  }
  const auto& command = require_command(arguments.front());
  if (show_manual("compactor-" + std::string(command.name))) return 0;
  return command.run({"--help"});
}

int dispatch(const Arguments& arguments) {
  if (arguments.empty()) {
    std::fputs(brief().c_str(), stderr);
    throw Failure(Exit::usage, "usage", "no command given", "compactor --help lists the commands");
  }
  const auto& first = arguments.front();
  if (first == "--version" || first == "-V") {
    std::puts("compactor " COMPACTOR_VERSION);
    return 0;
  }
  if (first == "--help" || first == "-h") return run_help({});
  Arguments rest(arguments.begin() + 1, arguments.end());
  if (first == "help") return run_help(rest);
  if (first == "__complete") return run_complete(rest);
  if (first.starts_with('-')) {
    throw Failure(Exit::usage, "usage", "\"" + first + "\" before the command",
                  "options stand behind the command; compactor --help");
  }
  return require_command(first).run(rest);
}

/// Whoever starts us with one of the three closed would else get our output into the first socket.
void open_standard_files() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0) [[maybe_unused]]
      int opened = ::open("/dev/null", O_RDWR);
  }
}

/// Output that is lost is a failure, however well the rest went.
void check_output() {
  errno = 0;
  int error = std::fflush(stdout) == 0 || errno == EPIPE ? output_error() : errno;
  if (error == 0) return;
  throw Failure(Exit::local, "output",
                "cannot write standard output: " + std::generic_category().message(error));
}

int tell(const Arguments& arguments, const Failure& failure) {
  Console(asked_output(arguments), BodyView()).error(failure);
  return static_cast<int>(failure.exit());
}

}  // namespace

int run_program(const Arguments& arguments) {
  open_standard_files();
  ::signal(SIGPIPE, SIG_IGN);
  install_last_resort(asked_output(arguments).json);
  // What is wrong is thrown; the lines that it writes beside are neither ours nor JSON.
  google::protobuf::SetLogHandler(nullptr);
  try {
    int status = dispatch(arguments);
    check_output();
    return status;
  } catch (const Failure& failure) {
    return tell(arguments, failure);
  } catch (const std::bad_alloc&) {
    end_out_of_memory();
  } catch (const std::exception& error) {
    return tell(arguments, Failure(Exit::local, "internal", error.what()));
  }
}

}  // namespace tool
