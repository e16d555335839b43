// What the types of Mesos were in its earlier releases: protos/history.tsv, read. A type there is
// known by names and numbers only; old_schema.h makes descriptors of it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace compactor::schema {

/// The place of a release in History::releases(), the oldest is 0.
using Release = int;

/// From the first release with something to the last one with it.
struct Span {
  Release since = 0;
  Release until = 0;
  bool covers(Release release) const { return since <= release && release <= until; }
};

/// One form of a field or of an enum value. What changed its form is there once for each.
struct FormerField {
  std::string_view name;
  std::string_view label;  // required, optional, repeated or map; of an enum value empty
  std::string_view type;   // full name, or as in .proto; of a map the key's and the value's, with a
                           // comma; of an enum value empty
  int number = 0;
  Span span;
  std::string_view deprecated;  // since which release; the word itself where that is not known
};

struct FormerType {
  std::string_view name;  // full
  bool is_enum = false;
  Span span;
  std::vector<FormerField> fields;  // or the values of an enum
};

/// The whole table. Not changed after it was made.
class History {
 public:
  History();

  /// Null for a type that the table does not have.
  const FormerType* find(std::string_view name) const;
  /// Names, the oldest first; the last one is "master", which is no release yet.
  const std::vector<std::string_view>& releases() const { return releases_; }
  Release newest() const { return static_cast<Release>(releases_.size()) - 1; }
  std::string name(Release release) const {
    return std::string(releases_[static_cast<std::size_t>(release)]);
  }
  /// The release of that name; -1 for none.
  Release release(std::string_view name) const;
  /// All types, in the order of their names.
  const std::vector<FormerType>& types() const { return types_; }

 private:
  std::vector<std::string_view> releases_;
  std::vector<FormerType> types_;
  std::unordered_map<std::string_view, const FormerType*> by_name_;
};

}  // namespace compactor::schema
