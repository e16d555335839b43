// Message types for the commands: the schema room behind the seam of body.h.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "body/body.h"
#include "schema/body_decoder.h"
#include "schema/catalog.h"
#include "schema/json_reader.h"
#include "trace/facts.h"
#include "trace/lint.h"
#include "trace/reading.h"

namespace tool {

/// -I --proto --protoset --type --emit-defaults --no-inner --force
struct TypeOptions {
  compactor::schema::Sources sources;
  bool emit_defaults = false;
  bool no_inner = false;
  bool force = false;  // encode JSON that lacks required fields
};

/// Mesos and the user's types. The user's files are read by the constructor, which throws Failure
/// (exit 2); the built-in types are loaded with the first body. Thread-safe.
class SchemaCodec : public TypeCodec {
 public:
  explicit SchemaCodec(const TypeOptions& options = {});

  /// Beside the keys that are promised: `body_missing`, the paths of required fields that are not
  /// there; `body_schema`, the release of Mesos whose schema the body is decoded by, where it fits
  /// that better than the built-in one; `body_inexact`, why the body does not encode to the same
  /// bytes again, with `body_base64`, which are those bytes. When the bytes do not fit the type:
  /// `body_type` and `body_error`, and false; of a name with a dot that is no known type:
  /// `body_guess`, its fields by number, and false.
  using TypeCodec::append_json;
  bool append_json(std::string& out, std::string_view name, std::string_view bytes,
                   std::string_view key) override;
  bool append_text(std::string& out, std::string_view name, std::string_view bytes) override;
  bool append_says(std::string& phrase, std::string& marks, std::string_view name,
                   std::string_view bytes, bool partial) override;
  std::optional<std::string> encode(std::string_view name, std::string_view json,
                                    std::string_view unknown) override;
  std::string type_of(std::string_view name) override;
  std::string misfit(std::string_view name, std::string_view bytes) override;
  std::string suggestion(std::string_view name) override;
  std::string fatal(std::string_view to, std::string_view name, std::string_view bytes) override;

  /// Where its types are from. Not for use beside its other functions on another thread.
  const compactor::schema::Catalog& catalog() const { return *catalog_; }

  /// Each body of a message counts once in misfits(), however often it is decoded. Without any call
  /// of this, each time counts.
  void next_message() override;
  /// Bodies so far that did not fit their type.
  std::uint64_t misfits() const { return misfits_; }

 private:
  const google::protobuf::Descriptor* decode_old_name(std::string_view name,
                                                      std::string_view bytes);
  void count_misfit(std::string_view bytes);
  void append_marks(std::string& out) const;
  void append_of_old_schema(std::string& phrase, const google::protobuf::Descriptor& type) const;

  std::mutex mutex_;  // the console renders on one thread, an actor's lines are read on another
  std::unique_ptr<compactor::schema::Catalog> catalog_;
  compactor::schema::BodyDecoder decoder_;
  compactor::schema::JsonReader reader_;
  compactor::schema::DecodedBody decoded_;
  /// What messages say: made when it is first asked for.
  struct Speaker {
    explicit Speaker(const compactor::schema::Catalog& catalog) : reader(facts, catalog) {}
    compactor::trace::Facts facts;
    compactor::trace::Reader reader;
  };
  std::optional<Speaker> speaker_;
  std::optional<compactor::trace::Lint> lint_;  // likewise
  std::uint64_t misfits_ = 0;
  std::optional<std::vector<std::string_view>> counted_;  // of this message; only where they stood
};

/// The catalog of these sources; throws Failure (exit 2).
std::unique_ptr<compactor::schema::Catalog> make_catalog(const compactor::schema::Sources& sources);

}  // namespace tool
