#include "schema/plan.h"

#include <algorithm>

#include "schema/well_known.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;

constexpr std::uint32_t direct_numbers = 128;

/// google.protobuf.Struct and what it is made of.
bool is_bare(const pb::Descriptor& type) {
  if (!is_well_known(type)) return false;
  const auto known = type.well_known_type();
  return known == pb::Descriptor::WELLKNOWNTYPE_STRUCT ||
         known == pb::Descriptor::WELLKNOWNTYPE_LISTVALUE ||
         known == pb::Descriptor::WELLKNOWNTYPE_VALUE;
}

bool before(const FieldPlan& field, std::uint32_t number) {
  return field.number < number;
}

}  // namespace

const std::string* EnumPlan::name(std::int32_t number) const {
  const auto found =
      std::lower_bound(names.begin(), names.end(), number,
                       [](const auto& entry, std::int32_t n) { return entry.first < n; });
  return found != names.end() && found->first == number ? &found->second : nullptr;
}

const FieldPlan* TypePlan::find_high(std::uint32_t number) const {
  const auto found = std::lower_bound(fields.begin(), fields.end(), number, before);
  return found != fields.end() && found->number == number ? &*found : nullptr;
}

const TypePlan& Plans::of(const pb::Descriptor& type) {
  auto& slot = types_[&type];
  if (slot) return *slot;
  slot = std::make_unique<TypePlan>();
  TypePlan& plan = *slot;  // in place before its fields are made: types refer to themselves
  plan.descriptor = &type;
  plan.well_known = is_well_known(type);
  plan.bare = is_bare(type);
  plan.has_kinds = plan.bare && type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_VALUE;
  for (int i = 0; i < type.field_count(); ++i) {
    plan.fields.push_back(make_field(*type.field(i)));
    plan.required += static_cast<unsigned>(type.field(i)->is_required());
  }
  std::sort(plan.fields.begin(), plan.fields.end(),
            [](const FieldPlan& a, const FieldPlan& b) { return a.number < b.number; });
  plan.by_number.resize(direct_numbers);
  for (const FieldPlan& field : plan.fields) {
    if (field.number < direct_numbers) plan.by_number[field.number] = &field;
    plan.by_name.emplace(field.descriptor->name(), &field);
  }
  for (const FieldPlan& field : plan.fields) {
    plan.by_name.emplace(field.descriptor->json_name(), &field);  // an original name goes first
  }
  return plan;
}

FieldPlan Plans::make_field(const pb::FieldDescriptor& field) {
  FieldPlan plan;
  plan.descriptor = &field;
  plan.number = static_cast<std::uint32_t>(field.number());
  plan.type = field.type();
  plan.wire = wire_of(field.type());
  plan.repeated = field.is_repeated();
  plan.packable = field.is_packable();
  plan.packed = field.is_packed();
  plan.map = field.is_map();
  plan.required = field.is_required();
  plan.presence = field.has_presence();
  if (const pb::OneofDescriptor* oneof = field.real_containing_oneof()) plan.oneof = oneof->index();
  plan.name = field.name();
  plan.key = ",\"" + field.name() + "\":";
  if (field.type() == pb::FieldDescriptor::TYPE_BYTES) {
    plan.inner = inner_rule(field.containing_type()->full_name(), field.name());
  }
  if (field.enum_type() != nullptr) plan.enumeration = &of(*field.enum_type());
  if (field.message_type() != nullptr) plan.message = &of(*field.message_type());
  return plan;
}

const EnumPlan& Plans::of(const pb::EnumDescriptor& type) {
  auto& slot = enums_[&type];
  if (slot) return *slot;
  slot = std::make_unique<EnumPlan>();
  slot->descriptor = &type;
  slot->is_null = type.full_name() == "google.protobuf.NullValue";
  for (int i = 0; i < type.value_count(); ++i) {
    slot->names.emplace_back(type.value(i)->number(), '"' + type.value(i)->name() + '"');
  }
  std::stable_sort(slot->names.begin(),
                   slot->names.end(),  // of two names of one number the first declared
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return *slot;
}

}  // namespace compactor::schema
