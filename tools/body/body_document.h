// Bodies as JSON documents, to look into: for --match, and for what a body of the HTTP API is.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "body/body.h"

namespace tool {

struct BodyDocument {
  nlohmann::json body;
  /// The same, but where bytes are known to hold something (a UUID, a nested message) there is that
  /// instead of their base64. Null when there are none.
  nlohmann::json inner;
};

/// The body of a message of that name. Nothing when no type is known for it, or the bytes do not
/// fit.
std::optional<BodyDocument> document_of(TypeCodec* types, std::string_view name,
                                        std::string_view bytes);

/// A text that is JSON. Nothing when it is not. What is nested deeper than anyone writes is left
/// out: whoever walks the document does so recursively.
std::optional<nlohmann::json> parse_document(std::string_view text);

/// Begins as JSON does, and as no protobuf message.
bool looks_like_json(std::string_view bytes);

/// A JSON object as it came, but without the blanks and line ends between its parts. Nothing when
/// it is not one, or nested deeper than that.
std::optional<std::string> compact_json(std::string_view text);

}  // namespace tool
