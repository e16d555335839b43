// compactor decode: bytes -> JSON, without any network.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "body/body.h"
#include "body/line_body.h"
#include "body/line_splitter.h"
#include "body/type_codec.h"
#include "cli/command_line.h"
#include "cli/failure.h"
#include "cli/signals.h"
#include "commands/program.h"
#include "node/run.h"
#include "output/console.h"
#include "output/json_line.h"
#include "output/options.h"
#include "schema/guess.h"
#include "send/batch.h"

namespace tool {

namespace {

struct DecodeOptions {
  OutputOptions output;
  TypeOptions types;
  std::optional<std::string> batch;
  std::optional<std::uint64_t> max;
  std::optional<std::string> first;   // the TYPE, or the BODY if it is the only one
  std::optional<std::string> second;  // the BODY
};

CommandLine declare(DecodeOptions& options) {
  CommandLine line(
      "decode",
      "Shows bytes as the JSON of a message type. Without a TYPE: the types that fit, best first.",
      "  compactor decode mesos.internal.PingSlaveMessage hex:0801\n"
      "  compactor decode base64:CgYKBGZ3LTEQAg==    which types may it be?\n"
      "  compactor decode mesos.TaskInfo @task.bin\n"
      "  compactor decode mesos.v1.scheduler.Event --batch events.txt\n");
  line.positional("TYPE", options.first, "full name of a type; a single argument is the body");
  line.positional("BODY", options.second, body_forms);
  line.text("--batch", "FILE", options.batch,
            "decode each line of a file (-: stdin): a body as above, or a recorded NDJSON line");
  line.number("--max", 1, 10000, options.max,
              "without TYPE: show at most so many types (10, with --batch 1)");
  add_type_options(line, options.types);
  add_output_options(line, options.output);
  return line;
}

/// Decodes one body after the other and counts what became of them.
class Decoder {
 public:
  Decoder(const DecodeOptions& options, const std::string& type, Console& console)
      : options_(options),
        type_(type),
        console_(console),
        codec_(options.types),
        most_(options.max.value_or(options.batch ? 1 : 10)) {
    if (!type.empty()) require_known(type);
  }

  void one(const std::string& typed) {
    if (type_.empty() && typed.starts_with('{'))
      throw Failure(Exit::usage, "body", "a body in JSON needs a TYPE",
                    "compactor decode TYPE '{…}'; text:{… is these characters");
    show(type_, read_body(type_, typed, false, &codec_), 0);
  }

  /// A line, or the start of one that is too long.
  void line(std::string_view line, std::size_t number, bool too_long) {
    try {
      if (too_long)
        throw Failure(Exit::usage, "body",
                      "it is longer than " + std::to_string(longest_line >> 20) + " MiB");
      decode_line(std::string(line), number);
    } catch (const Failure& failure) {
      ++bad_;
      console_.warning("line " + std::to_string(number) + ": " + failure.what());
    }
  }

  /// The exit status. Throws Failure when lines did not read.
  int verdict() const {
    if (ignored_ > 0)
      console_.note(std::to_string(ignored_) +
                    (ignored_ == 1 ? " line that is not a message was"
                                   : " lines that are not messages were") +
                    " left out");
    if (bad_ > 0)
      throw Failure(
          Exit::usage, "body",
          std::to_string(bad_) + (bad_ == 1 ? " line was" : " lines were") + " not decoded",
          "the warnings before say why");
    return unfit_ > 0 || shown_ == 0 ? 1 : 0;
  }

 private:
  void require_known(const std::string& type) {
    if (!codec_.type_of(type).empty()) return;
    const auto hint = codec_.suggestion(type);
    throw Failure(Exit::usage, "type", "unknown type \"" + type + '"',
                  hint.empty() ? "compactor describe lists the types" : hint);
  }

  void decode_line(const std::string& line, std::size_t number) {
    if (!line.starts_with('{')) {
      // What stands in a file of others is no reason to read a file of ours.
      if (line.starts_with('@') || line == "-")
        throw Failure(Exit::usage, "body", "@FILE and - are not read in a batch");
      return show(type_, read_body(type_, line, false, &codec_), number);
    }
    const auto object = parse_line(line);
    const auto kind = text_of_line(object, "type");
    if (!kind.empty() && kind != "message" && kind != "decoded") {
      ++ignored_;
      return;
    }
    std::string type = type_;
    for (const char* key : {"body_type", "name"}) {
      if (!type.empty()) break;
      type = text_of_line(object, key);
      if (codec_.type_of(type).empty()) type.clear();
    }
    show(type, body_of_line(object, type, &codec_), number);
  }

