#include "schema/normalize.h"

#include <algorithm>
#include <unordered_map>

#include "schema/field_path.h"
#include "schema/wire_format.h"

namespace compactor::schema {
namespace {

using Type = google::protobuf::FieldDescriptor;

/// What came of a field.
struct Slot {
  bool present = false;
  std::string values;                   // of numbers and texts, as they are to be written
  std::vector<std::string_view> parts;  // of messages: their contents
};

std::uint64_t narrowed(Type::Type type, std::uint64_t raw) {
  switch (type) {
    case Type::TYPE_BOOL:
      return raw != 0 ? 1 : 0;
    case Type::TYPE_INT32:
    case Type::TYPE_ENUM:
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(raw)));
    case Type::TYPE_UINT32:
    case Type::TYPE_SINT32:
      return static_cast<std::uint32_t>(raw);
    default:
      return raw;
  }
}

void append_sized(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

/// One number or text, without its tag.
void append_value(const FieldPlan& field, WireCursor& in, std::string& out) {
  std::uint64_t raw = 0;
  std::string_view bytes;
  switch (field.wire) {
    case Wire::varint:
      in.varint(raw);
      return append_varint(out, narrowed(field.type, raw));
    case Wire::len:
      in.bytes(bytes);
      return append_sized(out, bytes);
    default: {
      const char* at = in.at;
      in.skip(field.number, field.wire);
      out.append(at, in.at);
    }
  }
}

/// What is between the tags of a group, of which the first has been read.
std::string_view group_content(WireCursor& in) {
  const char* begin = in.at;
  for (;;) {
    const char* end = in.at;
    std::uint32_t number = 0;
    Wire wire{};
    if (!in.tag(number, wire) || wire == Wire::end_group)
      return {begin, static_cast<std::size_t>(end - begin)};
    in.skip(number, wire);
  }
}

void take(const FieldPlan& field, Wire wire, WireCursor& in, Slot& slot) {
  slot.present = true;
  std::string_view bytes;
  if (field.message != nullptr) {
    if (wire == Wire::group)
      bytes = group_content(in);
    else
      in.bytes(bytes);
    slot.parts.push_back(bytes);
    return;
  }
  const auto one = [&](WireCursor& from) {
    if (!field.repeated) slot.values.clear();
    if (field.repeated && !field.packed) append_tag(slot.values, field.number, field.wire);
    append_value(field, from, slot.values);
  };
  if (!field.packable || wire != Wire::len) return one(in);
  in.bytes(bytes);
  WireCursor elements(bytes);
  while (!elements.done()) one(elements);
}

/// Of the members of a oneof only the last that came counts.
void leave_others(const TypePlan& plan, const FieldPlan& member, std::vector<Slot>& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (plan.fields[i].oneof == member.oneof && &plan.fields[i] != &member) slots[i] = {};
  }
}

bool is_zero(std::string_view encoded) {
  return std::all_of(encoded.begin(), encoded.end(), [](char c) { return c == 0; });
}

class Normalizer {
 public:
  explicit Normalizer(Normalized& result) : result_(result) {}

