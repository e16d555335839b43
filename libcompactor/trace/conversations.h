// Which message answers which: conversations, made of one-way messages on several connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trace/key.h"
#include "trace/key_set.h"
#include "trace/reading.h"

namespace compactor::trace {

/// Where a message is, and whose.
struct Reference {
  Time time{};
  std::string name{};
  std::string from{};
  std::string to{};
  std::uint64_t conn = 0;
  std::uint64_t seq = 0;
};

enum class Outcome : std::uint8_t {
  answered,
  refused,     // by the answer that says so, or by the HTTP status
  unanswered,  // long after an answer would have come
  resent,      // sent again, and never answered
  open,        // an answer may yet come: the capture ends too soon to tell
  ended,       // no answer was due any more
};
std::string_view to_string(Outcome outcome);

/// The ids that tell what it is about; empty where it has none.
struct Keys {
  std::string task{};
  std::string agent{};
  std::string framework{};
  std::string executor{};
  std::string offer{};
  std::string uuid{};
};
Keys keys_of(const Reading& message);

struct Conversation {
  std::string kind{};                         // of its request, see Reading::kind()
  Reference request{};                        // the first, of several that are the same
  std::shared_ptr<const Reference> answer{};  // null: none; few have one while they are held
  std::vector<Reference> legs{};  // the same message passed on, and what else came of it
  Outcome outcome = Outcome::open;
  unsigned attempts = 1;  // how often it was sent
  Time last_attempt{};
  Keys keys{};
  bool selected = true;  // one of its messages is of the story that was asked for

  /// From the first request to the answer, by their first bytes.
  std::optional<std::chrono::nanoseconds> round_trip() const;
};

struct ConversationLimits {
  std::size_t open = 200'000;  // the oldest is forgotten
  std::size_t legs = 16;       // of one conversation
};

/// Whether a message is of the story that was asked for; empty: every one is.
using Selects = std::function<bool(const Reading&)>;

/// Pairs messages, which it gets in the order of their time. Bounded: what is forgotten is counted.
class Conversations {
 public:
  using Tell = std::function<void(const Conversation&)>;

  /// `tell` gets each conversation once, when nothing more can come of it. The reader outlives
  /// this.
  Conversations(const Reader& reader, Tell tell, ConversationLimits limits = {},
                Selects selects = {});

  void add(const Reading& message);
  /// The capture shows what came before this, and no more: the rest is told.
  void finish(Time end);
  /// HTTP has refused that message after it was added.
  void refuse(const Message& message);

  std::uint64_t forgotten() const { return forgotten_ + ended_frameworks_.forgotten(); }
  /// How long after its last attempt one of that kind may still be answered.
  static std::chrono::seconds patience(std::string_view kind);

 private:
  struct Open;
  using Place = std::list<Open>::iterator;
  /// One that waits for an answer with that key, in a queue with the others, the oldest first.
  struct Due {
    Key key{};
    const Pair* pair = nullptr;  // the row of its answer
    Place place{};
    Due* before = nullptr;
    Due* after = nullptr;
  };
  struct Queue {
    Due* first = nullptr;
    Due* last = nullptr;
  };
  struct Open {
    Conversation conversation;
    std::vector<Due> due;  // by what its answers are found; not changed once they are in queues
    Key same;              // what the same request has
    bool has_ok = false;   // there is an answer to it, and not only what it leads to
  };

  void answer(const Reading& message);
  void open(const Reading& message);
  bool is_selected(const Reading& message);
  bool is_sent_again(const Reading& message, const Key& same);
  void take_answer(const Reading& message, const Pair& pair, Place place);
  void end_acknowledgements(const Reading& message);
  Outcome silence_of(const Conversation& conversation) const;
  void close(Place place, Outcome outcome);
  void remove(Place place);
  void enqueue(Due& due);
  void dequeue(const Due& due);

  const Reader& reader_;
  Tell tell_;
  ConversationLimits limits_;
  Selects selects_;
  std::optional<bool> selected_;  // the message at hand
  std::list<Open> open_;          // in the order of their requests
  std::unordered_map<Key, Queue> due_;
  std::unordered_map<const Pair*, std::size_t> waiting_;  // how many there are in due_
  std::unordered_map<Key, Place> same_;
  KeySet ended_frameworks_;  // that were torn down
  std::uint64_t forgotten_ = 0;
};

Reference reference_of(const Message& message);

}  // namespace compactor::trace
