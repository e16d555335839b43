// What of the traffic sniff shows: --from, --to, --name, --match.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "body/body_document.h"

namespace tool {

/// PATH=VALUE on a decoded body. PATH may begin at any depth of it. A step of PATH is a field's
/// name (as in the .proto or as in JSON), or an index into a list; without an index any element of
/// a list will do. VALUE is a glob on the field's JSON value, without quotes.
class FieldMatch {
 public:
  /// Throws Failure (exit 2).
  static FieldMatch parse(const std::string& text);
  bool matches(const nlohmann::json& body) const;
  bool matches(const BodyDocument& body) const;

  /// As it was typed.
  const std::string& text() const { return text_; }
  const std::string& value() const { return value_; }
  /// The steps, as they were typed.
  const std::vector<std::string>& path() const { return typed_path_; }

 private:
  bool matches(const nlohmann::json& value, std::size_t step) const;

  std::string text_;
  std::vector<std::string> typed_path_;
  std::vector<std::string> path_;  // folded
  std::string value_;
};

/// framework_id and frameworkId are the same field: what the names of both are compared by.
std::string folded_name(std::string_view name);
/// A field's value as VALUE is compared with it.
std::string match_text(const nlohmann::json& value);

/// A plain request, or an event that came as the answer to one, as far as filters are about it.
struct HttpSubject {
  std::string_view from{};  // address:port
  std::string_view to{};
  std::string_view url{};
  bool event = false;  // it came from where the URL is
  std::string type{};  // of the body, as in mesos.v1.scheduler.Call
  std::string kind{};  // SUBSCRIBE …
};

struct MessageFilter {
  std::vector<std::string> from;  // globs; any of them, and none is as good as all
  std::vector<std::string> to;
  std::vector<std::string> name;
  std::vector<FieldMatch> fields;  // all of them

  bool by_head() const { return !from.empty() || !to.empty() || !name.empty(); }
  bool any() const { return by_head() || !fields.empty(); }
  bool accepts_head(std::string_view sender, std::string_view receiver,
                    std::string_view message) const;
  /// An end that serves the URL counts as address:port and as id@address:port, with the first part
  /// of the path for the id. Names are the path, the type, type/kind, and the kind.
  bool accepts_http(const HttpSubject& subject) const;
  /// All the fields are in the body. A body that could not be read matches nothing.
  bool accepts_body(const std::optional<BodyDocument>& body) const;
  bool accepts_body(const std::optional<nlohmann::json>& body) const;
};

}  // namespace tool
