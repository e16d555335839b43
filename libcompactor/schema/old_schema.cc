#include "schema/old_schema.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;

/// The outermost type that the name is in, or itself: packages are in lower case, types are not.
std::string_view top_level(std::string_view name) {
  for (std::size_t start = 0;;) {
    const auto dot = name.find('.', start);
    if (dot == std::string_view::npos) return name;
    if (std::isupper(static_cast<unsigned char>(name[start])) != 0) return name.substr(0, dot);
    start = dot + 1;
  }
}

std::string last_part(std::string_view name) {
  return std::string(name.substr(name.rfind('.') + 1));  // npos + 1 is 0: the whole name
}

std::string_view package_of(std::string_view top) {
  return top.substr(0, top.rfind('.'));
}

bool is_within(std::string_view name, std::string_view outer) {
  return name.size() > outer.size() && name.starts_with(outer) && name[outer.size()] == '.';
}

/// The type of a field of that name in .proto; TYPE_MESSAGE for others.
pb::FieldDescriptorProto::Type scalar_type(std::string_view name) {
  for (int i = 1; i <= pb::FieldDescriptor::MAX_TYPE; ++i) {
    if (name == pb::FieldDescriptor::TypeName(static_cast<pb::FieldDescriptor::Type>(i)))
      return static_cast<pb::FieldDescriptorProto::Type>(i);
  }
  return pb::FieldDescriptorProto::TYPE_MESSAGE;
}

/// The type of the values of a map, else of the field.
std::string_view value_type(const FormerField& field) {
  return field.label == "map" ? field.type.substr(field.type.find(',') + 1) : field.type;
}

/// FrameworkInfo.offer_filters -> OfferFiltersEntry, as protoc names the entries of maps.
std::string entry_name(std::string_view field) {
  std::string name;
  bool start = true;
  for (const char c : field) {
    if (c != '_') name += start ? static_cast<char>(std::toupper(c)) : c;
    start = c == '_';
  }
  return name + "Entry";
}

/// Makes the file of a group of top-level types as of a release.
class FileMaker {
 public:
  FileMaker(const History& history, const TypeGroups& groups, Release release,
            pb::FileDescriptorProto& file)
      : history_(history), groups_(groups), release_(release), file_(file) {}

  /// False when the release has none of these types.
  bool make(std::string_view group) {
    file_.Clear();
    file_.set_name(std::string(group));
    file_.set_package(std::string(package_of(group)));
    for (const FormerType* type : groups_.members(group)) {
      if (!is_there(*type)) continue;
      if (type->is_enum)
        add_values(*type, *file_.add_enum_type());
      else
        add_fields(*type, *file_.add_message_type());
    }
    for (const std::string& other : imports_) file_.add_dependency(other);
    return file_.message_type_size() + file_.enum_type_size() > 0;
  }

 private:
  /// protobuf has no enum without values.
  bool is_there(const FormerType& type) const {
    if (!type.is_enum) return type.span.covers(release_);
    return std::any_of(type.fields.begin(), type.fields.end(),
                       [&](const FormerField& value) { return value.span.covers(release_); });
  }

  void add_values(const FormerType& type, pb::EnumDescriptorProto& made) const {
    made.set_name(last_part(type.name));
    std::set<int> numbers;
    for (const FormerField& value : type.fields) {
      if (!value.span.covers(release_)) continue;
      auto& added = *made.add_value();
      added.set_name(std::string(value.name));
      added.set_number(value.number);
      if (!numbers.insert(value.number).second) made.mutable_options()->set_allow_alias(true);
    }
  }

  void add_fields(const FormerType& type, pb::DescriptorProto& made) {
    made.set_name(last_part(type.name));
    for (const FormerField& field : type.fields) {
      if (!field.span.covers(release_)) continue;
      auto& added = *made.add_field();
      added.set_name(std::string(field.name));
      added.set_number(field.number);
      if (field.label == "map")
        set_map(type, field, made, added);
      else
        set_type(field, added);
    }
    for (const FormerType& nested : history_.types()) {
      if (!is_within(nested.name, type.name) || !is_there(nested) ||
          nested.name.find('.', type.name.size() + 1) != std::string_view::npos)
        continue;
      if (nested.is_enum)
        add_values(nested, *made.add_enum_type());
      else
        add_fields(nested, *made.add_nested_type());
    }
  }

