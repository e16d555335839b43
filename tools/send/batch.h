// What send --batch reads: NDJSON lines, hand-written or recorded by serve --json and sniff --json.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "body/line_splitter.h"
#include "cli/values.h"
#include "compactor/pid.h"
#include "node/body_check.h"
#include "output/console.h"

namespace tool {

struct BatchMessage {
  enum class Kind { message, ignored, partial };
  Kind kind = Kind::message;
  compactor::Pid to;  // resolved; unset for `ignored`
  std::string name;
  std::string body;
  std::string from;              // recorded sender, as it stands
  std::optional<Duration> time;  // recorded, since the epoch
};

/// Where lines go and what they may leave out.
struct BatchRules {
  std::optional<compactor::Pid> target;  // the argument; resolved
  std::optional<compactor::Pid> to;      // --to: overrides every line
  std::optional<std::string> name;       // the argument
  bool use_recorded_to = false;
  TypeCodec* types = nullptr;
  bool force = false;       // see BodyCheck
  Duration resolve_time{};  // for each name
};

class BatchParser {
 public:
  BatchParser(BatchRules rules, Console& console)
      : rules_(std::move(rules)), console_(console), check_(rules_.types, console, rules_.force) {}

  /// Throws Failure (exit 2; for a host that does not resolve as resolve_pid does).
  BatchMessage parse(std::string_view line);

 private:
  compactor::Pid destination(const nlohmann::ordered_json& json, bool recorded);
  compactor::Pid resolve(const std::string& text);

  BatchRules rules_;
  Console& console_;
  BodyCheck check_;
  std::map<std::string, compactor::Pid> resolved_;  // a recording names few receivers, often
};

/// The type that a line says it is of, where that is the first that it says, as in every line that
/// was recorded; else empty. Looks at no more of the line.
std::string_view recorded_type(std::string_view line);

/// What --batch names: a file, or `-` for standard input, which stays open. Failure (exit 6).
class BatchFile {
 public:
  explicit BatchFile(const std::string& path);
  ~BatchFile();
  BatchFile(const BatchFile&) = delete;
  BatchFile& operator=(const BatchFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// The lines of a file or pipe, also one that gives them slowly.
class LineReader {
 public:
  /// Does not own `fd`.
  explicit LineReader(int fd) : fd_(fd) {}

  enum class Result {
    line,      // without its end
    too_long,  // more than longest_line; its start
    wait,      // nothing is there yet
    again,     // much was read and no line came of it: a moment to look at other things
    end,
  };
  /// `line` is valid until the next call; lines of blanks alone are left out. Blocks only when `fd`
  /// is a regular file. Throws Failure (exit 6) when reading fails; then comes the end.
  Result next(std::string_view& line);
  std::uint64_t number() const { return number_; }  // of the line last handed out, from 1
  std::uint64_t bytes() const { return bytes_; }    // read so far

 private:
  bool readable() const;
  void read_piece();

  int fd_;
  LineSplitter lines_;
  bool at_end_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace tool
