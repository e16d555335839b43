#include "schema/body_decoder.h"

#include <string>
#include <utility>

#include "schema/old_schema.h"

namespace compactor::schema {
namespace {

/// How badly a body fits: what it lacks weighs more than what is not known of it.
struct Misfit {
  std::size_t missing = 0;
  std::size_t unknown = 0;

  explicit Misfit(const DecodedBody& body)
      : missing(body.missing.size()),
        unknown(body.unknown.size() + body.unknown_below + body.unnamed) {}
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads the 0 of the comparison as a pointer
  auto operator<=>(const Misfit&) const = default;
};

/// Bytes that are not even of the built-in type may be anything: only an older one that explains
/// all of them is taken.
bool is_better(const DecodedBody& older, const DecodedBody& body) {
  if (older.fits()) return !body.fits();
  return older.ok() && body.ok() && Misfit(older) < Misfit(body);
}

}  // namespace

bool BodyDecoder::decode(const google::protobuf::Descriptor& type, std::string_view bytes,
                         DecodedBody& body) {
  const bool ok = writer_.decode(type, bytes, body);
  if (catalog_.is_builtin(type))
    return body.fits() || bytes.empty() ? ok : try_older(type, bytes, body);
  const Release release = catalog_.old_schemas().release_of(type);
  if (release < 0) return ok;
  if (!body.fits() && !bytes.empty()) try_older(type, bytes, body);
  if (body.schema.empty()) body.schema = catalog_.old_schemas().history().name(release);
  return body.ok();
}

bool BodyDecoder::try_older(const google::protobuf::Descriptor& type, std::string_view bytes,
                            DecodedBody& body) {
  // Each release is a reading of all of it.
  constexpr std::size_t largest_tried = 256 << 10;
  if (bytes.size() > largest_tried) return body.ok();
  OldSchemas& schemas = catalog_.old_schemas();
  for (const Release release : schemas.ends_of(type.full_name())) {
    const auto* old = schemas.find(type.full_name(), release);
    if (old == nullptr) continue;
    writer_.decode(*old, bytes, older_);
    if (!is_better(older_, body)) continue;
    std::swap(body, older_);
    body.schema = schemas.history().name(release);
    body.inexact = "it fits the schema of Mesos " + body.schema + ", not the built-in one";
    if (body.fits()) break;
  }
  return body.ok();
}

}  // namespace compactor::schema
