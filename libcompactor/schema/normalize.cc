#include "schema/normalize.h"

#include <google/protobuf/unknown_field_set.h>

#include <map>
#include <vector>

#include "schema/wire_format.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;

/// Sets the field to zero or empty if it is not there.
void complete(pb::Message& entry, const pb::FieldDescriptor& field) {
  if (entry.GetReflection()->HasField(entry, &field)) return;
  if (field.message_type() != nullptr) {
    entry.GetReflection()->MutableMessage(&entry, &field);
    return;
  }
  constexpr std::size_t zeros[] = {1, 8, 1, 0, 0, 4};  // of an encoded zero, by wire type
  const Wire wire = wire_of(field.type());
  std::string zero;
  append_tag(zero, static_cast<std::uint32_t>(field.number()), wire);
  zero.append(zeros[static_cast<std::size_t>(wire)], '\0');
  entry.MergeFromString(zero);
}

std::string key_bytes(const pb::Message& entry) {
  const std::unique_ptr<pb::Message> key(entry.New());
  key->CopyFrom(entry);
  key->GetReflection()->ClearField(key.get(), entry.GetDescriptor()->map_value());
  return bytes_of(*key);
}

/// DynamicMessage keeps the entries of a map as they came; this makes them those of a map.
void regularize_map(pb::Message& message, const pb::FieldDescriptor& field) {
  const pb::Reflection& reflection = *message.GetReflection();
  const int size = reflection.FieldSize(message, &field);
  std::map<std::string, int> last;
  std::vector<std::string> keys;
  for (int i = 0; i < size; ++i) {
    pb::Message& entry = *reflection.MutableRepeatedMessage(&message, &field, i);
    entry.DiscardUnknownFields();
    complete(entry, *field.message_type()->map_key());
    complete(entry, *field.message_type()->map_value());
    keys.push_back(key_bytes(entry));
    last[keys.back()] = i;
  }
  int kept = 0;
  for (int i = 0; i < size; ++i) {
    if (last[keys[static_cast<std::size_t>(i)]] == i)
      reflection.SwapElements(&message, &field, kept++, i);
  }
  for (int i = kept; i < size; ++i) reflection.RemoveLast(&message, &field);
}

void regularize_maps(pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->message_type() == nullptr) continue;
    if (field->is_map()) regularize_map(message, *field);
    if (!field->is_repeated()) {
      regularize_maps(*reflection.MutableMessage(&message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      regularize_maps(*reflection.MutableRepeatedMessage(&message, field, i));
    }
  }
}

}  // namespace

std::unique_ptr<pb::Message> normalized(const Catalog& catalog, const pb::Descriptor& type,
                                        std::string_view bytes, std::string& unknown) {
  const pb::LogSilencer quiet;
  auto message = catalog.make(type);
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) return nullptr;
  message->GetReflection()->GetUnknownFields(*message).SerializeToString(&unknown);
  message->DiscardUnknownFields();
  regularize_maps(*message);
  return message;
}

}  // namespace compactor::schema