  void set_type(const FormerField& field, pb::FieldDescriptorProto& made) {
    made.set_label(field.label == "required"   ? pb::FieldDescriptorProto::LABEL_REQUIRED
                   : field.label == "repeated" ? pb::FieldDescriptorProto::LABEL_REPEATED
                                               : pb::FieldDescriptorProto::LABEL_OPTIONAL);
    set_type(field.type, made);
  }

  void set_type(std::string_view name, pb::FieldDescriptorProto& made) {
    made.set_type(scalar_type(name));
    if (made.type() != pb::FieldDescriptorProto::TYPE_MESSAGE) return;
    const FormerType* type = history_.find(name);
    if (type == nullptr || !is_there(*type)) {
      made.set_type(type != nullptr && type->is_enum ? pb::FieldDescriptorProto::TYPE_INT32
                                                     : pb::FieldDescriptorProto::TYPE_BYTES);
      return;
    }
    if (type->is_enum) made.set_type(pb::FieldDescriptorProto::TYPE_ENUM);
    made.set_type_name(std::string(".").append(name));
    const std::string other(groups_.of(top_level(name)));
    if (other != file_.name()) imports_.insert(other);
  }

  void set_map(const FormerType& type, const FormerField& field, pb::DescriptorProto& made,
               pb::FieldDescriptorProto& added) {
    auto& entry = *made.add_nested_type();
    entry.set_name(entry_name(field.name));
    entry.mutable_options()->set_map_entry(true);
    const auto add = [&](const char* name, int number, std::string_view of) {
      auto& part = *entry.add_field();
      part.set_name(name);
      part.set_number(number);
      part.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
      set_type(of, part);
    };
    add("key", 1, field.type.substr(0, field.type.find(',')));
    add("value", 2, value_type(field));
    added.set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
    added.set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
    added.set_type_name(std::string(".").append(type.name).append(".").append(entry.name()));
  }

  const History& history_;
  const TypeGroups& groups_;
  Release release_;
  pb::FileDescriptorProto& file_;
  std::set<std::string> imports_;
};

/// Names of the history that a message of the type can hold, itself among them.
void add_held(const History& history, const FormerType& type,
              std::unordered_map<std::string_view, const FormerType*>& held) {
  if (!held.emplace(type.name, &type).second) return;
  for (const FormerField& field : type.fields) {
    if (const FormerType* other = history.find(value_type(field))) add_held(history, *other, held);
  }
}

}  // namespace

/// One release: a pool that has the types made for it when they are asked for, one small file for
/// each top-level type, or for a few that refer to each other.
class OldSchemas::Schema : private pb::DescriptorDatabase {
 public:
  Schema(const History& history, const TypeGroups& groups, Release release)
      : history_(history), groups_(groups), release_(release) {}

  const pb::Descriptor* find(std::string_view type) {
    return pool_.FindMessageTypeByName(std::string(type));
  }
  bool owns(const pb::Descriptor& type) const { return type.file()->pool() == &pool_; }
  pb::DynamicMessageFactory& factory() { return factory_; }

 private:
  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* file) override {
    return FileMaker(history_, groups_, release_, *file).make(name);
  }
  bool FindFileContainingSymbol(const std::string& symbol, pb::FileDescriptorProto* file) override {
    return FindFileByName(std::string(groups_.of(top_level(symbol))), file);
  }
  bool FindFileContainingExtension(const std::string&, int, pb::FileDescriptorProto*) override {
    return false;
  }

  const History& history_;
  const TypeGroups& groups_;
  Release release_;
  pb::DescriptorPool pool_{this};
  pb::DynamicMessageFactory factory_{&pool_};
};

