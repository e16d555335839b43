#include "body/body_document.h"

#include <charconv>
#include <string>

#include "text/json_parse.h"

namespace tool {

namespace {

using nlohmann::json;

constexpr int deepest = 200;

/// The value that a path as in `tasks[2].data` leads to; null when there is none.
json* find_at(json& body, std::string_view path) {
  json* at = &body;
  while (!path.empty()) {
    auto step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(step.size() + 1, path.size()));
    auto bracket = step.find('[');
    auto field = at->find(std::string(step.substr(0, bracket)));
    if (field == at->end()) return nullptr;
    at = &*field;
    if (bracket == std::string_view::npos) continue;
    std::size_t index = 0;
    std::from_chars(step.data() + bracket + 1, step.data() + step.size(), index);
    if (!at->is_array() || index >= at->size()) return nullptr;
    at = &(*at)[index];
  }
  return at;
}

}  // namespace

std::optional<json> parse_document(std::string_view text) {
  auto shallow = [](int depth, json::parse_event_t, const json&) { return depth <= deepest; };
  if (compactor::text::has_nul(text)) return std::nullopt;
  auto document = json::parse(text, shallow, false);
  if (document.is_discarded()) return std::nullopt;
  return document;
}

bool looks_like_json(std::string_view bytes) {
  const auto start = bytes.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && (bytes[start] == '{' || bytes[start] == '[');
}

std::optional<std::string> compact_json(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || text[start] != '{') return std::nullopt;
  if (compactor::text::has_nul(text) || !json::accept(text)) return std::nullopt;
  std::string compact;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = start; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      compact += c;
      compact += text[++i];  // there is one: it is JSON
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    if (!quoted && (c == '{' || c == '[') && ++depth > deepest) return std::nullopt;
    if (!quoted && (c == '}' || c == ']')) --depth;
    compact += c;
  }
  return compact;
}

std::optional<BodyDocument> document_of(TypeCodec* types, std::string_view name,
                                        std::string_view bytes) {
  std::string text = "{\"type\":0";  // so that what the codec appends has a key before its comma
  if (types == nullptr || !types->append_json(text, name, bytes)) return std::nullopt;
  auto decoded = parse_document(text + '}');
  if (!decoded || !decoded->is_object() || !decoded->contains("body")) return std::nullopt;
  BodyDocument document;
  document.body = std::move((*decoded)["body"]);
  auto inner = decoded->find("body_inner");
  if (inner == decoded->end() || !inner->is_object()) return document;
  document.inner = document.body;
  // In the order of the paths: what lies in bytes that lie in bytes comes later.
  for (auto& [path, value] : inner->items()) {
    if (auto* at = find_at(document.inner, path)) *at = value;
  }
  return document;
}

}  // namespace tool
