#include "schema/guess.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <tuple>

#include "schema/plan.h"
#include "schema/wire_format.h"
#include "text/utf8.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;
using Type = pb::FieldDescriptor;

struct Evidence {
  std::size_t opaque = 0;  // bytes of which the type says nothing
  int values = 0;          // numbers, names, texts and messages that it told apart
};

/// Reads bytes as a type and gathers what speaks for it. Its functions are false when something
/// speaks against it.
class Witness {
 public:
  bool message(const TypePlan& plan, std::string_view bytes, int depth) {
    if (depth >= max_depth) return false;
    unsigned required = 0;
    const FieldPlan* last = nullptr;
    WireCursor in(bytes);
    while (!in.done()) {
      std::uint32_t number = 0;
      Wire wire{};
      if (!in.tag(number, wire)) return false;
      const FieldPlan* field = plan.find(number);
      if (field == nullptr || !field->accepts(wire) || wire == Wire::group) return false;
      // As serializers write them: by number, a singular one once.
      const bool again = field == last;
      if (again ? !field->repeated : last != nullptr && number < last->number) return false;
      if (!again) required += static_cast<unsigned>(field->required);
      last = field;
      if (!value(*field, wire, in, depth)) return false;
    }
    return required == plan.required && in.minimal;
  }
  const Evidence& evidence() const { return evidence_; }

 private:
  bool value(const FieldPlan& field, Wire wire, WireCursor& in, int depth) {
    ++evidence_.values;
    std::string_view bytes;
    if (wire != Wire::len) return number(field, in);
    if (!in.bytes(bytes)) return false;
    if (field.message != nullptr) return message(*field.message, bytes, depth + 1);
    if (field.type == Type::TYPE_STRING) {
      if (!text::is_printable(bytes)) evidence_.opaque += bytes.size();
      return text::is_utf8(bytes);
    }
    if (field.type == Type::TYPE_BYTES) {
      constexpr std::size_t uuid = 16;
      const bool known = field.inner != nullptr && field.inner->holds.empty();
      if (!known || bytes.size() != uuid) evidence_.opaque += bytes.size();
      return true;
    }
    WireCursor packed(bytes);
    while (!packed.done()) {
      if (!number(field, packed)) return false;
    }
    return true;
  }

  bool number(const FieldPlan& field, WireCursor& in) {
    std::uint64_t raw = 0;
    std::uint32_t word = 0;
    if (field.wire == Wire::i32) return in.fixed(word);
    if (field.wire == Wire::i64) {
      double real = 0;
      if (!in.fixed(raw)) return false;
      std::memcpy(&real, &raw, sizeof real);
      // What is no double is seldom one that somebody meant: 1e-310, say.
      if (field.type == Type::TYPE_DOUBLE && real != 0 && !std::isnormal(real))
        evidence_.opaque += sizeof real;
      return true;
    }
    if (!in.varint(raw)) return false;
    if (field.type == Type::TYPE_BOOL) return raw <= 1;
    if (field.enumeration == nullptr) return true;
    return raw <= INT32_MAX && field.enumeration->name(static_cast<std::int32_t>(raw)) != nullptr;
  }

  Evidence evidence_;
};

struct Candidate {
  Guess guess;
  int values = 0;

  /// Of what fits as well, messages that travel alone come first, and the types that demand most
  /// and allow least.
  auto rank() const {
    const std::string& name = guess.type->full_name();
    const bool travels = name.starts_with("mesos.internal.") && name.ends_with("Message");
    return std::tuple(-guess.fit, -values, !travels, guess.type->field_count(), name);
  }
};

}  // namespace

TypeGuesser::TypeGuesser(const Catalog& catalog)
    : catalog_(catalog), plans_(std::make_unique<Plans>()) {}

TypeGuesser::~TypeGuesser() = default;

std::vector<Guess> TypeGuesser::types_of(std::string_view bytes) {
  std::vector<Candidate> found;
  if (bytes.empty()) return {};
  for (const std::string& name : catalog_.list()) {
    const pb::Descriptor& type = catalog_.get(name);
    Witness witness;
    if (!witness.message(plans_->of(type), bytes, 0)) continue;
    const auto explained = bytes.size() - witness.evidence().opaque;
    found.push_back({{&type, static_cast<double>(explained) / static_cast<double>(bytes.size())},
                     witness.evidence().values});
  }
  std::sort(found.begin(), found.end(),
            [](const Candidate& a, const Candidate& b) { return a.rank() < b.rank(); });
  std::vector<Guess> guesses;
  guesses.reserve(found.size());
  for (const Candidate& candidate : found) guesses.push_back(candidate.guess);
  return guesses;
}

}  // namespace compactor::schema
