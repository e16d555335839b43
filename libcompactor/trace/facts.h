// What is known of the conversations of Mesos: pairs.tsv, entities.tsv, says.tsv and reasons.tsv,
// read. A table
// is data: a new message is a new line there.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace compactor::trace {

/// What a message has to be. Its path is one of FieldPicker's.
struct Condition {
  enum class Kind : std::uint8_t { set, unset, equal, unequal, from, to };
  Kind kind = Kind::set;
  std::string_view path{};
  std::vector<std::string_view> values{};  // any of them; of from and to a role
};

/// What stands in the request as in the answer.
struct Join {
  std::vector<std::string_view> asked;  // the first of these that is set
  std::string_view answered;
  bool optional = false;  // it says nothing where the request has none
};

/// What an answer means to the request.
enum class Effect : std::uint8_t {
  ok,       // answered
  fail,     // refused
  forward,  // passed on
  effect,   // a consequence that may come
  end,      // no answer is due any more
};

/// Which end of the answer is which end of the request; none: any will do.
enum class End : std::uint8_t { none, sender, receiver, field };

struct Pair {
  std::string_view request;
  std::vector<Condition> request_when;
  std::string_view answer;
  std::vector<Condition> answer_when;
  Effect effect = Effect::ok;
  std::vector<Join> fields;
  End answer_from = End::none;
  End answer_to = End::none;  // field: the `pid` in the request, or its sender
};

/// What an id is one of.
enum class Kind : std::uint8_t { master, agent, framework, executor, task, offer, operation, uuid };
std::string_view to_string(Kind kind);

struct IdPath {
  Kind kind;
  std::string_view path;
};

/// The tables. Not changed after they were read; the views are of the program's own data.
class Facts {
 public:
  Facts();

  const std::vector<Pair>& pairs() const { return pairs_; }
  /// Where ids stand in messages of that name; empty for a name that the table does not have.
  const std::vector<IdPath>& ids(std::string_view message) const;
  /// What it says, see says.tsv; empty for a name that the table does not have.
  std::string_view phrase(std::string_view message) const;
  /// What a REASON_… of a task's state points to; empty for one that the table does not have.
  std::string_view hint_of_reason(std::string_view reason) const;

 private:
  std::vector<Pair> pairs_;
  std::unordered_map<std::string_view, std::vector<IdPath>> ids_;
  std::unordered_map<std::string_view, std::string_view> phrases_;
  std::unordered_map<std::string_view, std::string_view> reasons_;
};

}  // namespace compactor::trace
