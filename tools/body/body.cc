#include "body/body.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "body/body_document.h"
#include "body/encoding.h"
#include "cli/failure.h"
#include "cli/values.h"
#include "text/base64.h"
#include "text/hex.h"
#include "text/json_text.h"
#include "text/utf8.h"

namespace tool {

namespace {

constexpr std::size_t shown_at_most = 200;  // bytes of a body, where it may be cut

constexpr std::array<std::pair<std::string_view, BodyMode>, 8> modes{
    {{"auto", BodyMode::automatic},
     {"json", BodyMode::json},
     {"pretty", BodyMode::pretty},
     {"text", BodyMode::text},
     {"hex", BodyMode::hex},
     {"base64", BodyMode::base64},
     {"none", BodyMode::none},
     {"summary", BodyMode::summary}}};

void append_text_or_base64(std::string& out, std::string_view bytes, std::string_view key) {
  const bool text = compactor::text::is_printable(bytes);
  append_key(out, key, text ? "_text" : "_base64");
  out += '"';
  if (text) {
    compactor::text::append_json_escaped(out, bytes);
  } else {
    compactor::text::append_base64(out, bytes);
  }
  out += '"';
}

/// The start of the bytes, cut between characters.
std::string_view start_of(std::string_view bytes) {
  auto end = shown_at_most;
  while (end > shown_at_most - 3 && (static_cast<unsigned char>(bytes[end]) & 0xc0) == 0x80) --end;
  return bytes.substr(0, end);
}

void append_readable(std::string& out, std::string_view bytes, bool cut) {
  bool long_one = cut && bytes.size() > shown_at_most;
  auto shown = long_one ? start_of(bytes) : bytes;
  append_terminal_escaped(out, shown);
  if (long_one) out += "… (" + std::to_string(bytes.size() - shown.size()) + " B more)";
}

Failure bad_body(const std::string& message, std::string hint) {
  return Failure(Exit::usage, "body", message, std::move(hint));
}

}  // namespace

void append_key(std::string& out, std::string_view key, std::string_view suffix) {
  out.append(",\"").append(key).append(suffix).append("\":");
}

std::vector<std::string> body_mode_names() {
  std::vector<std::string> names;
  names.reserve(std::size(modes));
  for (const auto& mode : modes) names.emplace_back(mode.first);
  return names;
}

BodyMode parse_body_mode(std::string_view text) {
  for (const auto& [name, mode] : modes) {
    if (name == text) return mode;
  }
  throw Failure(Exit::usage, "usage", "\"" + std::string(text) + "\" is no way to show a body",
                "one of auto, json, pretty, text, hex, base64, none, summary");
}

void BodyView::append_json(std::string& out, std::string_view name, std::string_view bytes,
                           std::string_view key) const {
  switch (mode_) {
    case BodyMode::none:
    case BodyMode::summary:
      return;
    case BodyMode::hex:
      append_key(out, key, "_hex");
      out += '"';
      compactor::text::append_hex(out, bytes);
      out += '"';
      return;
    case BodyMode::base64:
      append_key(out, key, "_base64");
      out += '"';
      compactor::text::append_base64(out, bytes);
      out += '"';
      return;
    case BodyMode::automatic:
    case BodyMode::json:
    case BodyMode::pretty:
      if (types_ != nullptr && types_->append_json(out, name, bytes, key)) return;
      break;
    case BodyMode::text:
      break;
  }
  append_text_or_base64(out, bytes, key);
}

void BodyView::append_api_json(std::string& out, std::string_view type, std::string_view bytes,
                               std::string_view key) const {
  const auto json = shows_json() ? compact_json(bytes) : std::nullopt;
  if (!json) return append_json(out, type, bytes, key);
  append_key(out, key, "");
  out += *json;
  if (type.empty()) return;
  append_key(out, key, "_type");
  out.append("\"").append(type).append("\"");
}

void BodyView::append_api_text(std::string& out, std::string_view type,
                               std::string_view bytes) const {
  const auto json = shows_json() ? compact_json(bytes) : std::nullopt;
  append_text(out, json ? std::string_view() : type, json ? std::string_view(*json) : bytes);
}

void BodyView::append_text(std::string& out, std::string_view name, std::string_view bytes) const {
  if (mode_ == BodyMode::none || mode_ == BodyMode::summary || bytes.empty()) return;
  if (mode_ == BodyMode::pretty) return append_below(out, name, bytes);
  out += "  ";
  append_bytes(out, name, bytes);
}

/// As the mode says.
void BodyView::append_bytes(std::string& out, std::string_view name, std::string_view bytes) const {
  switch (mode_) {
    case BodyMode::hex:
      compactor::text::append_hex(out, bytes);
      return;
    case BodyMode::base64:
      compactor::text::append_base64(out, bytes);
      return;
    case BodyMode::text:
      append_readable(out, bytes, false);
      return;
    default:
      break;
  }
  if (types_ != nullptr && types_->append_text(out, name, bytes)) return;
  append_readable(out, bytes, true);
}

BodyView::Says BodyView::says(std::string_view name, std::string_view bytes, std::size_t size,
                              bool partial) const {
  Says says;
  std::string phrase;
  if (types_ != nullptr && shows_json())
    says.known = types_->append_says(phrase, says.marks, name, bytes, partial);
  if (says.known) {
    append_terminal_escaped(says.text, phrase);
    return says;
  }
  append_terminal_escaped(says.text, name.empty() ? "(no name)" : name);
  says.text += "  " + human_size(static_cast<double>(size));
  if (mode_ != BodyMode::automatic) return says;
  if (says.marks.empty()) {
    append_text(says.text, name, bytes);
  } else {
    append_readable(says.text += "  ", bytes, true);  // the marks say why it is not decoded
  }
  return says;
}

std::string BodyView::encoded(std::string_view type, std::string_view json) const {
  try {
    return types_->encode(type, json, {}).value_or(std::string());
  } catch (const Failure&) {
    return {};  // it says nothing then; the body itself tells why
  }
}

BodyView::Says BodyView::api_says(std::string_view type, std::string_view bytes) const {
  if (types_ == nullptr || type.empty() || !shows_json()) return {};
  auto said = looks_like_json(bytes) ? says(type, encoded(type, bytes)) : says(type, bytes);
  return said.known ? said : Says();
}

void BodyView::append_below(std::string& out, std::string_view name, std::string_view bytes) const {
  if (!shows_below() || bytes.empty()) return;
  out += "\n    ";
  std::string decoded;
  if (mode_ == BodyMode::pretty && types_ != nullptr && types_->append_text(decoded, name, bytes)) {
    append_indented_json(out, decoded, 4);
  } else {
    append_bytes(out, name, bytes);
  }
}

void BodyView::append_api_below(std::string& out, std::string_view type,
                                std::string_view bytes) const {
  const auto json = shows_json() ? compact_json(bytes) : std::nullopt;
  if (!json) return append_below(out, type, bytes);
  if (mode_ == BodyMode::automatic) return;
  out += "\n    ";
  mode_ == BodyMode::pretty ? append_indented_json(out, terminal_escaped(*json), 4)
                            : append_terminal_escaped(out, *json);
}

std::string BodyView::short_body(std::string_view name, std::string_view bytes,
                                 std::size_t width) const {
  std::string text;
  const bool asked =
      mode_ == BodyMode::automatic && types_ != nullptr && !bytes.empty() && bytes.size() <= width;
  if (!asked || !types_->append_text(text, name, bytes) || text.size() > width) return {};
  return text;
}

void BodyView::append_says_json(std::string& out, std::string_view name, std::string_view bytes,
                                bool partial) const {
  std::string phrase;
  std::string marks;
  if (types_ == nullptr || !shows_json() || types_->type_of(name).empty()) return;
  if (!types_->append_says(phrase, marks, name, bytes, partial)) return;
  append_key(out, "says", "");
  out += '"';
  compactor::text::append_json_escaped(out, phrase);
  out += '"';
}

void BodyView::append_api_says_json(std::string& out, std::string_view type,
                                    std::string_view bytes) const {
  if (types_ == nullptr || type.empty() || !shows_json()) return;
  looks_like_json(bytes) ? append_says_json(out, type, encoded(type, bytes))
                         : append_says_json(out, type, bytes);
}

std::string encode_json(std::string_view name, std::string_view json, std::string_view unknown,
                        TypeCodec* types) {
  if (types != nullptr) {
    if (auto bytes = types->encode(name, json, unknown)) return *std::move(bytes);
  }
  auto suggestion = types == nullptr ? std::string() : types->suggestion(name);
  throw bad_body(
      "\"" + std::string(name) + "\" is no known message type, so its JSON cannot be encoded",
      (suggestion.empty() ? "" : suggestion + ' ') + "--raw sends the text as it is");
}

std::string read_file(const std::string& path) {
  auto fail = [&](int error) {
    return Failure(
        Exit::local, "file",
        "cannot read " + std::string(path) + ": " + std::generic_category().message(error));
  };
  int fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw fail(errno);
  std::string bytes;
  std::array<char, 65536> piece;
  ssize_t got = 0;
  do {
    got = ::read(fd, piece.data(), piece.size());
    if (got > 0) bytes.append(piece.data(), static_cast<std::size_t>(got));
  } while (bytes.size() <= largest_body && (got > 0 || (got < 0 && errno == EINTR)));
  int error = got < 0 ? errno : bytes.size() > largest_body ? EFBIG : 0;
  if (fd != STDIN_FILENO) ::close(fd);
  if (error != 0) throw fail(error);
  return bytes;
}

BodyForm form_of(std::string_view typed, bool raw) {
  bool bytes = typed == "-" || typed.starts_with('@') || typed.starts_with("hex:") ||
               typed.starts_with("base64:");
  if (bytes) return BodyForm::bytes;
  return typed.starts_with('{') && !raw ? BodyForm::json : BodyForm::text;
}

std::string read_body(std::string_view name, const std::string& typed, bool raw, TypeCodec* types) {
  if (typed.starts_with("text:")) return typed.substr(5);
  if (typed == "-") return read_file("-");
  if (typed.starts_with('@')) return read_file(typed.substr(1));
  if (typed.starts_with("hex:")) {
    auto bytes = compactor::text::decode_hex(std::string_view(typed).substr(4));
    if (!bytes)
      throw bad_body("the body after hex: is not pairs of hexadecimal digits", "as in hex:0801");
    return *std::move(bytes);
  }
  if (typed.starts_with("base64:")) {
    auto bytes = compactor::text::decode_base64(std::string_view(typed).substr(7));
    if (!bytes) throw bad_body("the body after base64: is no base64", "as in base64:CAE=");
    return *std::move(bytes);
  }
  if (raw || !typed.starts_with('{')) return typed;
  if (name.find('.') != std::string_view::npos) return encode_json(name, typed, {}, types);
  // A name without a dot may still be mapped to a type; if it is not, the braces are text.
  auto bytes = types == nullptr ? std::nullopt : types->encode(name, typed, {});
  return bytes ? *std::move(bytes) : typed;
}

}  // namespace tool
