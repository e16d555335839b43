#include "commands/describe_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/failure.h"
#include "schema/old_schema.h"
#include "text/glob.h"
#include "text/nearest.h"

namespace tool {

namespace {

using compactor::schema::FormerField;
using compactor::schema::FormerType;
using compactor::schema::History;
using compactor::schema::Span;
using Json = nlohmann::ordered_json;

/// The oldest release that was read had it: it may be older.
std::string since(const History& history, const Span& span) {
  return (span.since == 0 ? "<=" : "") + history.name(span.since);
}

/// Empty: it is still there.
std::string until(const History& history, const Span& span) {
  return span.until == history.newest() ? std::string() : history.name(span.until);
}

std::string type_of(const FormerField& field) {
  if (field.label != "map") return std::string(field.type);
  return "map<" + std::string(field.type) + '>';
}

/// By their numbers, and then as they followed each other.
std::vector<FormerField> sorted_fields(const FormerType& type) {
  auto fields = type.fields;
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) {
    return a.number != b.number ? a.number < b.number : a.span.until < b.span.until;
  });
  return fields;
}

void append_padded(std::string& out, const std::string& text, std::size_t width) {
  out += text;
  if (text.size() < width) out.append(width - text.size(), ' ');
}

void append_text(std::string& out, const History& history, const FormerType& type) {
  out += "// " + std::string(type.name);
  if (!type.is_enum) {
    out += ", since Mesos " + since(history, type.span);
    if (const auto end = until(history, type.span); !end.empty()) out += " until " + end;
  }
  out += "\n// since    until    number\n";
  for (const FormerField& field : sorted_fields(type)) {
    append_padded(out, "   " + since(history, field.span), 12);
    const auto end = until(history, field.span);
    append_padded(out, end.empty() ? "-" : end, 9);
    append_padded(out, std::to_string(field.number), 7);
    if (field.label == "map")
      out += type_of(field) + ' ';
    else if (!type.is_enum)
      out += std::string(field.label) + ' ' + type_of(field) + ' ';
    out += field.name;
    if (field.deprecated == "deprecated")
      out += "  (deprecated)";
    else if (!field.deprecated.empty())
      out += "  (deprecated since " + std::string(field.deprecated) + ')';
    out += '\n';
  }
}

void add_span(Json& json, const History& history, const Span& span) {
  json["since"] = since(history, span);
  if (const auto end = until(history, span); !end.empty()) json["until"] = end;
}

void append_json(std::string& out, const History& history, const FormerType& type) {
  Json info = {{"type", "type_info"}, {"name", type.name}};
  if (!type.is_enum) add_span(info, history, type.span);
  info["history"] = Json::array();
  for (const FormerField& field : sorted_fields(type)) {
    Json form = {{"name", field.name}, {"number", field.number}};
    if (!type.is_enum) {
      form["label"] = field.label;
      form["type"] = type_of(field);
    }
    add_span(form, history, field.span);
    if (!field.deprecated.empty()) form["deprecated"] = true;
    if (field.deprecated != "deprecated" && !field.deprecated.empty())
      form["deprecated_since"] = field.deprecated;
    info["history"].push_back(std::move(form));
  }
  out += info.dump() + '\n';
}

}  // namespace

void append_history(std::string& out, const compactor::schema::Catalog& catalog,
                    const std::string& what, bool json) {
  const History& history = catalog.old_schemas().history();
  const bool glob = compactor::text::is_glob(what);
  bool found = false;
  for (const FormerType& type : history.types()) {
    if (!compactor::text::glob_matches(what, type.name)) continue;
    if (json) {
      append_json(out, history, type);
    } else {
      if (!out.empty()) out += '\n';
      append_text(out, history, type);
    }
    found = true;
  }
  if (found || glob) return;
  const bool known = catalog.find(what) != nullptr;
  throw Failure(Exit::usage, "type",
                known ? "no history is known of " + what : "unknown type \"" + what + '"',
                known ? "types of mesos.* have one, mesos.v1.* and those of files have none"
                      : compactor::text::did_you_mean(catalog.suggest(what)));
}

}  // namespace tool
