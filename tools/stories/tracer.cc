#include "stories/tracer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "body/body_document.h"
#include "body/v1_body.h"
#include "cli/failure.h"
#include "output/line_text.h"
#include "sniff/tls_event.h"
#include "text/json_text.h"

namespace tool {

using compactor::capture::ConnectionReport;
using compactor::capture::Endpoint;
using compactor::capture::SeenAnswer;
using compactor::capture::SeenGap;
using compactor::capture::SeenHttp;
using compactor::capture::SeenMessage;
using compactor::capture::SeenRecord;
using compactor::capture::SeenTls;
using compactor::capture::Side;
using compactor::trace::Conversation;
using compactor::trace::Entity;
using compactor::trace::Finding;
using compactor::trace::Message;
using compactor::trace::Outcome;
using compactor::trace::Severity;
using compactor::trace::Step;

namespace {

constexpr std::size_t most_kinds = 1000;
constexpr const char* others = "(others)";           // kinds, beyond that
constexpr std::size_t most_ends = 100'000;           // of connections, that wait for their turn
constexpr std::size_t most_without_status = 10'000;  // messages that may yet get one
constexpr std::size_t longest_name = 256;
constexpr int refused = 400;  // HTTP statuses from here on

std::string_view address_of(std::string_view endpoint) {
  return endpoint.substr(0, endpoint.rfind(':'));
}

/// What a process still has can only be told where nothing hides it.
bool sees_all_connections(const SniffOptions& options) {
  return !filter_of(options.selection).any() && options.filter.empty() && options.ports.empty() &&
         !options.since;
}

}  // namespace

Tracer::Tracer(const TraceOptions& options, const TrafficContext& context)
    : options_(options),
      console_(context.console),
      types_(context.types),
      diagram_(context.diagram),
      filter_(filter_of(options.traffic.selection)),
      window_(options.traffic.window),
      stories_(facts_, context.types.catalog(), *this, story_options(options)),
      order_(story_options(options).memory / 8) {}

compactor::trace::StoryOptions Tracer::story_options(const TraceOptions& options) {
  compactor::trace::StoryOptions made;
  made.selection = options.selection;
  made.departures = sees_all_connections(options.traffic);
  made.steps = options.traffic.diagram.has_value();
  made.memory = options.memory.value_or(made.memory);
  return made;
}

bool Tracer::wants(std::string_view from, std::string_view id, const Endpoint& to,
                   std::string_view name) {
  if (!filter_.any()) return true;
  to_.assign(id).append("@").append(to.str());
  return filter_.accepts_head(from, to_, name);
}

bool Tracer::on_message(const SeenMessage& message) {
  window_.begin(message.time);
  last_ = std::max(last_, message.time);
  if (!window_.has(message.time)) return false;
  types_.next_message();
  if (filter_.asks_for_kind(message.name) &&
      !filter_.accepts_kind(message.name,
                            kind_of_message(&types_, std::string(message.name), message.body)))
    return false;
  const auto source = message.wrong_sender ? message.source().str() : std::string();
  to_.assign(message.id).append("@").append(message.destination().str());
  hold({message.time, message.from, to_, message.name, message.body, message.connection.number,
        message.seq, message.size, message.status, message.partial, message.trouble},
       address_of(source));
  return !message.status;
}

/// Of those that came late only a refusal matters.
void Tracer::on_answer(const SeenAnswer& answer) {
  const auto found = without_status_.find({answer.connection, answer.seq});
  if (answer.status >= refused &&
      !order_.set_status(answer.connection, answer.seq, answer.status) &&
      found != without_status_.end()) {
    found->second.set_status(answer.status);
    stories_.add_late_status(found->second.message());
  }
  if (found != without_status_.end()) without_status_.erase(found);
}

bool Tracer::on_http(const SeenHttp& http) {
  window_.begin(http.time);
  last_ = std::max(last_, http.time);
  if (!window_.has(http.time)) return false;
  const auto client = http.source().str();
  const auto server = http.destination().str();
  const auto type = call_type(http.url);
  const bool tears_down =
      http.method == "POST" && http.url.ends_with("/teardown") && http.status.value_or(0) == 200;
  if (type.empty() && !tears_down) return false;
  Message call;
  call.time = http.time;
  call.from = client;
  call.to = server;
  call.name = type;
  call.conn = http.connection.number;
  call.seq = http.seq;
  call.size = http.request_size;
  call.status = http.status;
  call.partial = http.partial || http.request_cut;
  if (tears_down) {
    hold_teardown(call, http.request_body);
    return false;
  }
  hold_v1(call, http.url, http.request_body, false);
  return false;
}

void Tracer::on_record(const SeenRecord& record) {
  if (!window_.has(record.time)) return;
  last_ = std::max(last_, record.time);
  const auto client = record.source().str();
  const auto server = record.destination().str();
  const auto type = event_type(record.url);
  if (type.empty()) return;
  Message event;
  event.time = record.time;
  event.from = server;
  event.to = client;
  event.name = type;
  event.conn = record.connection.number;
  event.seq = record.seq;
  event.size = record.record.size();
  hold_v1(event, record.url, record.record, true);
}

void Tracer::hold_teardown(Message call, std::string_view form) {
  constexpr std::string_view key = "frameworkId=";
  const auto at = form.find(key);
  if (at == std::string_view::npos) return;
  const auto id = form.substr(at + key.size());
  const std::string name = "mesos.v1.master.Call";
  std::string json = R"({"type":"TEARDOWN","teardown":{"framework_id":{"value":)";
  compactor::text::append_json_string(json, id.substr(0, id.find('&')));
  json += "}}}";
  call.name = name;
  hold_v1(call, "/api/v1", json, false);
}

/// Who serves it is a process: the first part of the path, or the master.
void Tracer::hold_v1(Message message, std::string_view url, std::string_view bytes, bool event) {
  message.body = bytes;
  std::string encoded;
  std::string trouble;
  if (looks_like_json(bytes)) {
    encode(message.name, bytes, encoded, trouble);
    message.body = encoded;
    if (!message.partial) message.trouble = trouble;
  }
  const auto path = url.substr(1, url.find("/api/v1") - (url.starts_with("/api/v1") ? 0 : 1));
  std::string server(path.empty() || path.starts_with("api") ? "master" : path);
  auto& end = event ? message.from : message.to;
  server.append("@").append(end);
  end = server;
  const std::string name(message.name);
  if (filter_.any() && (!filter_.accepts_head(message.from, message.to, name) ||
                        !filter_.accepts_kind(name, kind_of(&types_, name, bytes))))
    return;
  hold(message, {});
}

/// A peer may send what it likes: what is not of that type is told, and ends nothing.
void Tracer::encode(std::string_view name, std::string_view json, std::string& encoded,
                    std::string& trouble) {
  try {
    encoded = types_.encode(name, json, {}).value_or("");
  } catch (const Failure& failure) {
    trouble = failure.what();
  }
}

/// What peers call themselves, and their messages, may be of any length, and is kept long.
void Tracer::hold(Message message, std::string_view source) {
  for (auto* name : {&message.from, &message.to, &message.name})
    *name = name->substr(0, longest_name);
  order_.add(message, source);
  ++shown_;
  if (order_.is_over_limit()) release(WallTime::min());
}

void Tracer::on_connection(const ConnectionReport& report) {
  using compactor::capture::Close;
  if (!report.ending || report.messages == 0) return;
  const auto how = report.ending->how;
  const auto& connection = report.connection;
  const auto client = connection.client.value_or(Side::a);
  // The client's process is where its messages say that they are from.
  const auto client_address = report.sender.substr(report.sender.rfind('@') + 1);
  const auto server_address = connection.endpoint(other(client)).str();
  compactor::trace::LinkEnd end;
  end.time = report.time;
  end.conn = connection.number;
  end.unclear = !report.ending->by || (how != Close::finished && how != Close::reset);
  end.lost_sight = how == Close::evicted || how == Close::ended;
  end.accepted = report.ending->by != client;
  end.ended_by = end.accepted ? server_address : client_address;
  end.other = end.accepted ? client_address : server_address;
  end.reset = how == Close::reset;
  ends_.emplace(end.time, std::move(end));
  if (ends_.size() > most_ends) tell_ends(ends_.begin()->first + std::chrono::nanoseconds(1));
}

void Tracer::tell_ends(WallTime before) {
  while (!ends_.empty() && ends_.begin()->first < before) {
    stories_.add_end(ends_.begin()->second);
    ends_.erase(ends_.begin());
  }
}

void Tracer::tell(const HeldMessage& held) {
  tell_ends(held.message().time);
  stories_.add(held.message(), held.source());
  if (!held.message().status) wait_for_status(held);
}

void Tracer::wait_for_status(const HeldMessage& held) {
  Message message = held.message();
  message.body = {};
  message.partial = true;
  while (without_status_.size() >= most_without_status)
    without_status_.erase(without_status_.begin());
  without_status_.try_emplace({message.conn, message.seq}, message, held.source());
}

void Tracer::release(WallTime before) {
  order_.release(before, [this](const HeldMessage& held) { tell(held); });
  tell_ends(before);
}

void Tracer::release_all() {
  order_.release(WallTime::max(), [this](const HeldMessage& held) { tell(held); });
  tell_ends(WallTime::max());
}

void Tracer::on_gap(const SeenGap& gap) {
  if (window_.has(gap.time)) stories_.add_gap(gap.time, gap.connection.number, gap.bytes);
}

/// Of connections that could be read there is nothing to say.
void Tracer::on_tls(const SeenTls& tls) {
  if (tls.opened.value_or(false) && tls.reason.empty()) return;
  if (!window_.has(tls.time)) return;
  const auto client = tls.connection.endpoint(tls.client).str();
  const auto server = tls.connection.endpoint(other(tls.client)).str();
  console_.print(tls_event(tls, client, server));
}

void Tracer::on_step(const Step& step) {
  if (!options_.selection.empty()) console_.print(step);
  if (!options_.traffic.diagram) return;
  const auto says = with_short_ids(step.says);
  SeenMessageEvent event;
  event.time = step.time;
  event.from = step.from;
  event.to = step.to;
  event.name = says;
  event.size = step.size;
  event.status = step.status;
  event.connection = step.conn;
  event.seq = step.seq;
  event.partial = step.partial;
  diagram_.add(event);
}

void Tracer::on_conversation(const Conversation& conversation) {
  console_.print(conversation);
  const bool is_other = kinds_.size() >= most_kinds && !kinds_.contains(conversation.kind);
  KindRow& kind = kinds_[is_other ? others : conversation.kind];
  ConversationsRow& row = kind.row;
  ++row.count;
  if (conversation.attempts > 1) ++row.resent;
  switch (conversation.outcome) {
    case Outcome::answered:
      ++row.answered;
      break;
    case Outcome::refused:
      ++row.refused;
      break;
    case Outcome::open:
      ++row.open;
      break;
    case Outcome::unanswered:
    case Outcome::resent:
      ++row.unanswered;
      break;
    case Outcome::ended:
      break;
  }
  if (const auto time = conversation.round_trip()) kind.latency->add(*time);
}

void Tracer::on_finding(const Finding& finding) {
  ++worst_[static_cast<std::size_t>(finding.severity)];
  console_.print(finding);
}

void Tracer::print_entities() {
  const auto section = [this](std::string_view title) {
    SectionEvent event;
    event.title = title;
    console_.print(event);
  };
  using compactor::trace::Kind;
  const std::pair<Kind, std::string_view> all[] = {
      {Kind::master, "masters"},      {Kind::agent, "agents"}, {Kind::framework, "frameworks"},
      {Kind::executor, "executors"},  {Kind::task, "tasks"},   {Kind::offer, "offers"},
      {Kind::operation, "operations"}};
  std::map<Kind, std::vector<const Entity*>> by_kind;
  stories_.for_each_entity([&](const Entity& entity) { by_kind[entity.kind].push_back(&entity); });
  for (const auto& each : all) {
    // Of offers there are too many for people.
    const bool too_many =
        each.first == Kind::offer && !console_.options().json && options_.selection.empty();
    const auto& entities = by_kind[each.first];
    if (entities.empty() || too_many) continue;
    section(each.second);
    for (const Entity* entity : entities) console_.print(*entity);
  }
}

void Tracer::print_kinds() {
  if (kinds_.empty() || !options_.selection.empty()) return;
  SectionEvent event;
  event.title = "conversations";
  console_.print(event);
  std::vector<std::pair<const std::string, KindRow>*> rows;
  for (auto& each : kinds_) rows.push_back(&each);
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    return a->second.row.count > b->second.row.count;
  });
  bool heading = true;
  for (auto* each : rows) {
    ConversationsRow& row = each->second.row;
    row.kind = each->first;
    row.latency = each->second.latency.get();
    row.heading = std::exchange(heading, false);
    console_.print(row);
  }
}

