#include "body/v1_body.h"

#include <algorithm>
#include <set>

#include "body/body_document.h"
#include "schema/wire_format.h"

namespace tool {

namespace {

using nlohmann::json;

/// The package of the API that is served at that URL; empty for another URL.
std::string_view package_of(std::string_view url) {
  const auto path = url.substr(0, url.find_first_of("?#"));
  if (path.ends_with("/api/v1/scheduler")) return "scheduler";
  if (path.ends_with("/api/v1/executor")) return "executor";
  if (path.ends_with("/api/v1/resource_provider")) return "resource_provider";
  if (!path.ends_with("/api/v1")) return {};
  return path.starts_with("/slave") ? "agent" : "master";
}

bool looks_like_json(std::string_view bytes) {
  const auto start = bytes.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && (bytes[start] == '{' || bytes[start] == '[');
}

/// The word under `type`; empty for what is not the name of an enum value.
std::string kind_in(const json& document) {
  constexpr std::size_t longest = 64;
  if (!document.is_object()) return {};
  const auto found = document.find("type");
  if (found == document.end() || !found->is_string()) return {};
  const auto& word = found->get_ref<const std::string&>();
  const bool plain = word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == word.npos;
  return plain && word.size() <= longest ? word : std::string();
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

std::string kind_of(TypeCodec* types, const std::string& type, std::string_view bytes) {
  if (type.empty() || types == nullptr) return {};
  if (looks_like_json(bytes)) {
    const auto document = parse_document(bytes);
    return document ? kind_in(*document) : std::string();
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

std::optional<json> api_document(TypeCodec* types, const std::string& type,
                                 std::string_view bytes) {
  if (looks_like_json(bytes)) {
    if (auto document = parse_document(bytes)) return document;
  }
  if (type.empty() || types == nullptr) return std::nullopt;
  auto found = document_of(types, type, bytes);
  if (!found) return std::nullopt;
  return std::move(found->inner.is_null() ? found->body : found->inner);
}

}  // namespace tool
