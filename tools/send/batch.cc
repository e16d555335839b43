#include "send/batch.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "body/line_body.h"
#include "cli/failure.h"
#include "node/node.h"
#include "text/time.h"

namespace tool {

namespace {

constexpr std::size_t piece_size = 65536;
constexpr int pieces_between_looks = 16;
constexpr std::size_t most_resolved = 10000;

Failure refused(const std::string& message, std::string hint) {
  return Failure(Exit::usage, "batch", message, std::move(hint));
}

/// Passes over blanks and then this; false when something else stands there.
bool take(std::string_view& text, char expected) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string_view recorded_type(std::string_view line) {
  constexpr std::string_view key = "type\"";
  if (!take(line, '{') || !take(line, '"') || !line.starts_with(key)) return {};
  line.remove_prefix(key.size());
  if (!take(line, ':') || !take(line, '"')) return {};
  return line.substr(0, std::min(line.find('"'), line.size()));
}

compactor::Pid BatchParser::resolve(const std::string& text) {
  auto known = resolved_.find(text);
  if (known != resolved_.end()) return known->second;
  if (resolved_.size() >= most_resolved) resolved_.clear();
  return resolved_[text] = resolve_pid(text, console_, rules_.resolve_time);
}

compactor::Pid BatchParser::destination(const nlohmann::ordered_json& json, bool recorded) {
  if (rules_.to) return *rules_.to;
  auto text = text_of_line(json, "to");
  if (text.empty() && rules_.target) return *rules_.target;
  if (text.empty()) {
    throw refused("it has no \"to\", and no TARGET is given",
                  "give TARGET, or \"to\" in each line");
  }
  if (rules_.use_recorded_to || (!rules_.target && !recorded)) return resolve(text);
  const char* hint = "--to TARGET sends every line there, --use-recorded-to where each line says";
  if (!rules_.target) throw refused("it was recorded on its way to " + text, hint);
  if (resolve(text) != *rules_.target) {
    throw refused("its \"to\" is " + text + ", not " + rules_.target->str(), hint);
  }
  return *rules_.target;
}

BatchMessage BatchParser::parse(std::string_view line) {
  auto json = parse_line(line);
  BatchMessage message;
  bool recorded = json.contains("type");
  if (recorded && json["type"] != "message") {
    message.kind = BatchMessage::Kind::ignored;
    return message;
  }
  message.name = text_of_line(json, "name");
  if (!json.contains("name")) {
    if (!rules_.name)
      throw refused("it has no \"name\", and no NAME is given",
                    "give NAME, or \"name\" in each line");
    message.name = *rules_.name;
  }
  message.to = destination(json, recorded);
  message.from = text_of_line(json, "from");
  message.time = compactor::text::parse_time(text_of_line(json, "time"));
  bool partial = json.contains("partial") && json["partial"] == true;
  message.kind = partial ? BatchMessage::Kind::partial : BatchMessage::Kind::message;
  if (partial) return message;
  message.body = body_of_line(json, message.name, rules_.types);
  const auto to = message.to.str();
  recorded ? check_.check_recorded(to, message.name, message.body, form_of_line(json))
           : check_.check(to, message.name, message.body, form_of_line(json));
  return message;
}

BatchFile::BatchFile(const std::string& path)
    : fd_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0)
    throw Failure(Exit::local, "file",
                  "cannot read " + path + ": " + std::generic_category().message(errno));
}

BatchFile::~BatchFile() {
  if (fd_ != STDIN_FILENO) ::close(fd_);
}

bool LineReader::readable() const {
  pollfd ready{fd_, POLLIN, 0};
  return ::poll(&ready, 1, 0) > 0;
}

void LineReader::read_piece() {
  std::array<char, piece_size> piece;
  ssize_t got = 0;
  do {
    got = ::read(fd_, piece.data(), piece.size());
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    at_end_ = true;
    lines_.end();
  }
  if (got < 0) {
    throw Failure(Exit::local, "file",
                  "cannot read the batch: " + std::generic_category().message(errno));
  }
  bytes_ += static_cast<std::uint64_t>(got);
  lines_.add(std::string_view(piece.data(), static_cast<std::size_t>(got)));
}

LineReader::Result LineReader::next(std::string_view& line) {
  for (int pieces = 0;;) {
    auto found = lines_.next(line);
    if (found == LineSplitter::Found::nothing) {
      if (at_end_) return Result::end;
      if (++pieces > pieces_between_looks) return Result::again;
      if (!readable()) return Result::wait;
      read_piece();
      continue;
    }
    ++number_;
    if (found == LineSplitter::Found::too_long) return Result::too_long;
    // An empty line says nothing.
    if (line.find_first_not_of(" \t") != std::string_view::npos) return Result::line;
  }
}

}  // namespace tool
