#include "trace/conversations.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "schema/inner.h"

namespace compactor::trace {

using std::chrono::seconds;

namespace {

constexpr std::string_view kPing = "mesos.internal.PingSlaveMessage";
constexpr std::string_view kOldPing = "PING";
constexpr std::string_view kUpdate = "mesos.internal.StatusUpdateMessage";
constexpr std::size_t kMostKeys = 1000;  // of a list of ids, in one message
constexpr int kRefused = 400;            // HTTP statuses from here on
constexpr std::array<std::string_view, 6> kOutcomes = {"answered", "refused", "unanswered",
                                                       "resent",   "open",    "ended"};

struct Patience {
  std::string_view kind;
  seconds time;
};
/// When nobody answers any more.
constexpr std::chrono::minutes kForgotten{15};
/// Where an answer may take longer than the usual: what the sender itself waits before it asks
/// again, at most.
constexpr seconds kPatience{10};
constexpr std::array kPatiences = {
    Patience{"mesos.internal.RegisterSlaveMessage", seconds{60}},
    Patience{"mesos.internal.ReregisterSlaveMessage", seconds{60}},
    Patience{"mesos.scheduler.Call/SUBSCRIBE", seconds{60}},
    Patience{"mesos.internal.RegisterFrameworkMessage", seconds{60}},
    Patience{"mesos.internal.ReregisterFrameworkMessage", seconds{60}},
    Patience{kPing, seconds{15}},
    Patience{kOldPing, seconds{15}},
    Patience{"mesos.internal.AuthenticateMessage", seconds{15}},
    Patience{"mesos.internal.RunTaskMessage", seconds{60}},
    Patience{"mesos.internal.RunTaskGroupMessage", seconds{60}},
    Patience{"mesos.internal.log.WriteRequest", seconds{20}},
};

bool is_ping(std::string_view name) {
  return name == kPing || name == kOldPing;
}

using Keys128 = std::vector<KeyMaker>;

void add(KeyMaker& key, const Picked& value) {
  value.bytes.data() != nullptr ? key.add(value.bytes) : key.add(value.number);
}

/// Each key with each of the values there; as they are where there is none.
bool multiply(Keys128& keys, const Reading& message, std::string_view path, bool or_without) {
  Keys128 all;
  message.for_each(path, [&](const Picked& value) {
    for (const KeyMaker& key : keys)
      if (all.size() < kMostKeys) add(all.emplace_back(key), value);
  });
  const bool found = !all.empty();
  if (or_without || !found) all.insert(all.end(), keys.begin(), keys.end());
  keys = std::move(all);
  return found;
}

Keys128 begin_keys(const Pair& pair) {
  Keys128 keys(1);
  keys.front().add(reinterpret_cast<std::uintptr_t>(&pair));
  return keys;
}

/// By what an answer of that row would be found. None when a value that it must have is missing.
Keys128 keys_of_request(const Reading& message, const Pair& pair) {
  const Message& request = message.message();
  Keys128 keys = begin_keys(pair);
  const auto end = [&](End which) {
    if (which == End::none) return keys.front().add(std::string_view{});
    if (which == End::field && message.has("pid")) return keys.front().add(message.value("pid"));
    keys.front().add(which == End::receiver ? request.to : request.from);
  };
  end(pair.answer_from);
  end(pair.answer_to);
  for (const Join& join : pair.fields) {
    bool found = false;
    for (const auto path : join.asked) {
      found = message.has(path) && multiply(keys, message, path, false);
      if (found) break;
    }
    if (!found && !join.optional) return {};
  }
  return keys;
}

/// The same of an answer.
Keys128 keys_of_answer(const Reading& message, const Pair& pair) {
  const Message& answer = message.message();
  Keys128 keys = begin_keys(pair);
  keys.front().add(pair.answer_from == End::none ? std::string_view{} : answer.from);
  keys.front().add(pair.answer_to == End::none ? std::string_view{} : answer.to);
  for (const Join& join : pair.fields) {
    // Where it is optional the request may have had none.
    const bool found = multiply(keys, message, join.answered, join.optional);
    if (!found && !join.optional) return {};
  }
  return keys;
}

/// What is equal in a request that is sent again: the fields by which it is answered, or where it
/// is only passed on, all its ids.
Key sameness(const Reading& message, std::string_view kind, const std::vector<const Pair*>& rows) {
  KeyMaker key;
  key.add(kind);
  key.add(message.message().from);
  key.add(message.message().to);
  bool answered = false;
  for (const Pair* row : rows) {
    if (row->effect != Effect::ok) continue;
    answered = true;
    for (const Join& join : row->fields) {
      const auto set = std::find_if(join.asked.begin(), join.asked.end(),
                                    [&](std::string_view path) { return message.has(path); });
      if (set != join.asked.end())
        message.for_each(*set, [&](const Picked& value) { add(key, value); });
    }
  }
  if (answered) return key.key();
  for (const Id& id : message.ids()) key.add(id.text);
  return key.key();
}

bool is_refused(const Message& message) {
  return message.status.value_or(0) >= kRefused;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

Reference reference_of(const Message& message) {
  return {message.time,
          std::string(message.name),
          std::string(message.from),
          std::string(message.to),
          message.conn,
          message.seq};
}

Keys keys_of(const Reading& message) {
  Keys keys;
  keys.task = message.id(Kind::task);
  keys.agent = message.id(Kind::agent);
  keys.framework = message.id(Kind::framework);
  keys.executor = message.id(Kind::executor);
  keys.offer = message.id(Kind::offer);
  schema::append_uuid(keys.uuid, message.id(Kind::uuid));
  return keys;
}

std::optional<std::chrono::nanoseconds> Conversation::round_trip() const {
  if (!answer) return std::nullopt;
  return answer->time - request.time;
}

seconds Conversations::patience(std::string_view kind) {
  const auto* found = std::find_if(kPatiences.begin(), kPatiences.end(),
                                   [&](const Patience& each) { return each.kind == kind; });
  return found == kPatiences.end() ? kPatience : found->time;
}

Conversations::Conversations(const Reader& reader, Tell tell, ConversationLimits limits,
                             Selects selects)
    : reader_(reader),
      tell_(std::move(tell)),
      limits_(limits),
      selects_(std::move(selects)),
      ended_frameworks_(limits.open) {}

bool Conversations::is_selected(const Reading& message) {
  if (!selected_) selected_ = !selects_ || selects_(message);
  return *selected_;
}

void Conversations::add(const Reading& message) {
  selected_.reset();
  while (!open_.empty() &&
         message.message().time - open_.front().conversation.last_attempt > kForgotten)
    close(open_.begin(), silence_of(open_.front().conversation));
  answer(message);
  end_acknowledgements(message);
  open(message);
}

/// Late, but not by much: it is one of the newest.
void Conversations::refuse(const Message& message) {
  constexpr int looked_at = 10'000;
  auto place = open_.end();
  for (int i = 0; i < looked_at && place != open_.begin(); ++i) {
    const Reference& request = (--place)->conversation.request;
    if (request.conn == message.conn && request.seq == message.seq)
      return close(place, Outcome::refused);
  }
}

void Conversations::answer(const Reading& message) {
  for (const Pair* pair : reader_.answered_by(message.message().name)) {
    // Most rows are about what nobody has asked.
    if (const auto found = waiting_.find(pair); found == waiting_.end() || found->second == 0)
      continue;
    if (!message.meets(pair->answer_when)) continue;
    for (const KeyMaker& key : keys_of_answer(message, *pair)) {
      const auto found = due_.find(key.key());
      if (found == due_.end()) continue;
      // A pong answers the last ping before it; anything else what waits for longest.
      const Place place =
          is_ping(pair->request) ? found->second.last->place : found->second.first->place;
      take_answer(message, *pair, place);
    }
  }
}

void Conversations::take_answer(const Reading& message, const Pair& pair, Place place) {
  Conversation& conversation = place->conversation;
  const bool passed_on = pair.effect == Effect::forward || pair.effect == Effect::effect;
  Reference reference = reference_of(message.message());
  if (!conversation.selected) conversation.selected = is_selected(message);
  if (passed_on && place->has_ok) {
    const auto& legs = conversation.legs;
    const bool known =
        !legs.empty() && legs.back().conn == reference.conn && legs.back().seq == reference.seq;
    if (!known && legs.size() < limits_.legs) conversation.legs.push_back(std::move(reference));
    return;
  }
  if (pair.effect == Effect::end) return close(place, Outcome::ended);
  conversation.answer = std::make_shared<const Reference>(std::move(reference));
  close(place, pair.effect == Effect::fail ? Outcome::refused : Outcome::answered);
}

/// Once a framework is torn down its updates need no acknowledgement; one may be under way.
void Conversations::end_acknowledgements(const Reading& message) {
  const bool ends = message.message().name == "mesos.internal.ShutdownFrameworkMessage" ||
                    asks_for_teardown(message);
  if (!ends) return;
  if (const auto framework = message.id(Kind::framework); !framework.empty())
    ended_frameworks_.insert(KeyMaker::of(framework));
}

void Conversations::open(const Reading& message) {
  std::vector<const Pair*> rows;
  std::vector<Due> due;
  bool asks = false;
  for (const Pair* pair : reader_.asked_by(message.message().name)) {
    if (!message.meets(pair->request_when)) continue;
    const auto keys = keys_of_request(message, *pair);
    if (keys.empty()) continue;
    rows.push_back(pair);
    // What can only be refused, or end, asks for nothing.
    asks = asks || (pair->effect != Effect::fail && pair->effect != Effect::end);
    for (const KeyMaker& key : keys) due.push_back({key.key(), pair});
  }
  if (!asks) return;
  auto kind = message.kind();
  const Key same = sameness(message, kind, rows);
  if (is_sent_again(message, same)) return;
  Open& made = open_.emplace_back();
  made.conversation.kind = std::move(kind);
  made.conversation.request = reference_of(message.message());
  made.conversation.last_attempt = message.message().time;
  made.conversation.keys = keys_of(message);
  made.conversation.selected = is_selected(message);
  made.has_ok = std::any_of(rows.begin(), rows.end(),
                            [](const Pair* row) { return row->effect == Effect::ok; });
  made.same = same;
  const Place place = std::prev(open_.end());
  made.due.assign(due.begin(), due.end());
  for (Due& each : made.due) {
    each.place = place;
    enqueue(each);
  }
  same_[made.same] = place;
  if (is_refused(message.message())) return close(place, Outcome::refused);
  if (open_.size() <= limits_.open) return;
  ++forgotten_;
  remove(open_.begin());
}

/// False for one that is new. A ping never is another's: the one before it has had its time.
bool Conversations::is_sent_again(const Reading& message, const Key& same) {
  const auto found = same_.find(same);
  if (found == same_.end()) return false;
  const Place place = found->second;
  if (is_ping(message.message().name)) {
    close(place, Outcome::unanswered);
    return false;
  }
  ++place->conversation.attempts;
  place->conversation.last_attempt = message.message().time;
  if (!place->conversation.selected) place->conversation.selected = is_selected(message);
  if (is_refused(message.message())) close(place, Outcome::refused);
  return true;
}

Outcome Conversations::silence_of(const Conversation& conversation) const {
  const bool is_update = conversation.kind == kUpdate ||
                         conversation.kind == "mesos.v1.executor.Call/UPDATE" ||
                         conversation.kind == "mesos.v1.scheduler.Event/UPDATE";
  const std::string_view framework = conversation.keys.framework;
  if (is_update && ended_frameworks_.contains(KeyMaker::of(framework))) return Outcome::ended;
  return conversation.attempts > 1 ? Outcome::resent : Outcome::unanswered;
}

void Conversations::finish(Time end) {
  while (!open_.empty()) {
    const Conversation& oldest = open_.front().conversation;
    auto outcome = silence_of(oldest);
    if (outcome == Outcome::unanswered && end - oldest.last_attempt <= patience(oldest.kind))
      outcome = Outcome::open;
    close(open_.begin(), outcome);
  }
}

void Conversations::close(Place place, Outcome outcome) {
  place->conversation.outcome = outcome;
  const Conversation told = std::move(place->conversation);
  remove(place);
  tell_(told);
}

void Conversations::enqueue(Due& due) {
  Queue& queue = due_[due.key];
  ++waiting_[due.pair];
  due.before = queue.last;
  (queue.last == nullptr ? queue.first : queue.last->after) = &due;
  queue.last = &due;
}

void Conversations::dequeue(const Due& due) {
  --waiting_[due.pair];
  const auto found = due_.find(due.key);
  Queue& queue = found->second;
  (due.before == nullptr ? queue.first : due.before->after) = due.after;
  (due.after == nullptr ? queue.last : due.after->before) = due.before;
  if (queue.first == nullptr) due_.erase(found);
}

void Conversations::remove(Place place) {
  for (const Due& due : place->due) dequeue(due);
  if (const auto found = same_.find(place->same); found != same_.end() && found->second == place)
    same_.erase(found);
  open_.erase(place);
}

}  // namespace compactor::trace
