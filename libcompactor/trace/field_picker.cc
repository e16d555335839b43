#include "trace/field_picker.h"

#include <algorithm>
#include <cstring>

#include "schema/wire_format.h"
#include "text/table.h"

namespace compactor::trace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using schema::Wire;
using schema::WireCursor;

namespace {

/// One value that is no bytes.
bool read_number(WireCursor& cursor, Wire wire, std::uint64_t& number) {
  std::uint32_t half = 0;
  switch (wire) {
    case Wire::varint:
      return cursor.varint(number);
    case Wire::i64:
      return cursor.fixed(number);
    case Wire::i32:
      if (!cursor.fixed(half)) return false;
      number = half;
      return true;
    default:
      return false;
  }
}

}  // namespace

FieldPicker::Step& FieldPicker::step(std::uint32_t node, const FieldDescriptor& field) {
  Node& steps = nodes_[node];
  const auto number = static_cast<std::uint32_t>(field.number());
  const auto found = std::find_if(steps.begin(), steps.end(),
                                  [&](const Step& each) { return each.number == number; });
  if (found != steps.end()) return *found;
  return steps.emplace_back(Step{
      .number = number, .wire = schema::wire_of(field.type()), .packable = field.is_packable()});
}

std::size_t FieldPicker::find(std::string_view path) const {
  return static_cast<std::size_t>(std::find(paths_.begin(), paths_.end(), path) - paths_.begin());
}

std::size_t FieldPicker::add(const Descriptor& type, std::string_view path) {
  if (const auto known = find(path); known < size()) return known;
  const std::size_t added = size();
  paths_.emplace_back(path);
  ends_.push_back(nullptr);
  if (nodes_.empty()) nodes_.emplace_back();
  std::vector<const FieldDescriptor*> fields;
  const Descriptor* at = &type;
  for (const std::string_view name : text::split(path, '.')) {
    const auto* field = at == nullptr ? nullptr : at->FindFieldByName(std::string(name));
    if (field == nullptr) return added;
    fields.push_back(field);
    at = field->message_type();
  }
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    Step& here = step(node, *fields[i]);
    if (i + 1 == fields.size()) {
      here.path = static_cast<std::uint32_t>(added);
    } else if (here.inside == kNone) {
      node = here.inside = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();  // `here` is gone
    } else {
      node = here.inside;
    }
  }
  ends_[added] = fields.back();
  return added;
}

bool FieldPicker::pick(std::string_view body, std::vector<Picked>& out) const {
  return nodes_.empty() || pick(0, body, 0, out);
}

bool FieldPicker::pick(std::uint32_t node, std::string_view body, int depth,
                       std::vector<Picked>& out) const {
  const Node& steps = nodes_[node];
  WireCursor cursor(body);
  while (!cursor.done()) {
    std::uint32_t number = 0;
    Wire wire{};
    if (!cursor.tag(number, wire)) return false;
    const auto found = std::find_if(steps.begin(), steps.end(),
                                    [&](const Step& each) { return each.number == number; });
    const bool known = found != steps.end();
    const bool packed = known && found->packable && wire == Wire::len;
    if (!known || wire == Wire::group || (wire != found->wire && !packed)) {
      if (!cursor.skip(number, wire)) return false;
      continue;
    }
    Picked value{.path = found->path};
    const bool read =
        wire == Wire::len ? cursor.bytes(value.bytes) : read_number(cursor, wire, value.number);
    if (!read) return false;
    if (packed) {
      if (!pick_packed(*found, value.bytes, out)) return false;
      continue;
    }
    if (found->path != kNone) out.push_back(value);
    const bool goes_on = found->inside != kNone && depth < schema::max_depth;
    if (goes_on && !pick(found->inside, value.bytes, depth + 1, out)) return false;
  }
  return true;
}

bool FieldPicker::pick_packed(const Step& step, std::string_view bytes, std::vector<Picked>& out) {
  WireCursor cursor(bytes);
  while (!cursor.done()) {
    Picked value{.path = step.path};
    if (!read_number(cursor, step.wire, value.number)) return false;
    if (step.path != kNone) out.push_back(value);
  }
  return true;
}

}  // namespace compactor::trace
