// The types of Mesos as an earlier release had them: descriptors, made of the history when they are
// asked for.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/history.h"

namespace compactor::schema {

/// Which top-level types refer to each other in a circle, so that one file has to have them all.
class TypeGroups {
 public:
  explicit TypeGroups(const History& history);
  /// The name of the group of a top-level type: the type of it that comes first.
  std::string_view of(std::string_view type) const;
  /// The types of a group.
  const std::vector<const FormerType*>& members(std::string_view group) const;

 private:
  std::unordered_map<std::string_view, std::string_view> group_;
  std::unordered_map<std::string_view, std::vector<const FormerType*>> members_;
};

/// The schemas of all releases. What is not known of an old type (defaults, options) is left out; a
/// field of a type that is not in the history is one of bytes. Descriptors live as long as this.
/// Not for two threads at once.
class OldSchemas {
 public:
  OldSchemas();
  ~OldSchemas();
  OldSchemas(const OldSchemas&) = delete;
  OldSchemas& operator=(const OldSchemas&) = delete;

  const History& history() const { return history_; }

  /// The message type as of that release; null when it had none of that name.
  const google::protobuf::Descriptor* find(std::string_view type, Release release);
  /// The same as of the last release that had it.
  const google::protobuf::Descriptor* find_last(std::string_view type);

  /// The releases after which a field that a message of that type can hold, however deep, was
  /// removed, or got another number, type or meaning; the newest first. As of these, such a message
  /// may read otherwise than it does now.
  const std::vector<Release>& ends_of(std::string_view type);

  /// The release of a descriptor that came from here; -1 for another one.
  Release release_of(const google::protobuf::Descriptor& type) const;
  /// An empty message of such a type, owned by the caller.
  std::unique_ptr<google::protobuf::Message> make(const google::protobuf::Descriptor& type);

 private:
  class Schema;
  Schema& schema(Release release);

  History history_;
  TypeGroups groups_{history_};
  std::map<Release, std::unique_ptr<Schema>> schemas_;
  std::unordered_map<std::string_view, std::vector<Release>> ends_;  // by the names in history_
};

}  // namespace compactor::schema