TraceSummary Tracer::summary_of(const SniffSummary& summary) {
  const auto& counts = stories_.counts();
  TraceSummary made;
  made.packets = summary.packets;
  made.messages = counts.messages;
  made.conversations = counts.conversations;
  made.undecodable = counts.undecodable;
  made.answered = counts.answered;
  made.unanswered = counts.unanswered;
  made.infos = worst_[0];
  made.warnings = worst_[1];
  made.errors = worst_[2];
  made.forgotten = counts.forgotten;
  made.gap_bytes = summary.gap_bytes;
  made.kernel_drops = summary.kernel_drops;
  made.tls = summary.tls;
  made.tls_bytes = summary.tls_bytes;
  return made;
}

void Tracer::print_so_far(const SniffSummary& summary) {
  print_entities();
  print_kinds();
  console_.note(interim(summary));
}

int Tracer::conclude(const SniffSummary& summary) {
  stories_.finish(std::max(last_, summary.last.value_or(last_)));
  if (console_.ended()) return 0;
  print_entities();
  print_kinds();
  console_.print(summary_of(summary));
  if (!options_.fail_on) return 0;
  for (auto i = static_cast<std::size_t>(*options_.fail_on); i < std::size(worst_); ++i)
    if (worst_[i] != 0) return 1;
  return 0;
}

}  // namespace tool
