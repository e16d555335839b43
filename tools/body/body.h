// Bodies as a user sees and types them. The seam for message types: what is known of a body beyond
// its bytes comes from a TypeCodec, and nothing else in tools/ knows of types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// Knows message types by the names of the messages. Used from one thread at a time.
class TypeCodec {
 public:
  virtual ~TypeCodec() = default;

  /// Appends what stands beside the other keys of a message's JSON object, beginning with a comma:
  /// `,"body":{…},"body_type":"…"` and, where there is any, `,"body_inner":…` and
  /// `,"body_unknown":"…"`, with `key` for the word body. False when the type is not known or the
  /// bytes do not fit it: then the bytes themselves are still to be shown, and what was appended,
  /// if anything, says why or what they may be.
  virtual bool append_json(std::string& out, std::string_view name, std::string_view bytes,
                           std::string_view key) = 0;
  bool append_json(std::string& out, std::string_view name, std::string_view bytes) {
    return append_json(out, name, bytes, "body");
  }

  /// The same for people, in one line. False as above.
  virtual bool append_text(std::string& out, std::string_view name, std::string_view bytes) = 0;

  /// One phrase of what the message says, and in `marks` what is to be known of its body beside
  /// that, each mark after two blanks: fields that are missing, or of no known schema. Any text of
  /// the peer may be in the phrase. `partial`: bytes are missing, which is nothing to complain of.
  /// False as above; then `marks` may say why.
  virtual bool append_says(std::string& phrase, std::string& marks, std::string_view name,
                           std::string_view bytes, bool partial) = 0;

  /// The bytes of a message of that name from its JSON, with `unknown` (bytes of unknown fields)
  /// behind them. Nothing when no type is known for the name. Throws Failure (exit 2) for JSON that
  /// does not fit the type.
  virtual std::optional<std::string> encode(std::string_view name, std::string_view json,
                                            std::string_view unknown) = 0;

  /// The full name of the type of messages of that name; empty when none is known.
  virtual std::string type_of(std::string_view name) = 0;

  /// Why the bytes are not a whole message of that type: they do not read, or lack required fields.
  /// Empty when they are. Precondition: type_of(name) is not empty.
  virtual std::string misfit(std::string_view name, std::string_view bytes) = 0;

  /// Why the process with the PID `to` aborts when it gets such a message; empty when none is known
  /// to.
  virtual std::string fatal(std::string_view /*to*/, std::string_view /*name*/,
                            std::string_view /*bytes*/) {
    return {};
  }

  /// What follows is about another message than before, or another request and its answer.
  virtual void next_message() {}

  /// What the user may have meant by a name that is no known type, as a hint. May be empty.
  virtual std::string suggestion(std::string_view name) = 0;
};

/// More than any receiver takes by default, so that a slip of the finger (10g) or a wrong file name
/// (/dev/zero) is refused before it has cost all memory.
inline constexpr std::size_t largest_body = std::size_t{1} << 30;

/// How a body was given: as text, as JSON, or as bytes (a file, hex, base64).
enum class BodyForm { text, json, bytes };

/// How bodies are shown: --body.
enum class BodyMode { automatic, json, pretty, text, hex, base64, none, summary };

/// The names of all modes, in the order of BodyMode.
std::vector<std::string> body_mode_names();
/// Throws Failure (exit 2).
BodyMode parse_body_mode(std::string_view text);

/// Bytes -> what is shown. `types` may be null: no type is known then.
class BodyView {
 public:
  explicit BodyView(BodyMode mode = BodyMode::automatic, TypeCodec* types = nullptr)
      : mode_(mode), types_(types) {}

  /// The body keys of a JSON object, each with a comma before it; nothing in the modes none and
  /// summary. `key`: instead of the word body.
  void append_json(std::string& out, std::string_view name, std::string_view bytes,
                   std::string_view key = "body") const;
  /// For a terminal, with a blank before it, escaped; long bodies are cut in the modes auto and
  /// json. In the mode pretty on lines of its own.
  void append_text(std::string& out, std::string_view name, std::string_view bytes) const;

  /// What a message says, for a line that may be cut: a phrase where its type is known and shown,
  /// else its name, with the beginning of its body in the mode auto. Escaped for a terminal.
  struct Says {
    std::string text{};
    std::string marks{};  // what is not to be cut: each after two blanks
    bool known = false;   // it is a phrase
  };
  Says says(std::string_view name, std::string_view bytes) const {
    return says(name, bytes, bytes.size(), false);
  }
  /// `size`: of the whole body, where that is not at hand.
  Says says(std::string_view name, std::string_view bytes, std::size_t size, bool partial) const;
  /// The same of a body of the HTTP API, which may be JSON.
  Says api_says(std::string_view type, std::string_view bytes) const;
  /// Whether append_below() shows any body.
  bool shows_below() const {
    return mode_ != BodyMode::automatic && mode_ != BodyMode::none && mode_ != BodyMode::summary;
  }
  /// The whole body on lines of its own, each begun by a line end and four blanks; nothing in the
  /// modes auto, none and summary. `type`, `bytes`: as of append_text().
  void append_below(std::string& out, std::string_view name, std::string_view bytes) const;
  void append_api_below(std::string& out, std::string_view type, std::string_view bytes) const;
  /// The body in one line, if it is that short and its type is known; else empty.
  std::string short_body(std::string_view name, std::string_view bytes, std::size_t width) const;
  /// ,"says":"…" where the body is shown as JSON of a known type.
  void append_says_json(std::string& out, std::string_view name, std::string_view bytes,
                        bool partial = false) const;
  void append_api_says_json(std::string& out, std::string_view type, std::string_view bytes) const;

  /// The same of a body of the HTTP API, whose type is known and which may be JSON itself: that is
  /// shown as it came.
  void append_api_json(std::string& out, std::string_view type, std::string_view bytes,
                       std::string_view key = "body") const;
  void append_api_text(std::string& out, std::string_view type, std::string_view bytes) const;

 private:
  bool shows_json() const {
    return mode_ == BodyMode::automatic || mode_ == BodyMode::json || mode_ == BodyMode::pretty;
  }
  void append_bytes(std::string& out, std::string_view name, std::string_view bytes) const;
  /// A body of the API that is JSON as protobuf; empty when it is not of that type.
  std::string encoded(std::string_view type, std::string_view json) const;

  BodyMode mode_;
  TypeCodec* types_;
};

/// The forms of read_body(), for the help of the commands that take a body.
inline constexpr const char* body_forms = "text, @FILE, - (stdin), hex:…, base64:…, text:…, {…}";

/// What a user typed -> bytes: text, `text:…` (the rest, whatever it begins with), `@FILE`, `-`
/// (standard input), `hex:…`, `base64:…`, `{…}` (JSON for the type that the message is named after;
/// with `raw`, or for a name without a dot and no known type, text). Throws Failure: exit 2 for
/// what does not read or fit, 6 for a file that cannot be read.
std::string read_body(std::string_view name, const std::string& typed, bool raw, TypeCodec* types);
/// The form of what read_body() reads.
BodyForm form_of(std::string_view typed, bool raw);

/// JSON text -> bytes, for a name of which the type must be known. Throws Failure (exit 2).
std::string encode_json(std::string_view name, std::string_view json, std::string_view unknown,
                        TypeCodec* types);

/// The whole of a file, `-` is standard input. Throws Failure (exit 6).
std::string read_file(const std::string& path);

/// The next key of a JSON object that is not empty: ,"KEYSUFFIX": as in ,"body_text":
void append_key(std::string& out, std::string_view key, std::string_view suffix);

}  // namespace tool
