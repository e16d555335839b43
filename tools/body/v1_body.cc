#include "body/v1_body.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "cli/failure.h"
#include "schema/wire_format.h"
#include "text/ascii.h"

namespace tool {

namespace {

using nlohmann::json;

/// The package of the API that is served at that URL; empty for another URL.
std::string_view package_of(std::string_view url) {
  const auto path = path_of(url);
  if (path.ends_with("/api/v1/scheduler")) return "scheduler";
  if (path.ends_with("/api/v1/executor")) return "executor";
  if (path.ends_with("/api/v1/resource_provider")) return "resource_provider";
  if (!path.ends_with("/api/v1")) return {};
  return path.starts_with("/slave") ? "agent" : "master";
}

/// The word, if it can be the name of an enum value.
std::string as_kind(const std::string& word) {
  constexpr std::size_t longest = 64;
  const bool plain = word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == word.npos;
  return plain && word.size() <= longest ? word : std::string();
}

/// Under `type`.
std::string kind_in(const json& document) {
  if (!document.is_object()) return {};
  const auto found = document.find("type");
  return found != document.end() && found->is_string() ? as_kind(found->get<std::string>()) : "";
}

/// Reads the text under `type` of a JSON object, and nothing else, as far as it goes.
class TypeReader final : public nlohmann::json_sax<json> {
 public:
  const std::string& found() const { return found_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return --depth_ > 0; }
  bool start_array(std::size_t) override { return ++depth_ > 1; }
  bool end_array() override { return --depth_ > 0; }
  bool key(string_t& name) override {
    is_type_ = depth_ == 1 && name == "type";
    return true;
  }
  bool string(string_t& text) override {
    if (is_type_ && depth_ == 1) found_ = text;
    return found_.empty();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::string found_;
  int depth_ = 0;
  bool is_type_ = false;
};

/// The text that a path leads to; empty when there is none.
std::string text_at(const json& document, std::initializer_list<const char*> path) {
  const auto* at = &document;
  for (const char* step : path) {
    if (!at->is_object()) return {};
    const auto found = at->find(step);
    if (found == at->end()) return {};
    at = &*found;
  }
  return at->is_string() ? at->get<std::string>() : std::string();
}

std::string first_of(std::initializer_list<std::string> texts) {
  for (const auto& text : texts) {
    if (!text.empty()) return text;
  }
  return {};
}

/// A JSON body as it came, and with UUIDs as they are shown, if it is of its type.
BodyDocument document_of_json(TypeCodec* types, const std::string& type, json body,
                              std::string_view bytes) {
  BodyDocument document{std::move(body), {}};
  if (type.empty() || types == nullptr) return document;
  try {
    const auto encoded = types->encode(type, bytes, {});
    const auto again = encoded ? document_of(types, type, *encoded) : std::nullopt;
    if (again && !again->inner.is_null()) document.inner = again->inner;
  } catch (const Failure&) {
    // What does not fit the type is looked into as it is.
  }
  return document;
}

}  // namespace

std::string call_type(std::string_view url) {
  const auto package = package_of(url);
  return package.empty() ? "" : "mesos.v1." + std::string(package) + ".Call";
}

std::string event_type(std::string_view url) {
  const auto package = package_of(url);
  if (package.empty()) return {};
  // An agent streams what its containers print.
  return "mesos.v1." + std::string(package) + (package == "agent" ? ".ProcessIO" : ".Event");
}

std::string response_type(std::string_view url) {
  const auto package = package_of(url);
  const bool answers = package == "master" || package == "agent" || package == "scheduler";
  return answers ? "mesos.v1." + std::string(package) + ".Response" : "";
}

bool is_api_type(std::string_view content_type) {
  const auto type = compactor::text::lower_case(
      compactor::text::trimmed(content_type.substr(0, content_type.find(';'))));
  return type == "application/json" || type == "application/x-protobuf";
}

std::string_view server_id(std::string_view url) {
  auto path = path_of(url);
  if (path == "/api/v1/scheduler") return "master";
  if (path.starts_with("/api/") || !path.starts_with('/')) return {};
  path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

std::string_view first_record(std::string_view bytes) {
  constexpr std::size_t most_digits = 10;
  const auto end = bytes.substr(0, most_digits + 1).find_first_not_of("0123456789");
  if (end == 0 || end == std::string_view::npos || bytes[end] != '\n') return bytes;
  std::size_t size = 0;
  std::from_chars(bytes.data(), bytes.data() + end, size);
  return bytes.substr(end + 1, size);
}

std::string kind_of_message(TypeCodec* types, const std::string& name, std::string_view bytes) {
  const auto document = document_of(types, name, bytes);
  return document ? kind_in(document->body) : kind_of(types, name, bytes);
}

std::string kind_of(TypeCodec* types, const std::string& type, std::string_view bytes) {
  if (type.empty() || types == nullptr) return {};
  if (looks_like_json(bytes)) {
    TypeReader reader;
    json::sax_parse(bytes, &reader);
    return as_kind(reader.found());
  }
  // An enum at the top level says it. Decoded alone, it does not matter whether the rest
  // fits, or is there. A peer may send anything, and each try costs as much as a small message.
  constexpr std::size_t most_tried = 16;
  std::set<std::uint32_t> tried;
  std::string kind;
  compactor::schema::for_each_field(bytes, [&](const compactor::schema::WireField& field) {
    if (!kind.empty() || field.wire != compactor::schema::Wire::varint) return;
    if (tried.size() >= most_tried || !tried.insert(field.number).second) return;
    std::string alone;
    compactor::schema::append_tag(alone, field.number, field.wire);
    alone += field.bytes;
    if (const auto found = document_of(types, type, alone)) kind = kind_in(found->body);
  });
  return kind;
}

std::optional<BodyDocument> api_document(TypeCodec* types, const std::string& type,
                                         std::string_view bytes) {
  if (looks_like_json(bytes)) {
    if (auto document = parse_document(bytes))
      return document_of_json(types, type, *std::move(document), bytes);
  }
  if (type.empty() || types == nullptr) return std::nullopt;
  return document_of(types, type, bytes);
}

/// Of JSON without what its bytes hold.
static std::optional<BodyDocument> document_as_it_came(TypeCodec* types, const std::string& type,
                                                       std::string_view bytes) {
  if (looks_like_json(bytes)) {
    if (auto document = parse_document(bytes)) return BodyDocument{*std::move(document), {}};
  }
  return document_of(types, type, bytes);
}

ApiBody read_api_body(TypeCodec* types, std::string type, std::string_view bytes, bool cut) {
  ApiBody body{.type = std::move(type)};
  if (body.type.empty()) return body;
  bytes = first_record(bytes);
  if (!cut) body.document = document_as_it_came(types, body.type, bytes);
  if (!body.document) {
    body.kind = kind_of(types, body.type, bytes);
    return body;
  }
  const auto& said = body.document->body;
  body.kind = kind_in(said);
  body.framework_id =
      first_of({text_at(said, {"framework_id", "value"}),
                text_at(said, {"subscribe", "framework_info", "id", "value"}),
                text_at(said, {"subscribed", "framework_id", "value"}),
                text_at(said, {"subscribed", "framework_info", "id", "value"}),
                text_at(said, {"subscribed", "executor_info", "framework_id", "value"})});
  body.executor_id =
      first_of({text_at(said, {"executor_id", "value"}),
                text_at(said, {"subscribed", "executor_info", "executor_id", "value"})});
  return body;
}

}  // namespace tool
