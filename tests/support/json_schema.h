// Whether a line of --json is what tools/json says: a validator for the part of JSON Schema that
// the schemas there use.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

class JsonSchemas {
 public:
  using Json = nlohmann::json;

  /// Reads every *.schema.json of the folder.
  explicit JsonSchemas(const std::filesystem::path& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (!entry.path().string().ends_with(".schema.json")) continue;
      std::ifstream in(entry.path());
      schemas_[entry.path().filename().string()] = Json::parse(in);
    }
  }

  const std::map<std::string, Json>& all() const { return schemas_; }

  /// What is wrong with the line, "" when nothing is. A line is judged by the schemas of its type;
  /// of several (the summaries) one must fit.
  std::string fault_of(const Json& line) const {
    if (!line.is_object() || !line.contains("type")) return "no object with a type: " + line.dump();
    std::string faults;
    for (const auto& [name, schema] : schemas_) {
      if (!schema.contains("properties")) continue;
      if (schema["properties"]["type"]["const"] != line["type"]) continue;
      std::string fault = check(schema, line, name);
      if (fault.empty()) return "";
      faults += fault + "\n";
    }
    if (faults.empty()) faults = "no schema for the type " + line["type"].dump();
    return faults + "in " + line.dump();
  }

  /// Throws for a keyword it does not know: a schema must not say what nobody checks.
  std::string check(const Json& schema, const Json& value, const std::string& where) const {
    for (const auto& [keyword, rule] : schema.items()) {
      std::string fault = check_keyword(keyword, rule, schema, value, where);
      if (!fault.empty()) return fault;
    }
    return "";
  }

 private:
  static bool is_of(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    throw std::runtime_error("unknown type in a schema: " + type);
  }

  static bool is_of(const Json& types, const Json& value) {
    if (types.is_string()) return is_of(types.get<std::string>(), value);
    return std::any_of(types.begin(), types.end(),
                       [&](const Json& type) { return is_of(type.get<std::string>(), value); });
  }

  std::string check_keyword(const std::string& keyword, const Json& rule, const Json& schema,
                            const Json& value, const std::string& where) const {
    const auto unless = [&](bool good) {
      return good ? ""
                  : where + ": " + value.dump().substr(0, 200) + " breaks " + keyword + " " +
                        rule.dump();
    };
    if (keyword.starts_with('$') || keyword == "title" || keyword == "description") return "";
    if (keyword == "type") return unless(is_of(rule, value));
    if (keyword == "const") return unless(value == rule);
    if (keyword == "enum") return unless(std::find(rule.begin(), rule.end(), value) != rule.end());
    // Of what is no number, or no object, these say nothing; its type does.
    if (keyword == "minimum")
      return unless(!value.is_number() || value.get<double>() >= rule.get<double>());
    if (keyword == "maximum")
      return unless(!value.is_number() || value.get<double>() <= rule.get<double>());
    if (keyword == "pattern") {
      return unless(value.is_string() && std::regex_search(value.get<std::string>(),
                                                           std::regex(rule.get<std::string>())));
    }
    if (keyword == "required") {
      return unless(!value.is_object() ||
                    std::all_of(rule.begin(), rule.end(), [&](const Json& key) {
                      return value.contains(key.get<std::string>());
                    }));
    }
    if (keyword == "properties") return check_properties(rule, value, where);
    if (keyword == "additionalProperties") return check_additional(rule, schema, value, where);
    if (keyword == "items") return check_items(rule, value, where);
    throw std::runtime_error("unknown keyword in a schema: " + keyword);
  }

  std::string check_items(const Json& rule, const Json& value, const std::string& where) const {
    for (const auto& item : value) {
      std::string fault = check(rule, item, where + "[]");
      if (!fault.empty()) return fault;
    }
    return "";
  }

  std::string check_properties(const Json& rule, const Json& value,
                               const std::string& where) const {
    for (const auto& [key, of_key] : rule.items()) {
      if (!value.is_object() || !value.contains(key)) continue;
      std::string fault = check(of_key, value[key], where + "/" + key);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  std::string check_additional(const Json& rule, const Json& schema, const Json& value,
                               const std::string& where) const {
    if (!value.is_object()) return "";
    for (const auto& [key, of_key] : value.items()) {
      if (schema.contains("properties") && schema["properties"].contains(key)) continue;
      if (rule == false) return where + ": unknown field " + key;
      std::string fault = check(rule, of_key, where + "/" + key);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  std::map<std::string, Json> schemas_;
};