  void show(const std::string& type, std::string_view bytes, std::size_t line) {
    if (!type.empty()) return print(type, bytes, line, std::nullopt);
    if (!guesser_) guesser_.emplace(codec_.catalog());
    const auto guesses = guesser_->types_of(bytes);
    const std::string where = line > 0 ? "line " + std::to_string(line) + ": " : std::string();
    if (guesses.empty()) {
      ++unfit_;
      console_.note(where + (bytes.empty() ? "no bytes: that may be many a type"
                                           : "no type fits these bytes"));
      return;
    }
    const auto shown = std::min<std::size_t>(guesses.size(), most_);
    for (std::size_t i = 0; i < shown; ++i)
      print(guesses[i].type->full_name(), bytes, line, guesses[i].fit);
    if (shown < guesses.size() && line == 0)
      console_.note(std::to_string(guesses.size() - shown) + " more types fit: --max");
  }

  void print(const std::string& type, std::string_view bytes, std::size_t line,
             std::optional<double> fit) {
    std::string out;
    std::string body;
    const bool json = options_.output.json;
    const bool fits =
        json ? codec_.append_json(body, type, bytes) : codec_.append_text(body, type, bytes);
    if (!fits)
      throw Failure(Exit::usage, "body",
                    "the body is not a " + type + ": " + codec_.misfit(type, bytes),
                    "compactor decode BODY, without a TYPE, shows the types that fit");
    if (json) {
      JsonLine object(out, "decoded");
      if (line > 0) object.number("line", line);
      object.number("size", bytes.size());
      if (fit) object.real("fit", *fit);
      object.buffer() += body;
      object.end();
    } else {
      if (fit) out += type + "  ";
      if (fit && *fit < 1) out += "fit " + std::to_string(static_cast<int>(*fit * 100)) + " %  ";
      out += body + '\n';
    }
    ++shown_;
    console_.print_raw(out);
  }

  const DecodeOptions& options_;
  const std::string& type_;
  Console& console_;
  SchemaCodec codec_;
  std::optional<compactor::schema::TypeGuesser> guesser_;
  std::size_t most_;
  std::size_t shown_ = 0;
  std::size_t unfit_ = 0;
  std::size_t bad_ = 0;
  std::size_t ignored_ = 0;
};

/// The lines of a batch, one after the other, as fast as their output is taken.
class BatchRun {
 public:
  BatchRun(Decoder& decoder, const std::string& path, Console& console)
      : decoder_(decoder), console_(console), file_(path), reader_(file_.fd()) {}

  void run() {
    constexpr std::uint64_t lines_between_looks = 256;
    std::string_view line;
    while (!console_.ended()) {
      const auto result = reader_.next(line);
      if (result == LineReader::Result::end) return;
      const bool waits = result == LineReader::Result::wait;
      if (waits || result == LineReader::Result::again) {
        look(waits);
        continue;
      }
      decoder_.line(line, reader_.number(), result == LineReader::Result::too_long);
      if (reader_.number() % lines_between_looks == 0 || console_.full()) look(false);
    }
  }

 private:
  /// Waits for more to read, or only looks whether a signal came; and for room in the output.
  void look(bool for_input) {
    std::optional<Steady::time_point> until = Steady::now();
    if (for_input) until.reset();
    int fd = for_input ? file_.fd() : -1;
    do {
      if (waiter_.wait(until, fd) == Waiter::Reason::signal) throw waiter_.interrupted();
      until = Steady::now() + std::chrono::milliseconds(1);
      fd = -1;
    } while (console_.full());
  }

  Decoder& decoder_;
  Console& console_;
  BatchFile file_;
  LineReader reader_;
  Waiter waiter_;
};

}  // namespace

Outline outline_decode() {
  DecodeOptions options;
  return declare(options).outline();
}

int run_decode(const Arguments& arguments) {
  DecodeOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  if (options.batch && options.second)
    throw Failure(Exit::usage, "usage", "--batch brings its own bodies",
                  "compactor decode [TYPE] --batch FILE");
  if (!options.batch && !options.first)
    throw Failure(Exit::usage, "usage", "nothing to decode",
                  "compactor decode [TYPE] BODY, as in compactor decode hex:0801");
  const bool has_type = options.batch ? options.first.has_value() : options.second.has_value();
  const std::string type = has_type ? *options.first : std::string();
  Console console(options.output, BodyView());
  Decoder decoder(options, type, console);
  if (options.batch)
    BatchRun(decoder, *options.batch, console).run();
  else
    decoder.one(has_type ? *options.second : *options.first);
  return decoder.verdict();
}

}  // namespace tool