  void message(const TypePlan& plan, const std::vector<std::string_view>& parts,
               const FieldPath& path, std::string& out) {
    const auto slots = gather(plan, parts, path.up == nullptr);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (plan.fields[i].required && !slots[i].present) note_missing({&path, plan.fields[i].name});
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].present) append(plan.fields[i], slots[i], path, out);
    }
  }

 private:
  /// A peer may send a list of millions of empty messages.
  void note_missing(const FieldPath& path) {
    constexpr std::size_t most = 1000;
    if (result_.missing.size() < most)
      result_.missing.push_back(path.text());
    else if (result_.missing.size() == most)
      result_.missing.emplace_back("…");
  }

  std::vector<Slot> gather(const TypePlan& plan, const std::vector<std::string_view>& parts,
                           bool top) {
    std::vector<Slot> slots(plan.fields.size());
    for (const std::string_view part : parts) {
      WireCursor in(part);
      while (!in.done()) {
        const char* at = in.at;
        std::uint32_t number = 0;
        Wire wire{};
        in.tag(number, wire);
        const FieldPlan* field = plan.find(number);
        if (field == nullptr || !field->accepts(wire)) {
          in.skip(number, wire);
          if (top) result_.unknown.append(at, in.at);
          continue;
        }
        if (field->oneof >= 0) leave_others(plan, *field, slots);
        take(*field, wire, in, slots[static_cast<std::size_t>(field - plan.fields.data())]);
      }
    }
    return slots;
  }

  void append(const FieldPlan& field, const Slot& slot, const FieldPath& path, std::string& out) {
    if (field.map) return append_map(field, slot, path, out);
    if (field.message != nullptr) return append_messages(field, slot, path, out);
    if (field.repeated && !field.packed) {
      out += slot.values;
    } else if (field.repeated) {
      if (slot.values.empty()) return;
      append_tag(out, field.number, Wire::len);
      append_sized(out, slot.values);
    } else if (field.presence || !is_zero(slot.values)) {
      append_tag(out, field.number, field.wire);
      out += slot.values;
    }
  }

  void append_messages(const FieldPlan& field, const Slot& slot, const FieldPath& path,
                       std::string& out) {
    if (!field.repeated) return append_message(field, slot.parts, {&path, field.name}, out);
    int index = 0;
    for (const std::string_view part : slot.parts)
      append_message(field, {part}, {&path, field.name, index++}, out);
  }

  void append_message(const FieldPlan& field, const std::vector<std::string_view>& parts,
                      const FieldPath& path, std::string& out) {
    append_tag(out, field.number, field.wire);
    if (field.wire == Wire::group) {
      message(*field.message, parts, path, out);
      return append_tag(out, field.number, Wire::end_group);
    }
    std::string content;
    message(*field.message, parts, path, content);
    append_sized(out, content);
  }

  /// Each entry with its key and its value; of those with the same key the last.
  void append_map(const FieldPlan& field, const Slot& slot, const FieldPath& path,
                  std::string& out) {
    std::vector<std::vector<Slot>> entries;
    std::unordered_map<std::string, std::size_t> last;
    for (const std::string_view part : slot.parts) {
      entries.push_back(gather(*field.message, {part}, false));
      for (std::size_t i = 0; i < entries.back().size(); ++i)
        complete(field.message->fields[i], entries.back()[i]);
      last[entries.back().front().values] = entries.size() - 1;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (last[entries[i].front().values] == i)
        append_entry(field, entries[i], {&path, field.name, static_cast<int>(i)}, out);
    }
  }

  /// What is not in an entry is zero or empty.
  static void complete(const FieldPlan& field, Slot& slot) {
    if (std::exchange(slot.present, true)) return;
    constexpr std::size_t zeros[] = {1, 8, 1, 0, 0, 4};  // of an encoded zero, by wire type
    if (field.message == nullptr)
      slot.values.assign(zeros[static_cast<std::size_t>(field.wire)], '\0');
  }

  void append_entry(const FieldPlan& field, const std::vector<Slot>& entry, const FieldPath& path,
                    std::string& out) {
    std::string content;
    for (std::size_t i = 0; i < entry.size(); ++i) {
      const FieldPlan& part = field.message->fields[i];  // the key, the value
      if (part.message != nullptr) {
        append_message(part, entry[i].parts, path, content);
      } else {
        append_tag(content, part.number, part.wire);
        content += entry[i].values;
      }
    }
    append_tag(out, field.number, Wire::len);
    append_sized(out, content);
  }

  Normalized& result_;
};

}  // namespace

Normalized normalize(const TypePlan& plan, std::string_view bytes) {
  Normalized result;
  Normalizer(result).message(plan, {bytes}, {}, result.bytes);
  return result;
}

}  // namespace compactor::schema
