#include "http/introspection.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "text/base64.h"
#include "text/json_parse.h"
#include "text/utf8.h"

namespace compactor::http {
namespace {

using nlohmann::json;

/// Why JSON text is not to be parsed: it nests deeper, or has more values, than any answer of a
/// node. The parser takes some seventy bytes for a level or a value, however short. Else null.
const char* excess_of(std::string_view text) {
  constexpr int kDeepest = 100;              // /master/state of a large cluster has nine
  constexpr std::size_t kMost = 10'000'000;  // the same with 100,000 tasks has half as many
  std::size_t values = 0;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == '[' || c == '{' || c == ',') ++values;
    if (depth > kDeepest) return "the answer is JSON that nests too deep";
    if (values > kMost) return "the answer is JSON of too many values";
  }
  return nullptr;
}

/// A value of the wrong kind counts as missing: what a peer leaves out is empty, not an error.
std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return text::characters_as_bytes(found->get_ref<const std::string&>());
}

double number_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

std::uint64_t count_at(const json& object, const char* key) {
  const double value = number_at(object, key);
  return value > 0 && value < 1e18 ? static_cast<std::uint64_t>(value) : 0;
}

const json& array_at(const json& object, const char* key) {
  static const json kEmpty = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

QueuedEvent read_event(const json& event) {
  QueuedEvent out;
  out.kind = text_at(event, "type");
  out.name = text_at(event, out.kind == "HTTP" ? "url" : "name");
  out.from = text_at(event, out.kind == "EXITED" ? "pid" : "from");
  out.to = text_at(event, "to");
  out.body = text_at(event, "body");
  // A node of this library has it beside a body that is not ASCII.
  const std::string encoded = text_at(event, "body_base64");
  if (auto exact = text::decode_base64(encoded); exact && !encoded.empty())
    out.body = std::move(*exact);
  return out;
}

std::optional<std::vector<ProcessState>> read_processes(const json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<ProcessState> out;
  for (const json& item : list) {
    if (!item.is_object()) return std::nullopt;
    ProcessState process{text_at(item, "id"), {}};
    for (const json& event : array_at(item, "events")) {
      if (event.is_object()) process.events.push_back(read_event(event));
    }
    out.push_back(std::move(process));
  }
  return out;
}

std::optional<std::vector<Metric>> read_metrics(const json& object) {
  if (!object.is_object()) return std::nullopt;
  std::vector<Metric> out;  // sorted, as json's objects are
  for (const auto& [name, value] : object.items()) {
    if (value.is_number()) out.push_back({text::characters_as_bytes(name), value.get<double>()});
  }
  return out;
}

/// The first line below the heading TL;DR of a help page; empty without it.
std::string summary_of(std::string_view page) {
  constexpr std::string_view kShort = "### TL;DR; ###";
  const std::size_t heading = page.find(kShort);
  if (heading == std::string_view::npos) return {};
  page.remove_prefix(heading + kShort.size());
  while (page.starts_with('\n')) page.remove_prefix(1);
  return std::string(page.substr(0, page.find('\n')));
}

std::optional<std::vector<Endpoint>> read_endpoints(const json& object) {
  if (!object.is_object() || !object.contains("processes")) return std::nullopt;
  std::vector<Endpoint> out;
  for (const json& process : array_at(object, "processes")) {
    if (!process.is_object()) return std::nullopt;
    for (const json& endpoint : array_at(process, "endpoints")) {
      if (!endpoint.is_object()) return std::nullopt;
      out.push_back({text_at(process, "id"), text_at(endpoint, "name"),
                     summary_of(text_at(endpoint, "text"))});
    }
  }
  return out;
}

void add_resources(std::map<std::string, double>& sum, const json& agent, const char* key) {
  const auto resources = agent.find(key);
  if (resources == agent.end() || !resources->is_object()) return;
  for (const char* name : {"cpus", "disk", "gpus", "mem"}) {
    if (resources->contains(name)) sum[name] += number_at(*resources, name);
  }
}

std::optional<MasterState> read_master_state(const json& state) {
  if (!state.is_object() || !state.contains("pid")) return std::nullopt;
  MasterState out;
  out.pid = text_at(state, "pid");
  out.version = text_at(state, "version");
  out.leader = text_at(state, "leader");
  out.cluster = text_at(state, "cluster");
  out.hostname = text_at(state, "hostname");
  out.start_time = number_at(state, "start_time");
  out.elected_time = number_at(state, "elected_time");
  out.agents_active = count_at(state, "activated_slaves");
  out.agents_inactive = count_at(state, "deactivated_slaves");
  out.agents_unreachable = count_at(state, "unreachable_slaves");
  out.frameworks = array_at(state, "frameworks").size();
  out.frameworks_completed = array_at(state, "completed_frameworks").size();
  for (const json& framework : array_at(state, "frameworks")) {
    if (framework.is_object()) out.tasks += array_at(framework, "tasks").size();
  }
  for (const json& agent : array_at(state, "slaves")) {
    if (!agent.is_object()) continue;
    add_resources(out.resources, agent, "resources");
    add_resources(out.used_resources, agent, "used_resources");
  }
  return out;
}

void add_executors(AgentState& out, const json& framework) {
  for (const json& executor : array_at(framework, "executors")) {
    if (!executor.is_object()) continue;
    ++out.executors;
    out.tasks += array_at(executor, "tasks").size() + array_at(executor, "queued_tasks").size();
    add_resources(out.used_resources, executor, "resources");
  }
}

std::optional<AgentState> read_agent_state(const json& state) {
  if (!state.is_object() || !state.contains("pid")) return std::nullopt;
  AgentState out;
  out.pid = text_at(state, "pid");
  out.id = text_at(state, "id");
  out.version = text_at(state, "version");
  out.hostname = text_at(state, "hostname");
  out.master = text_at(state, "master_hostname");
  out.start_time = number_at(state, "start_time");
  out.frameworks = array_at(state, "frameworks").size();
  out.frameworks_completed = array_at(state, "completed_frameworks").size();
  for (const json& framework : array_at(state, "frameworks")) {
    if (framework.is_object()) add_executors(out, framework);
  }
  add_resources(out.resources, state, "resources");
  return out;
}

template <class T>
Told<T> ask(const Server& server, const std::string& path,
            std::optional<T> (*read)(const json& value)) {
  Told<T> told{get(server, path), std::nullopt};
  if (!told.answer.ok()) return told;
  const std::string body = std::exchange(told.answer.body, {});
  const char* excess = excess_of(body);
  const json value = excess != nullptr || text::has_nul(body)
                         ? json(json::value_t::discarded)
                         : json::parse(text::bytes_as_characters(body), nullptr, false);
  if (!value.is_discarded()) told.value = read(value);
  if (!told.value) {
    told.answer.fault = Fault::garbage;
    told.answer.reason = excess != nullptr      ? excess
                         : value.is_discarded() ? "the answer is not JSON"
                                                : "the answer is other JSON";
  }
  return told;
}

}  // namespace

Told<std::vector<ProcessState>> get_processes(const Server& server) {
  return ask(server, "/__processes__", read_processes);
}

Told<std::vector<Metric>> get_metrics(const Server& server) {
  return ask(server, "/metrics/snapshot", read_metrics);
}

Told<std::vector<Endpoint>> get_endpoints(const Server& server) {
  return ask(server, "/help?format=json", read_endpoints);
}

Told<AgentState> get_agent_state(const Server& server, const std::string& id) {
  return ask(server, "/" + id + "/state", read_agent_state);
}

Told<MasterState> get_master_state(const Server& server) {
  return ask(server, "/master/state", read_master_state);
}

}  // namespace compactor::http
