#include "trace/stories.h"

#include <algorithm>
#include <utility>

#include "text/glob.h"

namespace compactor::trace {

namespace {

constexpr std::size_t kMostHeld = 1000;      // PIDs that have no id yet
constexpr std::size_t kMostHeldOfEach = 64;  // messages
constexpr std::size_t kMostGaps = 10'000;    // connections that have one
// What one of them takes, with all by which it is found.
constexpr std::size_t kBytesOfConversation = 1300;
constexpr std::size_t kBytesOfEntity = 650;
constexpr std::size_t kMostConns = 100'000;  // that a story is on

bool fits(const std::vector<std::string>& globs, std::string_view id) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return text::glob_matches(glob, id); });
}

/// Whether one of the ids of that kind fits; true where nothing is asked for.
bool fits(const std::vector<std::string>& globs, Kind kind, const Reading& message) {
  if (globs.empty()) return true;
  return std::any_of(message.ids().begin(), message.ids().end(),
                     [&](const Id& id) { return id.kind == kind && fits(globs, id.text); });
}

bool fits_key(const std::vector<std::string>& globs, std::string_view id) {
  return globs.empty() || fits(globs, id);
}

bool gets_an_id(Role role) {
  return role == Role::agent || role == Role::scheduler || role == Role::executor ||
         role == Role::unknown;
}

}  // namespace

Stories::Stories(const Facts& facts, const schema::Catalog& catalog, StoryEvents& events,
                 StoryOptions options)
    : facts_(facts),
      events_(events),
      selection_(std::move(options.selection)),
      has_departures_(options.departures),
      has_steps_(options.steps || !selection_.empty()),
      reader_(facts, catalog),
      entities_(options.memory / 4 / kBytesOfEntity),
      conversations_(
          reader_, [this](const Conversation& conversation) { on_conversation(conversation); },
          {.open = options.memory / 2 / kBytesOfConversation}, selects()),
      findings_(
          facts_, catalog, entities_, [this](const Finding& finding) { on_finding(finding); },
          selects()),
      departures_([this](const Departure& departure) { on_departure(departure); }) {}

Selects Stories::selects() const {
  if (selection_.empty()) return {};
  return [this](const Reading& message) { return is_selected(message); };
}

void Stories::on_conversation(const Conversation& conversation) {
  findings_.add(conversation);
  if (!conversation.selected) return;
  ++counts_.conversations;
  if (conversation.outcome == Outcome::answered) ++counts_.answered;
  if (conversation.outcome == Outcome::unanswered || conversation.outcome == Outcome::resent)
    ++counts_.unanswered;
  events_.on_conversation(conversation);
}

void Stories::on_finding(const Finding& finding) {
  if (!finding.selected) return;
  ++counts_.findings[static_cast<std::size_t>(finding.severity)];
  events_.on_finding(finding);
}

/// It is of the story of who has ended, and of who has noticed.
void Stories::on_departure(const Departure& departure) {
  const bool selected = selection_.empty() || is_selected_at(departure.pid) ||
                        std::any_of(departure.noticed_by.begin(), departure.noticed_by.end(),
                                    [this](const std::string& pid) { return is_selected_at(pid); });
  findings_.add(departure, selected);
}

void Stories::add(const Message& message, std::string_view source) {
  const Reading& reading = reader_.read(message);
  add_ids_of_client(reading);
  findings_.add(reading, source);
  entities_.add(reading);
  conversations_.add(reading);
  if (has_departures_) departures_.add(message);
  if (reading.misread()) ++counts_.undecodable;
  if (has_steps_) {
    take_step(reading);
  } else {
    ++counts_.messages;
  }
}

void Stories::add_late_status(const Message& message) {
  const Reading& reading = reader_.read(message);
  findings_.add_status(reading);
  conversations_.refuse(message);
}

/// Events of the v1 API do not say whom they are for: their connection does.
void Stories::add_ids_of_client(const Reading& message) {
  const Message& of = message.message();
  if (!of.name.starts_with("mesos.v1.") || !message.id(Kind::framework).empty()) return;
  const Entity* client = entities_.at(of.name.ends_with(".Event") ? of.to : of.from);
  if (client == nullptr) return;
  if (client->kind == Kind::framework) reader_.add_id(Kind::framework, client->id);
  if (client->kind != Kind::executor) return;
  reader_.add_id(Kind::framework, client->framework);
  if (message.id(Kind::executor).empty()) reader_.add_id(Kind::executor, client->id);
}

