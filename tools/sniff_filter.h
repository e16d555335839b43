// What of the traffic sniff shows: --from, --to, --name, --match.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "body.h"

namespace tool {

/// PATH=VALUE on a decoded body. PATH may begin at any depth of it. A step of PATH is a field's
/// name (as in the .proto or as in JSON), or an index into a list; without an index any element of
/// a list will do. VALUE is a glob on the field's JSON value, without quotes.
class FieldMatch {
 public:
  /// Throws Failure (exit 2).
  static FieldMatch parse(const std::string& text);
  bool matches(const nlohmann::json& body) const;

 private:
  bool matches(const nlohmann::json& value, std::size_t step) const;

  std::vector<std::string> path_;
  std::string value_;
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
  /// Precondition: there are fields to match. A body of no known type, or that does not fit it,
  /// matches nothing.
  bool accepts_body(TypeCodec* types, std::string_view message, std::string_view body) const;
};

}  // namespace tool
