#include "actor/builtin_routes.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "text/base64.h"

namespace compactor {
namespace {

using nlohmann::json;

constexpr const char* kJson = "application/json";
constexpr const char* kMarkdown = "text/x-markdown";

HttpResponse json_response(const json& value) {
  // Names and bodies are a peer's bytes: what is no UTF-8 is replaced.
  return {200, kJson, value.dump(-1, ' ', false, json::error_handler_t::replace)};
}

json describe_event(const Registry::Event& event, const Pid& to) {
  if (const auto* message = std::get_if<LocalMessage>(&event)) {
    json object = {{"type", "MESSAGE"},
                   {"name", message->name},
                   {"from", message->sender},
                   {"to", to.str()},
                   {"body", message->body}};
    // Where libprocess writes bytes that make its JSON invalid, ours stays valid and loses nothing.
    const auto beyond_ascii = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
    if (std::any_of(message->body.begin(), message->body.end(), beyond_ascii)) {
      std::string encoded;
      text::append_base64(encoded, message->body);
      object["body_base64"] = encoded;
    }
    return object;
  }
  if (const auto* exit = std::get_if<Registry::Exit>(&event))
    return {{"type", "EXITED"}, {"pid", exit->pid.str()}};
  return {{"type", "DISPATCH"}};
}

HttpResponse processes(const Registry& registry) {
  json list = json::array();
  for (const auto& [id, slot] : registry.processes()) {
    json events = json::array();
    for (const Registry::Event& event : slot->mailbox)
      events.push_back(describe_event(event, Registry::pid(*slot->process)));
    list.push_back({{"id", id}, {"events", std::move(events)}});
  }
  return json_response(list);
}

struct System {
  double load[3] = {0, 0, 0};
  double cpus = 0, memory_total = 0, memory_free = 0;

  System() {
    if (::getloadavg(load, 3) < 3) load[0] = load[1] = load[2] = 0;
    cpus = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
    struct sysinfo info {};
    if (::sysinfo(&info) == 0) {
      memory_total = static_cast<double>(info.totalram) * info.mem_unit;
      memory_free = static_cast<double>(info.freeram) * info.mem_unit;
    }
  }
};

HttpResponse metrics(const Counters& counters) {
  const System system;
  const Statistics s = counters.snapshot();
  return json_response({{"system/cpus_total", system.cpus},
                        {"system/load_1min", system.load[0]},
                        {"system/load_5min", system.load[1]},
                        {"system/load_15min", system.load[2]},
                        {"system/mem_total_bytes", system.memory_total},
                        {"system/mem_free_bytes", system.memory_free},
                        {"compactor/messages_received", s.messages_received},
                        {"compactor/bytes_received", s.bytes_received},
                        {"compactor/messages_dropped", s.messages_dropped},
                        {"compactor/messages_rejected", s.messages_rejected},
                        {"compactor/messages_sent", s.messages_sent},
                        {"compactor/deliveries_failed", s.deliveries_failed},
                        {"compactor/handler_exceptions", s.handler_exceptions},
                        {"compactor/http_requests", s.http_requests},
                        {"compactor/connections_accepted", s.connections_accepted},
                        {"compactor/connections_open", s.connections_open},
                        {"compactor/links", s.links}});
}

HttpResponse system_stats() {
  const System system;
  return json_response({{"avg_load_1min", system.load[0]},
                        {"avg_load_5min", system.load[1]},
                        {"avg_load_15min", system.load[2]},
                        {"cpus_total", static_cast<int>(system.cpus)},
                        {"mem_total_bytes", static_cast<std::uint64_t>(system.memory_total)},
                        {"mem_free_bytes", static_cast<std::uint64_t>(system.memory_free)}});
}

/// Endpoints by their first segment, as help lists them.
using Endpoints = std::map<std::string, std::set<std::string>>;

Endpoints endpoints_of(const Registry& registry, const Router& router) {
  Endpoints endpoints;
  for (const std::string& path : router.paths()) {
    const std::size_t slash = path.find('/', 1);
    const std::string first = path.substr(1, slash == std::string::npos ? slash : slash - 1);
    endpoints[first].insert(slash == std::string::npos ? "/" : path.substr(slash));
  }
  for (const auto& [id, slot] : registry.processes()) {
    for (const std::string& path : slot->process->route_paths()) endpoints[id].insert(path);
  }
  return endpoints;
}

std::string help_line(const std::string& name) {
  return "> [/" + name + "][" + name + "]\n";
}

HttpResponse help(const Endpoints& endpoints, const HttpRequest& request) {
  if (request.query == "format=json") {
    json list = json::array();
    for (const auto& [id, paths] : endpoints) {
      json entries = json::array();
      for (const std::string& path : paths)
        entries.push_back({{"name", path}, {"text", "/" + id + path}});
      list.push_back({{"id", id}, {"endpoints", std::move(entries)}});
    }
    return json_response({{"processes", std::move(list)}});
  }
  std::string text, references;
  if (request.path == "/help" || request.path == "/help/") {
    text = "## HELP\n";
    for (const auto& [id, paths] : endpoints) {
      text += help_line(id);
      references += "[" + id + "]: help/" + id + "\n";
    }
    return {200, kMarkdown, text + "\n" + references};
  }
  const std::string id(request.path.substr(std::string_view("/help/").size()));
  const auto found = endpoints.find(id);
  if (found == endpoints.end()) return {404, "text/plain; charset=utf-8", "404 Not Found."};
  text = "## `/" + id + "` ##\n";
  for (const std::string& path : found->second) {
    const std::string name = path == "/" ? id : id + path;
    text += help_line(name);
    references += "[" + name + "]: " + name + "\n";
  }
  return {200, kMarkdown, text + "\n" + references};
}

}  // namespace

void add_builtin_routes(Router& router, const Registry& registry, const Counters& counters) {
  router.add("/__processes__", [&](const HttpRequest&) { return processes(registry); });
  router.add("/metrics/snapshot", [&](const HttpRequest&) { return metrics(counters); });
  router.add("/system/stats.json", [](const HttpRequest&) { return system_stats(); });
  router.add("/help", [&](const HttpRequest& request) {
    return help(endpoints_of(registry, router), request);
  });
}

}  // namespace compactor
