#include "trace/body_report.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <array>

namespace compactor::trace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using schema::Wire;
using schema::WireCursor;

namespace {

constexpr unsigned kFault = 1;
constexpr unsigned kMissing = 2;
constexpr unsigned kUnknown = 4;
constexpr unsigned kDeprecated = 8;

constexpr std::uint32_t kLow = 256;          // numbers that are looked up by themselves
constexpr std::size_t kMostNamed = 5;        // paths, of each kind
constexpr std::uint64_t kMostRequired = 64;  // fields of a type; none of Mesos has so many

std::string_view to_string(Wire wire) {
  constexpr std::array<std::string_view, 6> names = {"varint", "i64",   "len",
                                                     "group",  "group", "i32"};
  return names[static_cast<std::size_t>(wire)];
}

/// What Mesos itself still sends, of whatever release: nothing to tell of a peer.
constexpr std::array<std::string_view, 6> kInUse = {
    "mesos.Resource.role",    "mesos.FrameworkInfo.role",    "mesos.ExecutorInfo.source",
    "mesos.v1.Resource.role", "mesos.v1.FrameworkInfo.role", "mesos.v1.ExecutorInfo.source"};

bool is_in_use(const FieldDescriptor& field) {
  return std::find(kInUse.begin(), kInUse.end(), field.full_name()) != kInUse.end();
}

/// SlaveInfo.checkpoint, which an agent hands on to executors of the v1 API that have no such
/// field.
bool is_handed_on(const Descriptor& type, std::uint32_t number) {
  constexpr std::uint32_t checkpoint = 7;
  return number == checkpoint && type.full_name() == "mesos.v1.AgentInfo";
}

void name(std::vector<std::string>& names, std::string path) {
  if (names.size() < kMostNamed && std::find(names.begin(), names.end(), path) == names.end())
    names.push_back(std::move(path));
}

}  // namespace

std::size_t BodyReporter::node_of(const Descriptor& type) {
  const auto [found, is_new] = by_type_.try_emplace(&type, nodes_.size());
  const std::size_t number = found->second;
  if (!is_new) return number;
  Node& node = nodes_.emplace_back();
  node.type = &type;
  std::uint64_t required = 0;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& descriptor = *type.field(i);
    Field field{.field = &descriptor,
                .wire = schema::wire_of(descriptor.type()),
                .packable = descriptor.is_packable(),
                .deprecated = descriptor.options().deprecated() && !is_in_use(descriptor)};
    if (descriptor.is_required() && required < kMostRequired)
      field.required = std::uint64_t{1} << required++;
    if (descriptor.message_type() != nullptr) field.inside = node_of(*descriptor.message_type());
    node.required |= field.required;
    const auto at = static_cast<std::uint32_t>(descriptor.number());
    if (at >= kLow) {
      node.high.emplace(at, field);
      continue;
    }
    if (node.low.size() <= at) node.low.resize(at + 1);
    node.low[at] = field;
  }
  return number;
}

const BodyReporter::Field* BodyReporter::find(const Node& node, std::uint32_t number) const {
  if (number < node.low.size())
    return node.low[number].field == nullptr ? nullptr : &node.low[number];
  if (node.high.empty()) return nullptr;
  const auto found = node.high.find(number);
  return found == node.high.end() ? nullptr : &found->second;
}

/// Where in the message it is.
std::string BodyReporter::path_of(const Trail& trail, std::string_view last) {
  std::string path(last);
  for (const Trail* at = &trail; at->field != nullptr; at = at->up)
    path = at->field->name() + "." + path;
  return path;
}

/// A field that is none of the type, or is written otherwise.
unsigned BodyReporter::note_unfit(const Trail& trail, const Field* field, std::uint32_t number,
                                  Wire wire, BodyReport* report) {
  const unsigned found = field == nullptr ? kUnknown : kFault;
  if (report == nullptr) return found;
  if (field == nullptr) {
    name(report->unknown,
         path_of(trail, std::to_string(number)) + " (" + std::string(to_string(wire)) + ")");
  } else if (report->fault.empty()) {
    report->fault = path_of(trail, field->field->name()) + " is written as " +
                    std::string(to_string(wire)) + ", not as " +
                    std::string(to_string(field->wire));
  }
  return found;
}

/// `report` is null when only the kinds of what there is are asked for.
unsigned BodyReporter::walk(std::size_t node_number, std::string_view body, int depth,
                            const Trail& trail, BodyReport* report) const {
  if (depth > schema::max_depth) return kFault;
  const Node& node = nodes_[node_number];
  std::uint64_t seen = 0;
  unsigned found = 0;
  WireCursor cursor(body);
  while (!cursor.done()) {
    std::uint32_t number = 0;
    Wire wire{};
    if (!cursor.tag(number, wire)) return found | kFault;
    const Field* field = find(node, number);
    if (field == nullptr || (wire != field->wire && !(field->packable && wire == Wire::len))) {
      if (field != nullptr || !is_handed_on(*node.type, number))
        found |= note_unfit(trail, field, number, wire, report);
      if (!cursor.skip(number, wire)) return found | kFault;
      continue;
    }
    seen |= field->required;
    if (field->deprecated) {
      found |= kDeprecated;
      if (report != nullptr) name(report->deprecated, path_of(trail, field->field->name()));
    }
    if (wire != Wire::len || field->inside == kNone) {
      if (!cursor.skip(number, wire)) return found | kFault;
      continue;
    }
    std::string_view inside;
    if (!cursor.bytes(inside)) return found | kFault;
    found |= walk(field->inside, inside, depth + 1, {&trail, field->field}, report);
  }
  return seen == node.required ? found : found | kMissing;
}

unsigned BodyReporter::glance(const Descriptor& type, std::string_view body) {
  return walk(node_of(type), body, 0, {}, nullptr);
}

BodyReport BodyReporter::look(const Descriptor& type, std::string_view body) {
  BodyReport report;
  const unsigned found = walk(node_of(type), body, 0, {}, &report);
  decoder_.decode(type, body, decoded_);
  if (!decoded_.schema.empty()) {
    report = {};
    report.release = decoded_.schema;
    return report;
  }
  if ((found & kFault) != 0 && report.fault.empty())
    report.fault = decoded_.ok() ? "it nests too deep" : decoded_.fault;
  report.missing = decoded_.missing;
  return report;
}

}  // namespace compactor::trace
