#include "sniff/diagram.h"

#include <algorithm>
#include <utility>

#include "body/encoding.h"
#include "body/v1_body.h"
#include "cli/values.h"
#include "text/utf8.h"

namespace tool {

using compactor::text::utf8_length;

namespace {

// Room for the longest names of Mesos, and for an id with a UUID in it.
constexpr std::size_t most_of_name = 64;
constexpr std::size_t most_of_id = 44;
// What is kept of who talks: a peer says it of itself.
constexpr std::size_t longest_pid = 256;
constexpr std::size_t longest_name = 200;

/// The first `most` characters of a text that can be shown, with … where there is more.
std::string shortened(const std::string& text, std::size_t most) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++count) {
    const std::size_t length = utf8_length(std::string_view(text).substr(end));
    if (count + 1 == most && end + length < text.size()) return text.substr(0, end) + "…";
    end += length;
  }
  return text;
}

DiagramProcess process_of(const std::string& pid) {
  auto at = pid.rfind('@');
  auto part = [](const std::string& text) { return shortened(terminal_escaped(text), most_of_id); };
  if (at == std::string::npos) return {terminal_escaped(pid), part(pid), ""};
  return {terminal_escaped(pid), part(pid.substr(0, at)), part(pid.substr(at + 1))};
}

DiagramStep::Kind kind_of(std::optional<int> status) {
  if (!status) return DiagramStep::Kind::unanswered;
  return *status / 100 == 2 ? DiagramStep::Kind::accepted : DiagramStep::Kind::failed;
}

}  // namespace

void Diagram::keep(std::optional<std::size_t> from, std::optional<std::size_t> to, Kept kept) {
  if (!from || !to) {
    ++not_drawn_;
    return;
  }
  if (!kept.status) unanswered_[{kept.connection, kept.seq}] = kept_.size();
  kept.from = *from;
  kept.to = *to;
  kept.text = shortened(terminal_escaped(kept.text), most_of_name);
  kept_.push_back(std::move(kept));
}

void Diagram::add(const SeenMessageEvent& message) {
  unanswered_.erase({message.connection, message.seq});
  if (!has_room()) return;
  std::string text(message.name);
  if (!message.kind.empty()) text.append("/").append(message.kind);
  const auto from = number_of(message.from);
  keep(from, number_of(message.to),
       {.time = message.time,
        .connection = message.connection,
        .seq = message.seq,
        .text = std::move(text),
        .size = message.size,
        .status = message.status,
        .partial = message.partial,
        .uncertain = message.uncertain});
}

void Diagram::add(const SeenHttpEvent& http) {
  unanswered_.erase({http.connection, http.seq});
  if (!has_room()) return;
  const auto path = path_of(http.url);
  const auto client = number_of_client(http.client, http.source);
  keep(client, number_of_server(http.url, http.destination),
       {.time = http.time,
        .connection = http.connection,
        .seq = http.seq,
        .text = http.call.empty() ? std::string(http.method) + ' ' + std::string(path)
                                  : std::string(http.call),
        .size = http.request_size,
        .status = http.status});
}

void Diagram::add(const HttpStreamEvent& event) {
  if (!has_room()) return;
  const auto server = number_of_server(event.url, event.source);
  keep(server, number_of_client(event.client, event.destination),
       {.time = event.time,
        .connection = event.connection,
        .text = event.kind.empty() ? "event" : std::string(event.kind),
        .size = event.body.size(),
        .status = 200});
}

void Diagram::add(const SeenAnswerEvent& answer) {
  auto message = unanswered_.extract({answer.connection, answer.seq});
  if (!message.empty()) kept_[message.mapped()].status = answer.status;
}

void Diagram::add(const GapEvent& gap) {
  if (!has_room()) return;
  kept_.push_back({.gap = true,
                   .time = gap.time,
                   .connection = gap.connection,
                   .text = std::string(gap.source) + " → " + std::string(gap.destination),
                   .size = gap.bytes});
}

bool Diagram::has_room() {
  if (kept_.size() < most_steps) return true;
  ++not_drawn_;
  return false;
}

std::optional<std::size_t> Diagram::number_of(std::string_view pid) {
  if (pid.empty()) pid = "(no sender)";
  auto found = std::find(processes_.begin(), processes_.end(), pid);
  auto number = static_cast<std::size_t>(found - processes_.begin());
  if (found != processes_.end()) return number;
  if (number == most_processes || pid.size() > longest_pid) return std::nullopt;
  processes_.emplace_back(pid);
  return number;
}

