#include "commands/program.h"

namespace tool {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"serve", "be a process: show what it gets, answer it", run_serve, outline_serve},
      {"send", "deliver messages and say what became of them", run_send, outline_send},
      {"ping", "measure connect, queue and reply times", run_ping, outline_ping},
      {"link", "link processes and say when they are gone", run_link, outline_link},
      {"describe", "list message types, show one and a template to fill", run_describe,
       outline_describe},
      {"decode", "show bytes as the JSON of a message type", run_decode, outline_decode},
      {"sniff", "show every message on a wire, in a file, or through a proxy", run_sniff,
       outline_sniff},
      {"trace", "tell the stories: tasks, agents, frameworks, what is wrong", run_trace,
       outline_trace},
      {"inspect", "show a node's processes, mailboxes and metrics", run_inspect, outline_inspect},
  };
  return all;
}

}  // namespace tool
