#include "body/type_codec.h"

#include <algorithm>

#include "body/body_document.h"
#include "body/encoding.h"
#include "body/mailbox_names.h"
#include "cli/failure.h"
#include "schema/raw_decoder.h"
#include "text/base64.h"
#include "text/json_text.h"
#include "text/nearest.h"
#include "text/utf8.h"

namespace tool {

namespace {

using compactor::schema::DecodedBody;
using compactor::schema::SchemaError;
using compactor::schema::UnreadableSource;

void append_text_key(std::string& out, std::string_view key, std::string_view suffix,
                     std::string_view value) {
  append_key(out, key, suffix);
  out += '"';
  compactor::text::append_json_escaped(out, value);
  out += '"';
}

void append_base64_key(std::string& out, std::string_view key, std::string_view suffix,
                       std::string_view bytes) {
  append_key(out, key, suffix);
  out += '"';
  compactor::text::append_base64(out, bytes);
  out += '"';
}

void append_missing(std::string& out, std::string_view key,
                    const std::vector<std::string>& missing) {
  if (missing.empty()) return;
  append_key(out, key, "_missing");
  out += '[';
  for (std::size_t i = 0; i < missing.size(); ++i) {
    out += i == 0 ? "\"" : ",\"";
    compactor::text::append_json_escaped(out, missing[i]);
    out += '"';
  }
  out += ']';
}

std::string fault_of(const DecodedBody& body) {
  return body.fault + " at byte " + std::to_string(body.fault_offset);
}

/// The fields of a body of unknown type, if it looks like protobuf: a name of Mesos' kind, and no
/// text.
bool append_guess(std::string& out, std::string_view name, std::string_view bytes) {
  return name.find('.') != std::string_view::npos && !bytes.empty() &&
         !compactor::text::is_printable(bytes) && compactor::schema::append_raw_fields(bytes, out);
}

}  // namespace

std::unique_ptr<compactor::schema::Catalog> make_catalog(
    const compactor::schema::Sources& sources) {
  try {
    return std::make_unique<compactor::schema::Catalog>(sources);
  } catch (const UnreadableSource& error) {
    throw Failure(Exit::local, "file", error.what(), error.hint());
  } catch (const SchemaError& error) {
    throw Failure(Exit::usage, "type", error.what(), error.hint());
  }
}

SchemaCodec::SchemaCodec(const TypeOptions& options)
    : catalog_(make_catalog(options.sources)),
      decoder_(*catalog_, {.emit_defaults = options.emit_defaults, .inner = !options.no_inner}),
      reader_(*catalog_, {.allow_missing = options.force}) {}

/// PING and PONG, as masters and agents said before Mesos 0.25: into decoded_, and its type. Others
/// may use these names too, so only what fits to the byte is taken for theirs.
const google::protobuf::Descriptor* SchemaCodec::decode_old_name(std::string_view name,
                                                                 std::string_view bytes) {
  const bool ping = name == old_agent_ping;
  if (!ping && name != old_agent_pong) return nullptr;
  const auto* type = catalog_->find(ping ? agent_ping : agent_pong);
  const bool fits = type != nullptr && decoder_.decode(*type, bytes, decoded_) &&
                    decoded_.exact() && decoded_.unknown.empty();
  return fits ? type : nullptr;
}

void SchemaCodec::next_message() {
  std::lock_guard lock(mutex_);
  counted_.emplace();
}

void SchemaCodec::count_misfit(std::string_view bytes) {
  const auto is_same = [&](std::string_view other) {
    return other.data() == bytes.data() && other.size() == bytes.size();
  };
  if (counted_ && std::any_of(counted_->begin(), counted_->end(), is_same)) return;
  ++misfits_;
  if (counted_) counted_->push_back(bytes);
}

bool SchemaCodec::append_json(std::string& out, std::string_view name, std::string_view bytes,
                              std::string_view key) {
  std::lock_guard lock(mutex_);
  const auto* type = catalog_->for_mailbox(name);
  const auto* old = type == nullptr ? decode_old_name(name, bytes) : nullptr;
  if (type == nullptr && old == nullptr) {
    const auto before = out.size();
    append_key(out, key, "_guess");
    if (!append_guess(out, name, bytes)) out.resize(before);
    return false;
  }
  if (old == nullptr && !decoder_.decode(*type, bytes, decoded_)) {
    count_misfit(bytes);
    append_text_key(out, key, "_type", type->full_name());
    append_text_key(out, key, "_error", fault_of(decoded_));
    return false;
  }
  append_key(out, key, "");
  out += decoded_.json;
  append_key(out, key, "_type");
  out += '"';
  out += (old != nullptr ? old : type)->full_name();
  out += '"';
  if (!decoded_.inner.empty()) {
    append_key(out, key, "_inner");
    out += decoded_.inner;
  }
  if (!decoded_.unknown.empty()) append_base64_key(out, key, "_unknown", decoded_.unknown);
  append_missing(out, key, decoded_.missing);
  if (!decoded_.schema.empty()) append_text_key(out, key, "_schema", decoded_.schema);
  if (!decoded_.exact()) {
    append_text_key(out, key, "_inexact", decoded_.inexact);
    append_base64_key(out, key, "_base64", bytes);
  }
  return true;
}

bool SchemaCodec::append_text(std::string& out, std::string_view name, std::string_view bytes) {
  std::lock_guard lock(mutex_);
  const auto* type = catalog_->for_mailbox(name);
  const auto* old = type == nullptr ? decode_old_name(name, bytes) : nullptr;
  if (type == nullptr && old == nullptr) {
    const auto before = out.size();
    out += "fields, a guess: ";
    if (append_guess(out, name, bytes)) return true;
    out.resize(before);
    return false;
  }
  if (old == nullptr && !decoder_.decode(*type, bytes, decoded_)) {
    count_misfit(bytes);
    out += "(not a " + type->full_name() + ": " + fault_of(decoded_) + ") ";
    return false;
  }
  out += decoded_.json;
  if (!decoded_.inner.empty()) out += "  inner " + decoded_.inner;
  append_marks(out);
  return true;
}

/// What is to be known of the body in decoded_ beside its fields.
void SchemaCodec::append_marks(std::string& out) const {
  const auto unknown = decoded_.unknown.size() + decoded_.unknown_below;
  if (unknown > 0) out += "  +" + std::to_string(unknown) + " B unknown";
  if (!decoded_.schema.empty()) out += "  (schema of Mesos " + decoded_.schema + ')';
  for (const auto& path : decoded_.missing) out += "  missing " + terminal_escaped(path);
  if (!decoded_.exact() && decoded_.missing.empty() && decoded_.schema.empty() && unknown == 0)
    out += "  (" + decoded_.inexact + ')';
}

/// What the body in decoded_ says, which phrases made for today's schema would get wrong: its name
/// and which call or event it is.
void SchemaCodec::append_of_old_schema(std::string& phrase,
                                       const google::protobuf::Descriptor& type) const {
  phrase += type.name();
  const auto document = parse_document(decoded_.json);
  const auto kind = document ? document->value("type", nlohmann::json()) : nlohmann::json();
  if (kind.is_string()) phrase += ' ' + kind.get<std::string>();
}

bool SchemaCodec::append_says(std::string& phrase, std::string& marks, std::string_view name,
                              std::string_view bytes, bool partial) {
  std::lock_guard lock(mutex_);
  const auto* type = catalog_->for_mailbox(name);
  const auto* old = type == nullptr ? decode_old_name(name, bytes) : nullptr;
  if (type == nullptr && old == nullptr) return false;
  if (type != nullptr && !partial) {
    if (!decoder_.decode(*type, bytes, decoded_)) {
      count_misfit(bytes);
      marks += "  bad body: " + fault_of(decoded_);
      return false;
    }
    append_marks(marks);
  }
  if (!partial && type != nullptr && !decoded_.schema.empty()) {
    append_of_old_schema(phrase, *type);
    return true;
  }
  if (!speaker_) speaker_.emplace(*catalog_);
  const std::string_view known = old != nullptr ? std::string_view(old->full_name()) : name;
  const compactor::trace::Message message{
      .name = known, .body = bytes, .size = bytes.size(), .partial = partial};
  phrase += speaker_->reader.read(message).says();
  while (phrase.ends_with(' ')) phrase.pop_back();  // before a value that is not there
  return true;
}

std::optional<std::string> SchemaCodec::encode(std::string_view name, std::string_view json,
                                               std::string_view unknown) {
  std::lock_guard lock(mutex_);
  const auto* type = catalog_->for_mailbox(name);
  if (type == nullptr) return std::nullopt;
  try {
    return reader_.encode_text(*type, json).append(unknown);
  } catch (const SchemaError& error) {
    throw Failure(Exit::usage, "body",
                  "the body is not a " + type->full_name() + ": " + error.what(), error.hint());
  }
}

std::string SchemaCodec::type_of(std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto* type = catalog_->for_mailbox(name);
  return type == nullptr ? std::string() : type->full_name();
}

std::string SchemaCodec::misfit(std::string_view name, std::string_view bytes) {
  std::lock_guard lock(mutex_);
  if (!decoder_.decode(*catalog_->for_mailbox(name), bytes, decoded_)) return fault_of(decoded_);
  if (!decoded_.schema.empty() && !decoded_.exact()) return decoded_.inexact;
  const auto& missing = decoded_.missing;
  if (missing.empty()) return {};
  constexpr std::size_t most_named = 5;
  std::string names;
  for (std::size_t i = 0; i < missing.size() && i < most_named; ++i)
    names += (i == 0 ? "" : ", ") + missing[i];
  if (missing.size() > most_named)
    names += " and " + std::to_string(missing.size() - most_named) + " more";
  return "it lacks " + names + ", which " + (missing.size() == 1 ? "is" : "are") + " required";
}

std::string SchemaCodec::fatal(std::string_view to, std::string_view name, std::string_view bytes) {
  if (!name.starts_with("mesos.internal.")) return {};
  std::lock_guard lock(mutex_);
  if (!lint_) lint_.emplace(*catalog_);
  return lint_->fatal(to, name, bytes);
}

std::string SchemaCodec::suggestion(std::string_view name) {
  std::lock_guard lock(mutex_);
  return compactor::text::did_you_mean(catalog_->suggest(name));
}

}  // namespace tool
