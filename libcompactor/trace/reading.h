// A message of a capture, and what of its body the stories need.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/catalog.h"
#include "trace/facts.h"
#include "trace/field_picker.h"
#include "trace/role.h"
#include "trace/says.h"

namespace compactor::trace {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// As it was seen on the wire. Views: whoever keeps one keeps what they are of.
struct Message {
  Time time{};              // of its first byte
  std::string_view from{};  // PIDs
  std::string_view to{};
  std::string_view name{};  // of its type
  std::string_view body{};  // protobuf; up to the first byte that is missing
  std::uint64_t conn = 0;
  std::uint64_t seq = 0;        // in its connection and direction
  std::size_t size = 0;         // of the whole body
  std::optional<int> status{};  // of the HTTP answer
  bool partial = false;
  std::string_view trouble{};  // why the body is not what its name says, where that is known
};

/// An id that a message bears.
struct Id {
  Kind kind;
  std::string_view text;
  bool binary = false;  // bytes, as a UUID is, and not text
};

/// The name behind mesos.internal; empty for another.
std::string_view internal_name(std::string_view name);

class Reading;
/// A framework, or an operator, asks that the framework and all its tasks end.
bool asks_for_teardown(const Reading& message);

struct ReadPlan;

/// A message with the values that the tables speak of. Refers to the message and to its reader.
class Reading {
 public:
  const Message& message() const { return *message_; }
  Role from() const { return from_; }
  Role to() const { return to_; }

  /// Whether anything stands at that path.
  bool has(std::string_view path) const;
  /// The first value there, as append_value() has it; empty when there is none.
  std::string value(std::string_view path) const;
  /// All of them.
  std::vector<std::string> values(std::string_view path) const;
  /// Calls `f` with each, as it is encoded.
  template <class F>
  void for_each(std::string_view path, F&& f) const {
    const std::size_t number = number_of(path);
    for (const Picked& value : picked_)
      if (value.path == number) f(value);
  }
  /// Whether all the conditions hold.
  bool meets(const std::vector<Condition>& conditions) const;

  /// In the order of the table; none that is longer than an id of Mesos can be.
  const std::vector<Id>& ids() const { return ids_; }
  /// The first id of that kind; empty when there is none.
  std::string_view id(Kind kind) const;
  /// `mesos.scheduler.Call/ACCEPT` where a type tells, else the name.
  std::string kind() const;
  /// One phrase of what it says; from peers: any text may be in it.
  std::string says() const;
  /// Null for one that is not known.
  const google::protobuf::Descriptor* type() const;
  /// The body could not be read to its end, and not for want of bytes.
  bool misread() const { return misread_; }

 private:
  friend class Reader;
  bool meets(const Condition& condition) const;
  /// Of a path; of one that is not picked a number that no value has.
  std::size_t number_of(std::string_view path) const;

  const Message* message_ = nullptr;
  const ReadPlan* plan_ = nullptr;  // null for a type that is not known
  Role from_ = Role::unknown;
  Role to_ = Role::unknown;
  std::vector<Picked> picked_;
  std::vector<Id> ids_;
  bool misread_ = false;
};

/// Reads messages; one at a time, each before the next.
class Reader {
 public:
  /// Both outlive it.
  Reader(const Facts& facts, const schema::Catalog& catalog);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Valid until the next call, and as long as the message is.
  const Reading& read(const Message& message);
  /// The message at hand is about that, too, as its connection tells. The text has to live as long.
  void add_id(Kind kind, std::string_view text) { reading_.ids_.push_back({kind, text}); }

  /// Rows of the pairs table by name: those that it asks, and those that it answers.
  const std::vector<const Pair*>& asked_by(std::string_view name) const;
  const std::vector<const Pair*>& answered_by(std::string_view name) const;

 private:
  const ReadPlan* plan_of(std::string_view name);
  std::unique_ptr<ReadPlan> make(std::string_view name) const;

  const Facts& facts_;
  const schema::Catalog& catalog_;
  std::unordered_map<std::string_view, std::vector<const Pair*>> asked_;
  std::unordered_map<std::string_view, std::vector<const Pair*>> answered_;
  std::unordered_map<std::string, std::unique_ptr<ReadPlan>> plans_;  // of types that are known
  Reading reading_;
};

}  // namespace compactor::trace
