#include "schema/well_known.h"

#include <google/protobuf/util/json_util.h>

namespace compactor::schema {
namespace pb = google::protobuf;

namespace {

bool same_fields(const pb::Descriptor& a, const pb::Descriptor& b) {
  if (a.field_count() != b.field_count()) return false;
  for (int i = 0; i < a.field_count(); ++i) {
    const pb::FieldDescriptor* field = b.FindFieldByNumber(a.field(i)->number());
    if (field == nullptr || field->type() != a.field(i)->type() ||
        field->label() != a.field(i)->label() || field->name() != a.field(i)->name())
      return false;
  }
  return true;
}

/// protobuf recurses, and copies the rest, for each Any in an Any: a peer could make that gigabytes
/// and no end of stack.
bool nests_too_much(std::string_view bytes) {
  constexpr std::string_view url = "type.googleapis.com/";
  constexpr std::size_t most_copied = 16 << 20;
  std::size_t copied = 0;
  for (std::size_t at = bytes.find(url); at != std::string_view::npos;
       at = bytes.find(url, at + url.size())) {
    copied += bytes.size() - at;
    if (copied > most_copied) return true;
  }
  return false;
}

}  // namespace

bool is_well_known(const pb::Descriptor& type) {
  if (type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED) return false;
  // A user's file may have the name for something else.
  const auto* googles =
      pb::DescriptorPool::generated_pool()->FindMessageTypeByName(type.full_name());
  return googles != nullptr && same_fields(type, *googles);
}

bool append_well_known(const Catalog& catalog, const pb::Descriptor& type, std::string_view bytes,
                       std::string& json) {
  if (nests_too_much(bytes)) return false;
  const pb::LogSilencer quiet;
  const auto message = catalog.make(type);
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !pb::util::MessageToJsonString(*message, &text, options).ok()) {
    return false;
  }
  // protobuf also prints what is not valid: a Duration of mixed signs as another one, an Any that
  // holds a Value without a kind as text that is not JSON. What reads back as the same bytes is
  // right.
  std::string again;
  std::string why;
  if (!read_well_known(catalog, type, text, again, why) || again != bytes) return false;
  json += text;
  return true;
}

bool read_well_known(const Catalog& catalog, const pb::Descriptor& type, const std::string& json,
                     std::string& bytes, std::string& why) {
  const pb::LogSilencer quiet;
  const auto message = catalog.make(type);
  const auto status = pb::util::JsonStringToMessage(json, message.get());
  if (!status.ok()) {
    why = std::string(status.message());
    return false;
  }
  bytes = bytes_of(*message);
  return true;
}

}  // namespace compactor::schema