/// Of a URL that does not name the process, the master or agent that is known at that address.
std::optional<std::size_t> Diagram::number_of_server(std::string_view url,
                                                     std::string_view address) {
  const auto at = '@' + std::string(address);
  if (const auto id = server_id(url); !id.empty()) return number_of(std::string(id) + at);
  const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const auto& pid) {
    return pid.ends_with(at) && (pid.starts_with("master@") || pid.starts_with("slave("));
  });
  return number_of(found == processes_.end() ? address : std::string_view(*found));
}

/// A framework uses several connections, from ports that say nothing. What it said on one of them
/// before it was known goes to its lifeline too.
std::optional<std::size_t> Diagram::number_of_client(const HttpClient& client,
                                                     std::string_view address) {
  const auto host = address.substr(0, address.rfind(':'));
  std::string id(client.executor_id.empty() ? client.framework_id : client.executor_id);
  if (!client.executor_id.empty()) id = "executor " + id;
  if (id.empty() && client.name != address) id = client.name;
  if (id.empty() || id.size() > longest_name) return number_of(address);
  const auto number = number_of(id.append("@").append(host));
  const auto before = std::find(processes_.begin(), processes_.end(), address);
  if (!number || before == processes_.end()) return number;
  const auto unnamed = static_cast<std::size_t>(before - processes_.begin());
  for (auto& kept : kept_) {
    if (kept.gap) continue;
    if (kept.from == unnamed) kept.from = *number;
    if (kept.to == unnamed) kept.to = *number;
  }
  return number;
}

/// Messages are told when they are answered; they are drawn when they were said.
std::vector<Diagram::Kept> Diagram::in_time() const {
  auto sorted = kept_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Kept& a, const Kept& b) { return a.time < b.time; });
  return sorted;
}

/// Who speaks first stands first. `from` and `to` become numbers of lifelines.
std::vector<DiagramProcess> Diagram::number_lifelines(std::vector<Kept>& sorted) const {
  std::vector<DiagramProcess> lifelines;
  std::map<std::size_t, std::size_t> numbers;
  auto renumber = [&](std::size_t& process) {
    auto [place, is_new] = numbers.try_emplace(process, lifelines.size());
    if (is_new) lifelines.push_back(process_of(processes_[process]));
    process = place->second;
  };
  for (auto& kept : sorted) {
    if (kept.gap) continue;
    renumber(kept.from);
    renumber(kept.to);
  }
  return lifelines;
}

DiagramStep Diagram::step_of(const Kept& message) {
  auto kind = kind_of(message.status);
  auto label = message.text.empty() ? "(no name)" : message.text;
  label += " · " + human_size(static_cast<double>(message.size));
  if (message.partial) label += " · partial";
  if (kind == DiagramStep::Kind::failed) label += " · " + std::to_string(*message.status);
  if (kind == DiagramStep::Kind::unanswered)
    label += message.uncertain ? " · answer unknown" : " · no answer";
  return {kind, message.time, message.from, message.to, label};
}

/// `known`: who talks on its connection. Only messages tell; without any it might be everybody.
DiagramStep Diagram::step_of(const Kept& gap, std::optional<Ends> known, std::size_t lifelines) {
  auto label = "gap of " + counted(gap.size, "byte") + " not captured";
  if (!known) label += ", " + gap.text;
  auto ends = known.value_or(Ends{0, lifelines == 0 ? 0 : lifelines - 1});
  auto [left, right] = std::minmax(ends.first, ends.second);
  return {DiagramStep::Kind::gap, gap.time, left, right, label};
}

DiagramPicture Diagram::picture() const {
  auto sorted = in_time();
  DiagramPicture picture;
  picture.not_drawn = not_drawn_;
  picture.processes = number_lifelines(sorted);
  std::map<std::uint64_t, Ends> talking;  // on a connection: at first the first, then the last
  for (const auto& kept : sorted) {
    if (!kept.gap) talking.try_emplace(kept.connection, kept.from, kept.to);
  }
  for (const auto& kept : sorted) {
    auto known = talking.find(kept.connection);
    if (!kept.gap) {
      known->second = {kept.from, kept.to};
      picture.steps.push_back(step_of(kept));
    } else {
      auto ends = known == talking.end() ? std::nullopt : std::optional(known->second);
      picture.steps.push_back(step_of(kept, ends, picture.processes.size()));
    }
  }
  return picture;
}

}  // namespace tool
