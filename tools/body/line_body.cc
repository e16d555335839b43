#include "body/line_body.h"

#include <optional>

#include "body/encoding.h"
#include "cli/failure.h"
#include "text/base64.h"
#include "text/hex.h"
#include "text/json_parse.h"

namespace tool {

namespace {

Failure bad_line(const std::string& message, std::string hint = {}) {
  return Failure(Exit::usage, "body", message, std::move(hint));
}

std::string decoded(const nlohmann::ordered_json& line, const char* key,
                    std::optional<std::string> (*decode)(std::string_view)) {
  auto bytes = decode(text_of_line(line, key));
  if (!bytes) throw bad_line(std::string(key) + " does not read");
  return *std::move(bytes);
}

}  // namespace

std::string text_of_line(const nlohmann::ordered_json& line, const char* key) {
  auto found = line.find(key);
  if (found == line.end()) return {};
  if (!found->is_string()) throw bad_line(std::string(key) + " is no text");
  return found->get<std::string>();
}

std::string body_of_line(const nlohmann::ordered_json& line, std::string_view name,
                         TypeCodec* types) {
  if (line.contains("body_inexact") && line.contains("body_base64"))
    return decoded(line, "body_base64", compactor::text::decode_base64);
  int given = 0;
  for (const char* key : {"body", "body_text", "body_base64", "body_hex"})
    given += line.contains(key);
  if (given > 1) throw bad_line("more than one of body, body_text, body_base64, body_hex");
  if (line.contains("body_text")) return text_of_line(line, "body_text");
  if (line.contains("body_base64"))
    return decoded(line, "body_base64", compactor::text::decode_base64);
  if (line.contains("body_hex")) return decoded(line, "body_hex", compactor::text::decode_hex);
  if (line.contains("body")) {
    auto unknown = line.contains("body_unknown")
                       ? decoded(line, "body_unknown", compactor::text::decode_base64)
                       : std::string();
    auto type = text_of_line(line, "body_type");
    return encode_json(type.empty() ? name : std::string_view(type), line["body"].dump(), unknown,
                       types);
  }
  // Misspelt by hand, it would else be an empty body without a word; a recording may have keys of a
  // later version.
  for (const auto& [key, value] : line.items()) {
    if (line.contains("type") || !key.starts_with("body")) continue;
    throw bad_line("\"" + key + "\" alone is no body",
                   "one of body, body_text, body_base64, body_hex");
  }
  bool recorded_without = line.contains("size") && line["size"] != 0;
  if (recorded_without) {
    throw bad_line("the line was recorded without its body",
                   "record with --body auto, text, hex or base64");
  }
  return {};
}

BodyForm form_of_line(const nlohmann::ordered_json& line) {
  if (line.contains("body_text")) return BodyForm::text;
  return line.contains("body") ? BodyForm::json : BodyForm::bytes;
}

nlohmann::ordered_json parse_line(std::string_view text) {
  nlohmann::ordered_json line;
  try {
    line = compactor::text::parse_json(text);
  } catch (const compactor::text::JsonError& error) {
    // The number of the line is always 1 there: who reads lines knows better.
    std::string_view what = error.what();
    constexpr std::string_view place = "at line 1, ";
    if (what.starts_with(place)) what.remove_prefix(place.size());
    throw bad_line("no JSON: " + std::string(what));
  }
  if (!line.is_object()) throw bad_line("no JSON object");
  return line;
}

}  // namespace tool
