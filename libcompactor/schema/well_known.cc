#include "schema/well_known.h"

#include <google/protobuf/util/json_util.h>

namespace compactor::schema {
namespace pb = google::protobuf;

bool is_well_known(const pb::Descriptor& type) {
  return type.well_known_type() != pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED;
}

bool append_well_known(const Catalog& catalog, const pb::Descriptor& type, std::string_view bytes,
                       std::string& json) {
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
