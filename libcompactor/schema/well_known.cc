#include "schema/well_known.h"

#include <google/protobuf/util/json_util.h>

namespace compactor::schema {
namespace pb = google::protobuf;

bool is_well_known(const pb::Descriptor& type) {
  return type.well_known_type() != pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED;
}

WellKnownForm append_well_known(const Catalog& catalog, const pb::Descriptor& type,
                                std::string_view bytes, std::string& json) {
  const pb::LogSilencer quiet;
  const auto message = catalog.make(type);
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !pb::util::MessageToJsonString(*message, &text, options).ok()) {
    return WellKnownForm::none;
  }
  json += text;
  std::string again;
  std::string why;
  const bool exact = read_well_known(catalog, type, text, again, why) && again == bytes;
  return exact ? WellKnownForm::exact : WellKnownForm::lossy;
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
