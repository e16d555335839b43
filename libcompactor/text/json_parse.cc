#include "text/json_parse.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "text/utf8.h"
#include "text/whole_number.h"

namespace compactor::text {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShown = 200;  // of a reason, which may quote a token of any length

/// "[json.exception.parse_error.101] parse error at line 1, column 9: syntax error while …" without
/// the names of the library.
std::string reason_of(std::string_view what) {
  if (what.starts_with('[')) what.remove_prefix(what.find("] ") + 2);
  for (const std::string_view prefix : {"parse error ", "parse error: "}) {
    if (what.starts_with(prefix)) what.remove_prefix(prefix.size());
  }
  return shortened(what, kShown);
}

/// Builds the document from the library's events. The library's own builder looks for each key
/// among all that came before: the time for an object would grow with the square of its members.
class Builder {
 public:
  explicit Builder(Json& root) : root_(root) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  /// It begins with a minus. A zero that does is how protobuf writes -0.0.
  bool number_integer(std::int64_t value) { return value == 0 ? add(-0.0) : add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& text) {
    const auto whole = whole_number(text);
    if (!whole || (whole->magnitude == 0 && text.starts_with('-'))) return add(value);
    if (!whole->negative) return add(whole->magnitude);
    const auto integer = whole->as<std::int64_t>();
    return integer ? add(*integer) : add(value);
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }  // never in text

  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool key(std::string& name) {
    auto& members = open_.back()->get_ref<Json::object_t&>();
    members.emplace_back(std::move(name), nullptr);
    return true;
  }
  bool end_object() {
    check_keys(open_.back()->get_ref<const Json::object_t&>());
    open_.pop_back();
    return true;
  }
  bool end_array() {
    open_.pop_back();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    throw JsonError(reason_of(error.what()));
  }

 private:
  template <class T>
  bool add(T&& value) {
    place(Json(std::forward<T>(value)));
    return true;
  }

  /// Of an object the value belongs to the last key. Where it lies it stays until it is closed: its
  /// parent gets no other member before.
  Json& place(Json value) {
    if (open_.empty()) return root_ = std::move(value);
    Json& parent = *open_.back();
    if (parent.is_object())
      return parent.get_ref<Json::object_t&>().back().second = std::move(value);
    auto& elements = parent.get_ref<Json::array_t&>();
    elements.push_back(std::move(value));
    return elements.back();
  }

  bool open(Json value) {
    if (open_.size() >= max_json_depth) {
      throw JsonError("nested too deep: more than " + std::to_string(max_json_depth) +
                      " levels of objects and lists");
    }
    open_.push_back(&place(std::move(value)));
    return true;
  }

  static void check_keys(const Json::object_t& members) {
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& member : members) keys.emplace_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice == keys.end()) return;
    throw JsonError("the key \"" + shortened(*twice, kShown) + "\" is given twice");
  }

  Json& root_;
  std::vector<Json*> open_;
};

}  // namespace

Json parse_json(std::string_view text) {
  if (has_nul(text)) throw JsonError("a NUL byte at byte " + std::to_string(text.find('\0') + 1));
  Json root;
  Builder builder(root);
  Json::sax_parse(text, &builder);
  return root;
}

}  // namespace compactor::text
