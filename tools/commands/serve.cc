// compactor serve: is one or several processes, shows what they get, and answers.
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/help_text.h"
#include "cli/signals.h"
#include "commands/program.h"
#include "node/body_check.h"
#include "node/node.h"
#include "node/run.h"
#include "output/options.h"
#include "serve/server.h"
#include "serve/static_route.h"

namespace tool {

namespace {

struct ServeOptions {
  OutputOptions output;
  ProcessOptions process;
  BodyMode body = BodyMode::automatic;
  TypeOptions types;
  std::vector<std::string> ids;
  ServerSettings server;
  std::vector<std::string> replies;
  std::vector<std::string> routes;
  std::vector<std::string> links;
  std::optional<std::string> exec;
  std::optional<std::string> exec_shell;
  bool no_pong = false;
  bool require_peer_ip_match = false;
  std::optional<Duration> lasting;  // --for
  std::size_t max_body = std::size_t{64} << 20;
  std::uint64_t max_connections = 0;
};

CommandLine declare(ServeOptions& options) {
  CommandLine line(
      "serve", "Is a libprocess process (or several): shows each message it gets, and answers.",
      "  compactor serve echo --port 5050 --echo\n"
      "  compactor serve leader --reply 'register=registered:welcome' --json\n"
      "  compactor serve worker --exec 'python3 worker.py'     an actor in any language\n"
      "  compactor serve probe --expect ready --for 1m && echo it came\n");
  line.positionals("ID", options.ids, "ids of the processes; default compactor-serve(PID)");
  line.group("Answers");
  line.flag("--no-pong", options.no_pong,
            "do not answer ping, and a Mesos master's pings of agents");
  line.flag("--echo", options.server.echo, "send every message back to its sender");
  line.list("--reply", "NAME=REPLY[:BODY]", options.replies,
            "answer messages of that name (a glob); BODY as in send");
  line.text("--exec", "CMD", options.exec,
            "give the messages to a child process as NDJSON, do what its lines say");
  line.text("--exec-shell", "CMD", options.exec_shell, "the same, CMD run by /bin/sh");
  line.list("--route", "PATH=FILE", options.routes, "serve a file to GET PATH");
  line.list("--link", "PID", options.links, "link at start and say when it exits");
  line.group("End");
  line.number("-c,--count", 1, UINT64_MAX, options.server.count,
              "after N messages (of the name of --expect, if given)");
  line.text("--expect", "NAME", options.server.expect, "after a message of that name (a glob)");
  line.duration("--for,--timeout", options.lasting, "after DUR");
  line.group("Limits");
  line.flag("--require-peer-ip-match", options.require_peer_ip_match,
            "refuse (400) a sender whose address is not its connection's");
  line.size("--max-body", options.max_body, "largest body (64m)");
  line.number("--max-connections", 1, 10'000'000, options.max_connections,
              "most accepted connections; default the hard limit of descriptors - 64");
  add_output_options(line, options.output);
  add_time_option(line, options.output);
  add_body_option(line, options.body);
  add_type_options(line, options.types);
  add_process_options(line, options.process);
  return line;
}

std::vector<std::string> process_ids(const ServeOptions& options) {
  auto ids = options.ids;
  if (ids.empty() || options.process.id) ids.push_back(own_id(options.process, "serve"));
  std::set<std::string> seen;
  for (const auto& id : ids) {
    check_id(id);
    if (!seen.insert(id).second)
      throw Failure(Exit::usage, "pid", "the id \"" + id + "\" is given twice");
  }
  return ids;
}

std::vector<StaticRoute> static_routes(const ServeOptions& options) {
  std::vector<StaticRoute> routes;
  std::set<std::string> seen;
  for (const auto& text : options.routes) {
    routes.push_back(parse_route(text));
    if (!seen.insert(routes.back().path).second)
      throw Failure(Exit::usage, "usage", "the route " + routes.back().path + " is given twice");
  }
  return routes;
}

std::vector<std::string> command_words(const ServeOptions& options) {
  if (options.exec && options.exec_shell) {
    throw Failure(Exit::usage, "usage", "--exec and --exec-shell exclude each other");
  }
  if (options.exec_shell) return {"/bin/sh", "-c", *options.exec_shell};
  auto words = options.exec ? split_words(*options.exec) : std::vector<std::string>();
  if (options.exec && words.empty()) throw Failure(Exit::usage, "usage", "--exec names no program");
  return words;
}

compactor::Options context_options(const ServeOptions& options,
                                   const std::vector<compactor::Pid>& links, Console& console,
                                   Duration resolve_time) {
  auto made = make_options(options.process, links, console, resolve_time);
  made.start_paused = true;
  made.max_body = options.max_body;
  made.max_connections = options.max_connections;
  made.require_peer_ip_match = made.require_peer_ip_match || options.require_peer_ip_match;
  return made;
}

/// What the server counted, and what never came as far as that.
ServeSummary summary_of(Server& server, Node& node) {
  auto summary = server.summary();
  summary.no_such_process = node.context().statistics().messages_dropped;
  summary.rejected += summary.no_such_process;
  return summary;
}

std::string interim(const ServeSummary& summary) {
  return std::to_string(summary.messages) + " messages, " +
         human_size(static_cast<double>(summary.bytes)) + ", " + std::to_string(summary.rejected) +
         " rejected in " + human_duration(summary.duration_s * 1e6);
}

int judge(const ServeOptions& options, const Server& server, const Waiter& waiter,
          Waiter::Reason reason) {
  if (auto how = server.child_end(); !how.empty()) {
    throw Failure(Exit::local, "child", "the child of --exec " + how, "its messages are on stderr");
  }
  bool has_goal = options.server.count || options.server.expect;
  if (reason == Waiter::Reason::finished || (reason == Waiter::Reason::deadline && !has_goal))
    return 0;
  if (reason == Waiter::Reason::deadline) {
    throw Failure(Exit::deadline, "timeout",
                  "the messages waited for did not come in " + duration_text(*options.lasting),
                  "--for sets the time");
  }
  if (has_goal || options.lasting) throw waiter.interrupted();
  return 0;
}

}  // namespace

Outline outline_serve() {
  ServeOptions options;
  return declare(options).outline();
}

int run_serve(const Arguments& arguments) {
  ServeOptions options;
  options.output.naming = Naming::roles;
  if (!parse_or_help(declare(options), arguments)) return 0;
  SchemaCodec types(options.types);
  options.server.types = &types;
  Console console(options.output, BodyView(options.body, &types));
  auto ids = process_ids(options);
  options.server.pong = !options.no_pong;
  BodyCheck check(&types, console);
  for (const auto& text : options.replies) {
    const auto& reply =
        options.server.replies.emplace_back(parse_reply(text, options.server.types));
    check.check({}, reply.name, reply.body, BodyForm::bytes);
  }
  auto routes = static_routes(options);
  auto words = command_words(options);
  auto resolve_time =
      std::min(options.process.connect_timeout, options.lasting.value_or(Duration::max()));
  options.server.links = resolve_pids(options.links, console, resolve_time);
  auto made = context_options(options, options.server.links, console, resolve_time);

  Waiter waiter;
  Node node(std::move(made), console, waiter);
  for (const auto& route : routes) node.context().route(route.path, serve_file(route));
  Server server(options.server, node, console, waiter);
  server.start(ids, words);
  waiter.on_quit = [&] { console.note(interim(summary_of(server, node))); };
  std::optional<Steady::time_point> deadline;
  if (options.lasting) deadline = Steady::now() + *options.lasting;
  auto reason = waiter.wait_for_end(deadline);
  bool cut_off = console.ended();
  server.stop();
  if (cut_off) return 0;
  console.print(summary_of(server, node));
  return judge(options, server, waiter, reason);
}

}  // namespace tool
