#include "filter/type_hint.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>

#include "text/glob.h"
#include "text/nearest.h"

namespace tool {

namespace {

using compactor::schema::Catalog;
using compactor::text::did_you_mean;
using compactor::text::is_glob;
using compactor::text::nearest;
using google::protobuf::FieldDescriptor;

std::string sentence(const std::string& what, const std::vector<std::string>& near) {
  return near.empty() ? what : what + "; " + did_you_mean(near);
}

/// Of all known types, by folded name. It takes the whole schema, so it is made when needed only.
class FieldNames {
 public:
  explicit FieldNames(const Catalog& catalog) {
    for (const auto& name : catalog.list()) {
      const auto* type = catalog.find(name);
      for (int i = 0; type != nullptr && i < type->field_count(); ++i)
        fields_[folded_name(type->field(i)->name())].push_back(type->field(i));
    }
  }

  const std::vector<const FieldDescriptor*>* find(const std::string& name) const {
    const auto found = fields_.find(folded_name(name));
    return found == fields_.end() ? nullptr : &found->second;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [folded, fields] : fields_) all.push_back(fields.front()->name());
    return all;
  }

 private:
  std::map<std::string, std::vector<const FieldDescriptor*>> fields_;
};

/// An index too.
bool is_number(const std::string& step) {
  return step.find_first_not_of("0123456789") == std::string::npos;
}

/// The values of the enums that a field of that name may be of; empty when it may be anything else.
std::vector<std::string> enum_values(const std::vector<const FieldDescriptor*>& fields) {
  std::vector<std::string> values;
  for (const auto* field : fields) {
    if (field->message_type() != nullptr) continue;  // holds no value of its own
    if (field->enum_type() == nullptr) return {};
    for (int i = 0; i < field->enum_type()->value_count(); ++i)
      values.push_back(field->enum_type()->value(i)->name());
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

void judge(const FieldMatch& match, const FieldNames& known, std::vector<std::string>& hints) {
  const std::vector<const FieldDescriptor*>* last = nullptr;
  for (const auto& step : match.path().steps()) {
    if (is_number(step)) continue;
    last = known.find(step);
    if (last != nullptr) continue;
    hints.push_back(sentence("--match " + match.text() + ": no known type has a field " + step,
                             nearest(step, known.names())));
    return;
  }
  if (last == nullptr || match.kind() != FieldMatch::Kind::equal || is_glob(match.value())) return;
  const auto values = enum_values(*last);
  if (values.empty() || std::find(values.begin(), values.end(), match.value()) != values.end())
    return;
  if (is_number(match.value())) return;  // what an enum does not know is a number in JSON
  hints.push_back(sentence("--match " + match.text() + ": of no known type " +
                               match.path().steps().back() + " is ever " + match.value(),
                           nearest(match.value(), values)));
}

/// As they may be typed: StatusUpdate for StatusUpdateMessage.
std::vector<std::string> with_short_names(std::vector<std::string> types) {
  constexpr std::string_view suffix = "Message";
  const auto count = types.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (types[i].ends_with(suffix))
      types.push_back(types[i].substr(0, types[i].size() - suffix.size()));
  }
  return types;
}

/// What tells calls and events apart, as in OFFERS.
std::vector<std::string> kinds(const std::vector<std::string>& types, const Catalog& catalog) {
  std::vector<std::string> all;
  for (const auto& name : types) {
    if (!has_kinds(name) && !name.ends_with(".ProcessIO")) continue;
    const auto* type = catalog.find(name);
    const auto* field = type == nullptr ? nullptr : type->FindFieldByName("type");
    if (field == nullptr || field->enum_type() == nullptr) continue;
    for (int i = 0; i < field->enum_type()->value_count(); ++i)
      all.push_back(field->enum_type()->value(i)->name());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

/// A name without a dot is anybody's, unless it is nearly one of those that are known.
void judge(const std::string& name, const std::vector<std::string>& types,
           const std::vector<std::string>& kinds, std::vector<std::string>& hints) {
  const auto plain = name.substr(0, name.find('/'));
  if (plain.empty() || is_glob(name)) return;
  const auto is_known = [&](const std::string& type) { return name_matches(plain, type); };
  if (std::any_of(types.begin(), types.end(), is_known)) return;
  if (std::find(kinds.begin(), kinds.end(), name) != kinds.end()) return;
  auto candidates = kinds;
  const auto names = with_short_names(types);
  candidates.insert(candidates.end(), names.begin(), names.end());
  const auto near = nearest(plain, candidates);
  const bool qualified = plain.find('.') != std::string::npos;
  if (!qualified && near.empty()) return;
  hints.push_back(sentence("--name " + name + ": no known type is called " + plain, near));
}

}  // namespace

std::vector<std::string> type_hints(const MessageFilter& filter, const Catalog& catalog) {
  std::vector<std::string> hints;
  const auto types = filter.name.empty() ? std::vector<std::string>() : catalog.list();
  const auto known_kinds = kinds(types, catalog);
  for (const auto& name : filter.name) judge(name, types, known_kinds, hints);
  if (filter.fields.empty()) return hints;
  const FieldNames known(catalog);
  for (const auto& field : filter.fields) judge(field, known, hints);
  return hints;
}

}  // namespace tool
