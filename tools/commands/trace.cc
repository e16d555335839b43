// compactor trace: the stories of the traffic that sniff shows.
#include <string>

#include "cli/command_line.h"
#include "cli/failure.h"
#include "commands/program.h"
#include "commands/traffic.h"
#include "output/options.h"
#include "stories/tracer.h"

namespace tool {

namespace {

using compactor::trace::Severity;

constexpr std::size_t least_memory = std::size_t{1} << 20;

std::optional<Severity> severity_of(const std::string& word) {
  if (word == "error") return Severity::error;
  if (word == "warning") return Severity::warning;
  if (word == "info") return Severity::info;
  return std::nullopt;
}

CommandLine declare(TraceOptions& options) {
  CommandLine line(
      "trace", "Tells the stories of the traffic: who is there, what answers what, what is wrong.",
      "  compactor trace -r master.pcap                      who, conversations, findings\n"
      "  compactor trace -r master.pcap --task web.1         what happened to that task\n"
      "  compactor trace -r master.pcap --agent '*-S0'       and to that agent\n"
      "  compactor trace -r master.pcap --fail-on error      for CI: exit 1 if any is found\n"
      "  compactor trace --port 5050                         live: findings as they arise\n");
  SniffOptions& traffic = options.traffic;
  add_sources(line, traffic);
  line.group("Whose story");
  auto& selection = options.selection;
  line.list("--task", "ID", selection.tasks, "every message about this task, step by step");
  line.list("--agent", "ID", selection.agents, "… about this agent");
  line.list("--framework", "ID", selection.frameworks, "… about this framework");
  line.list("--executor", "ID", selection.executors, "… about this executor");
  line.list("--offer", "ID", selection.offers, "… about this offer; all of these take globs, too");
  line.group("What is looked at");
  add_head_options(line, traffic.selection);
  line.text("--since", "TIME", traffic.since,
            "only what began then or later: 2026-01-31T12:00:00Z, or +90s after the first packet");
  line.text("--until", "TIME", traffic.until, "… then or before, and end after it");
  line.duration("--for", traffic.lasting, "the same as --until +DUR");
  line.choices(
      "--fail-on", "SEVERITY", {"error", "warning", "info", "never"},
      [&options](const std::string& typed) { options.fail_on = severity_of(typed); },
      "exit 1 when there is a finding as bad as that");
  line.duration("--answer-wait", options.answer_wait,
                "look at a message without its HTTP answer after so long (2s, live 250ms)");
  line.size("--memory", options.memory, "hold about so much, and forget what is older (512m)");
  line.text("--diagram", "FILE.svg|FILE.mmd", traffic.diagram,
            "draw the story at the end: as a picture, or for Mermaid");
  add_type_options(line, traffic.types);
  add_output_options(line, traffic.output);
  add_time_option(line, traffic.output);
  line.alone("-D", "Output");
  return line;
}

/// What sniff takes, and why a story cannot.
void refuse_filters(const Arguments& arguments) {
  for (const std::string option : {"--match", "--status", "--slower"}) {
    for (const auto& word : arguments) {
      if (word != option && !word.starts_with(option + "=")) continue;
      throw Failure(Exit::usage, "usage",
                    option +
                        " is for sniff: a story without the messages that it leaves out would "
                        "be another one",
                    "--task, --agent, --framework, --executor and --offer choose whose story");
    }
  }
}

}  // namespace

Outline outline_trace() {
  TraceOptions options;
  return declare(options).outline();
}

int run_trace(const Arguments& arguments) {
  TraceOptions options;
  refuse_filters(arguments);
  if (!parse_or_help(declare(options), arguments)) return 0;
  options.traffic.http = true;  // the v1 API
  // Live, what is found is to be told within a second of its cause.
  const bool live = options.traffic.files.empty();
  options.traffic.answer_wait = options.answer_wait.value_or(
      live ? std::chrono::milliseconds(250) : Duration(std::chrono::seconds(2)));
  if (options.memory && *options.memory < least_memory)
    throw Failure(
        Exit::usage, "usage", "--memory is less than 1m",
        "it is what all that is known takes together: 64m are enough for a small cluster");
  return run_traffic(options.traffic,
                     [&](const TrafficContext& context) -> std::unique_ptr<Traffic> {
                       return std::make_unique<Tracer>(options, context);
                     });
}

}  // namespace tool