namespace {

/// For each top-level type the others that its fields refer to, by their places in `tops`.
std::vector<std::vector<std::size_t>> references(const History& history,
                                                 const std::vector<std::string_view>& tops) {
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < tops.size(); ++i) place.emplace(tops[i], i);
  std::vector<std::vector<std::size_t>> to(tops.size());
  for (const FormerType& type : history.types()) {
    const std::size_t from = place.at(top_level(type.name));
    for (const FormerField& field : type.fields) {
      const auto found = place.find(top_level(value_type(field)));
      if (found != place.end() && found->second != from) to[from].push_back(found->second);
    }
  }
  return to;
}

std::vector<bool> reached_from(std::size_t start, const std::vector<std::vector<std::size_t>>& to) {
  std::vector<bool> reached(to.size());
  std::vector<std::size_t> left{start};
  while (!left.empty()) {
    const std::size_t at = left.back();
    left.pop_back();
    if (reached[at]) continue;
    reached[at] = true;
    left.insert(left.end(), to[at].begin(), to[at].end());
  }
  return reached;
}

}  // namespace

TypeGroups::TypeGroups(const History& history) {
  std::vector<std::string_view> tops;
  for (const FormerType& type : history.types()) {
    if (top_level(type.name) == type.name) tops.push_back(type.name);
  }
  const auto to = references(history, tops);
  std::vector<std::vector<bool>> reached;
  reached.reserve(tops.size());
  for (std::size_t i = 0; i < tops.size(); ++i) reached.push_back(reached_from(i, to));
  for (std::size_t i = 0; i < tops.size(); ++i) {
    std::size_t first = 0;  // a file has one package
    while (
        !(reached[i][first] && reached[first][i] && package_of(tops[first]) == package_of(tops[i])))
      ++first;
    group_.emplace(tops[i], tops[first]);
    members_[tops[first]].push_back(history.find(tops[i]));
  }
}

std::string_view TypeGroups::of(std::string_view type) const {
  const auto found = group_.find(type);
  return found == group_.end() ? type : found->second;
}

const std::vector<const FormerType*>& TypeGroups::members(std::string_view group) const {
  static const std::vector<const FormerType*> none;
  const auto found = members_.find(group);
  return found == members_.end() ? none : found->second;
}

OldSchemas::OldSchemas() = default;
OldSchemas::~OldSchemas() = default;

OldSchemas::Schema& OldSchemas::schema(Release release) {
  auto& slot = schemas_[release];
  if (!slot) slot = std::make_unique<Schema>(history_, groups_, release);
  return *slot;
}

const pb::Descriptor* OldSchemas::find(std::string_view type, Release release) {
  const FormerType* known = history_.find(type);
  if (known == nullptr || known->is_enum || !known->span.covers(release)) return nullptr;
  return schema(release).find(type);
}

const pb::Descriptor* OldSchemas::find_last(std::string_view type) {
  const FormerType* known = history_.find(type);
  return known == nullptr ? nullptr : find(type, known->span.until);
}

const std::vector<Release>& OldSchemas::ends_of(std::string_view type) {
  static const std::vector<Release> none;
  const FormerType* known = history_.find(type);
  if (known == nullptr) return none;
  const auto [slot, added] = ends_.try_emplace(known->name);
  if (!added) return slot->second;
  std::unordered_map<std::string_view, const FormerType*> held;
  add_held(history_, *known, held);
  std::set<Release, std::greater<>> ends;
  for (const auto& [name, other] : held) {
    for (const FormerField& field : other->fields) {
      if (field.span.until < history_.newest() && known->span.covers(field.span.until))
        ends.insert(field.span.until);
    }
  }
  slot->second.assign(ends.begin(), ends.end());
  return slot->second;
}

Release OldSchemas::release_of(const pb::Descriptor& type) const {
  for (const auto& [release, schema] : schemas_) {
    if (schema->owns(type)) return release;
  }
  return -1;
}

std::unique_ptr<pb::Message> OldSchemas::make(const pb::Descriptor& type) {
  auto& owner = schema(release_of(type));
  return std::unique_ptr<pb::Message>(owner.factory().GetPrototype(&type)->New());
}

}  // namespace compactor::schema