void Stories::add_gap(Time time, std::uint64_t conn, std::uint64_t bytes) {
  if (selection_.empty()) return findings_.add_gap(time, conn, bytes);
  if (gaps_.size() < kMostGaps) gaps_.try_emplace(conn, Gap{time, bytes});
}

/// Whether a story has a message on that connection is known at its end.
void Stories::tell_gaps() {
  for (const auto& [conn, gap] : gaps_)
    if (story_conns_.contains(conn)) findings_.add_gap(gap.time, conn, gap.bytes);
  gaps_.clear();
}

void Stories::finish(Time end) {
  conversations_.finish(end);
  tell_gaps();
}

const StoryCounts& Stories::counts() {
  counts_.forgotten = conversations_.forgotten() + entities_.forgotten() + findings_.forgotten();
  return counts_;
}

void Stories::take_step(const Reading& message) {
  const Message& of = message.message();
  const bool selected = is_selected(message);
  const bool may_matter = !selected && selection_.tasks.empty() && selection_.offers.empty();
  if (!selected && !may_matter) return;
  Step step{of.time,
            std::nullopt,
            std::string(of.from),
            std::string(of.to),
            role_at(of.from),
            role_at(of.to),
            std::string(of.name),
            message.says(),
            of.conn,
            of.seq,
            of.status,
            of.partial,
            of.size};
  if (!selected) return hold_back(step);
  release_held(message);
  tell(std::move(step));
}

/// Who asks for an id has none yet, and it may turn out to be one of the selection.
void Stories::hold_back(const Step& step) {
  for (const auto& pid : {step.from, step.to}) {
    if (!gets_an_id(role_of(pid)) || entities_.at(pid) != nullptr) continue;
    if (held_.size() >= kMostHeld && !held_.contains(pid)) continue;
    auto& steps = held_[pid];
    if (steps.size() < kMostHeldOfEach) steps.push_back(step);
  }
}

void Stories::release_held(const Reading& message) {
  for (const auto pid : {message.message().from, message.message().to}) {
    const Entity* entity = entities_.at(pid);
    if (entity == nullptr || !is_selected(*entity)) continue;
    auto found = held_.extract(std::string(pid));
    if (!found) continue;
    for (Step& step : found.mapped()) tell(std::move(step));
  }
}

void Stories::tell(Step step) {
  ++counts_.messages;
  if (last_step_) step.delta = step.time - *last_step_;
  last_step_ = step.time;
  if (story_conns_.size() < kMostConns) story_conns_.insert(step.conn);
  events_.on_step(step);
}

bool Stories::is_selected(const Reading& message) const {
  if (selection_.empty()) return true;
  const bool by_ids = fits(selection_.tasks, Kind::task, message) &&
                      fits(selection_.agents, Kind::agent, message) &&
                      fits(selection_.frameworks, Kind::framework, message) &&
                      fits(selection_.executors, Kind::executor, message) &&
                      fits(selection_.offers, Kind::offer, message);
  if (by_ids) return true;
  if (!selection_.tasks.empty() || !selection_.offers.empty()) return false;
  // Pings and the like bear no id, but go to it or come from it.
  return is_selected_at(message.message().from) || is_selected_at(message.message().to);
}

bool Stories::is_selected_at(std::string_view pid) const {
  const Entity* entity = entities_.at(pid);
  return entity != nullptr && entity->kind != Kind::master && is_selected(*entity);
}

bool Stories::is_selected(const Entity& entity) const {
  if (selection_.empty()) return true;
  switch (entity.kind) {
    case Kind::task:
      return !selection_.tasks.empty() && fits(selection_.tasks, entity.id) &&
             fits_key(selection_.frameworks, entity.framework) &&
             fits_key(selection_.agents, entity.agent);
    case Kind::executor:
      return !selection_.executors.empty() && fits(selection_.executors, entity.id) &&
             fits_key(selection_.frameworks, entity.framework);
    case Kind::agent:
      return fits(selection_.agents, entity.id);
    case Kind::framework:
      return fits(selection_.frameworks, entity.id);
    case Kind::offer:
      return fits(selection_.offers, entity.id);
    default:
      return false;
  }
}

std::string_view Stories::short_id(std::string_view id) {
  constexpr std::size_t longest = 12;
  const auto dash = id.rfind('-');
  if (dash == std::string_view::npos || dash < longest || dash + 1 == id.size()) return id;
  return id.substr(dash + 1);
}

std::string Stories::role_at(std::string_view pid) const {
  const Entity* entity = entities_.at(pid);
  if (entity == nullptr || entity->kind == Kind::master) return std::string(title_of(pid));
  std::string role(to_string(entity->kind));
  return role.append(" ").append(short_id(entity->id));
}

}  // namespace compactor::trace
