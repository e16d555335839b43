#include "commands/complete_types.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "schema/catalog.h"
#include "text/ascii.h"

namespace tool {

namespace {

namespace pb = google::protobuf;
using compactor::schema::Catalog;
using compactor::text::lower_case;

constexpr std::size_t shortest_part = 3;  // that is looked for anywhere in a name

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

/// Whether messages are named after it; most types are only parts of those.
bool is_sent(std::string_view name) {
  if (name == "mesos.scheduler.Call") return true;
  const auto last = last_part(name);
  return name.starts_with("mesos.internal.") &&
         (last.ends_with("Message") || last.ends_with("Request") || last.ends_with("Response"));
}

template <class Fits>
Candidates those(const std::vector<std::string>& names, bool sent, Fits&& fits) {
  Candidates out;
  for (const auto& name : names) {
    if (is_sent(name) == sent && fits(name))
      out.push_back({name, sent ? "message type" : "type, part of messages"});
  }
  return out;
}

/// Every field that a message which is sent may have in it, by name.
class Fields {
 public:
  Fields() {
    for (const auto& name : catalog_.list()) {
      if (is_sent(name)) add(catalog_.get(name));
    }
  }

  using Found = std::multimap<std::string, const pb::FieldDescriptor*>;
  const Found& all() const { return fields_; }
  /// Those of the messages that fields of that name hold.
  Found below(const std::string& name) const {
    Found found;
    const auto [begin, end] = fields_.equal_range(name);
    for (auto each = begin; each != end; ++each) {
      const auto* type = each->second->message_type();
      for (int i = 0; type != nullptr && i < type->field_count(); ++i)
        found.emplace(type->field(i)->name(), type->field(i));
    }
    return found;
  }

 private:
  void add(const pb::Descriptor& type) {
    if (!types_.insert(&type).second) return;
    for (int i = 0; i < type.field_count(); ++i) {
      fields_.emplace(type.field(i)->name(), type.field(i));
      if (type.field(i)->message_type() != nullptr) add(*type.field(i)->message_type());
    }
  }

  Catalog catalog_;
  std::set<const pb::Descriptor*> types_;
  Found fields_;
};

/// What the fields of that path may say, where these are few.
Candidates value_candidates(const Fields::Found& fields, const std::string& path) {
  std::set<std::string> values;
  const auto [begin, end] = fields.equal_range(std::string(last_part(path)));
  for (auto each = begin; each != end; ++each) {
    const auto& field = *each->second;
    if (field.type() == pb::FieldDescriptor::TYPE_BOOL) values.insert({"true", "false"});
    const auto* type = field.enum_type();
    for (int i = 0; type != nullptr && i < type->value_count(); ++i)
      values.insert(type->value(i)->name());
  }
  Candidates out;
  for (const auto& value : values) out.push_back({path + '=' + value, "value"});
  return out;
}

}  // namespace

Candidates type_candidates(const std::string& typed, bool all) {
  const auto names = Catalog().list();
  const auto begins = [&](const std::string& name) { return name.starts_with(typed); };
  auto found = those(names, true, begins);
  if (all || found.empty()) {
    for (auto& other : those(names, false, begins)) found.push_back(std::move(other));
  }
  if (!found.empty() || typed.empty()) return found;
  const auto part = lower_case(typed);
  const auto last_begins = [&](const std::string& name) {
    return lower_case(last_part(name)).starts_with(part);
  };
  const auto contains = [&](const std::string& name) {
    return lower_case(name).find(part) != std::string::npos;
  };
  for (const bool sent : {true, false}) {
    found = those(names, sent, last_begins);
    if (found.empty() && part.size() >= shortest_part) found = those(names, sent, contains);
    if (!found.empty()) return found;
  }
  return found;
}

Candidates match_candidates(const std::string& typed) {
  const Fields fields;
  const auto path = typed.substr(0, typed.find('='));
  const auto dot = path.rfind('.');
  const auto before = dot == std::string::npos ? std::string() : path.substr(0, dot);
  const auto possible =
      before.empty() ? fields.all() : fields.below(std::string(last_part(before)));
  if (path.size() < typed.size()) return value_candidates(possible, path);
  Candidates out;
  std::set<std::string> seen;
  for (const auto& [name, field] : possible) {
    const auto* type = field->message_type();
    const auto text = (before.empty() ? "" : before + '.') + name + (type != nullptr ? '.' : '=');
    if (seen.insert(text).second)
      out.push_back({text, type != nullptr ? type->full_name() : field->type_name()});
  }
  return out;
}

}  // namespace tool
