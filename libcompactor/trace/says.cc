#include "trace/says.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "schema/inner.h"
#include "schema/wire_format.h"
#include "text/base64.h"
#include "text/json_text.h"
#include "text/table.h"
#include "text/utf8.h"

namespace compactor::trace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

namespace {

constexpr std::size_t kMostOfSeveral = 3;
constexpr std::size_t kFirstValues = 3;
constexpr std::size_t kShortUuid = 8;

/// What mesos.Resource is on the wire, as far as it is added up here.
constexpr std::uint32_t kResourceName = 1;
constexpr std::uint32_t kResourceScalar = 3;

double scalar_of(std::string_view bytes) {
  double value = 0;
  schema::for_each_field(bytes, [&](const schema::WireField& field) {
    if (field.number != 1 || field.bytes.size() != sizeof value) return;
    std::memcpy(&value, field.bytes.data(), sizeof value);
  });
  return value;
}

/// "cpus 8 mem 4096": the scalars, in the order in which they came.
void append_resources(std::string& out, const std::vector<std::string_view>& resources) {
  std::vector<std::pair<std::string_view, double>> sums;
  for (const auto resource : resources) {
    std::string_view name;
    std::string_view scalar;
    schema::for_each_field(resource, [&](const schema::WireField& field) {
      if (field.number == kResourceName) name = field.bytes;
      if (field.number == kResourceScalar) scalar = field.bytes;
    });
    if (scalar.empty()) continue;
    const auto known =
        std::find_if(sums.begin(), sums.end(), [&](const auto& sum) { return sum.first == name; });
    if (known == sums.end()) {
      sums.emplace_back(name, scalar_of(scalar));
    } else {
      known->second += scalar_of(scalar);
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (i > 0) out += ' ';
    out.append(sums[i].first) += ' ';
    text::append_json_number(out, sums[i].second);
  }
}

/// A phrase is for a line: of a long text its beginning says what it is.
void append_bounded(std::string& out, const FieldDescriptor& field, Picked value) {
  constexpr std::size_t longest = 200;
  value.bytes = value.bytes.substr(0, 2 * longest);
  std::string text;
  append_value(text, field, value);
  out += text.size() <= longest ? text : text::shortened(text, longest);
}

}  // namespace

void append_value(std::string& out, const FieldDescriptor& field, const Picked& value) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES && !schema::append_uuid(out, value.bytes)) {
        text::append_base64(out, value.bytes);
      } else if (field.type() == FieldDescriptor::TYPE_STRING) {
        out.append(value.bytes);
      }
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* name = field.enum_type()->FindValueByNumber(static_cast<int>(value.number));
      out += name != nullptr ? name->name() : std::to_string(value.number);
      return;
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      out += value.number != 0 ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      text::append_json_number(out, std::bit_cast<double>(value.number));
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      text::append_json_number(
          out, static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(value.number))));
      return;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      out += std::to_string(static_cast<std::int64_t>(value.number));
      return;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return;
    default:
      out += std::to_string(value.number);
  }
}

Phrase::Phrase(const Descriptor& type, std::string_view text, FieldPicker& picker) {
  text.empty() ? list_first_values(type, picker) : read(type, text, picker);
}

void Phrase::read(const Descriptor& type, std::string_view text, FieldPicker& picker) {
  int groups = 0;
  int group = 0;
  const auto words = [&](std::string_view piece) {
    if (!piece.empty()) parts_.push_back({Form::words, group, std::string(piece), 0});
  };
  while (!text.empty()) {
    const auto mark = text.find_first_of("[]{");
    words(text.substr(0, mark));
    if (mark == std::string_view::npos) return;
    const char what = text[mark];
    text.remove_prefix(mark + 1);
    if (what == '[') group = ++groups;
    if (what == ']') group = 0;
    if (what != '{') continue;
    const auto inside = text.substr(0, text.find('}'));
    const auto path = inside.substr(0, inside.find(':'));
    const auto form = path.size() == inside.size() ? "" : inside.substr(path.size() + 1);
    parts_.push_back({form == "uuid"        ? Form::uuid
                      : form == "resources" ? Form::resources
                      : form == "count"     ? Form::count
                                            : Form::value,
                      group,
                      {},
                      picker.add(type, path)});
    text.remove_prefix(inside.size() + 1);
  }
}

/// Scalars of the message, and those that are alone in a message of it, as ids are.
void Phrase::list_first_values(const Descriptor& type, FieldPicker& picker) {
  std::string name(type.name());
  if (name.ends_with("Message")) name.resize(name.size() - std::string_view("Message").size());
  parts_.push_back({Form::words, 0, name, 0});
  int group = 0;
  for (int i = 0; i < type.field_count() && group < static_cast<int>(kFirstValues); ++i) {
    const auto& field = *type.field(i);
    std::string path(field.name());
    if (const auto* inside = field.message_type()) {
      if (inside->field_count() != 1 || inside->field(0)->message_type() != nullptr) continue;
      path += "." + std::string(inside->field(0)->name());
    }
    ++group;
    parts_.push_back({Form::words, group, " " + std::string(field.name()) + " ", 0});
    parts_.push_back({Form::value, group, {}, picker.add(type, path)});
  }
}

void Phrase::append(std::string& out, const FieldPicker& picker,
                    const std::vector<Picked>& values) const {
  const auto is_set = [&](std::size_t path) {
    return std::any_of(values.begin(), values.end(),
                       [&](const Picked& value) { return value.path == path; });
  };
  // Of brackets, whether any path in them is set.
  const auto shown = [&](int group) {
    return group == 0 || std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
             return part.group == group && part.form != Form::words && is_set(part.path);
           });
  };
  for (const Part& part : parts_) {
    if (!shown(part.group)) continue;
    if (part.form == Form::words) {
      out += part.words;
      continue;
    }
    std::vector<std::string_view> resources;
    std::size_t count = 0;
    for (const Picked& value : values) {
      if (value.path != part.path) continue;
      ++count;
      if (part.form == Form::resources) resources.push_back(value.bytes);
      if (part.form != Form::value && part.form != Form::uuid) continue;
      if (count > kMostOfSeveral) continue;
      if (count > 1) out += ", ";
      const std::size_t begin = out.size();
      append_bounded(out, *picker.field(part.path), value);
      if (part.form == Form::uuid) out.resize(std::min(out.size(), begin + kShortUuid));
    }
    if (part.form == Form::resources) append_resources(out, resources);
    if (part.form == Form::count) out += std::to_string(count);
    if (count > kMostOfSeveral && (part.form == Form::value || part.form == Form::uuid))
      out += " … (" + std::to_string(count) + ")";
  }
}

}  // namespace compactor::trace
