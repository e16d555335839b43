#include "batch.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "failure.h"
#include "line_body.h"
#include "node.h"

namespace tool {

namespace {

constexpr std::size_t longest_batch_line = std::size_t{256} << 20;
constexpr std::size_t piece_size = 65536;
constexpr std::size_t most_resolved = 10000;

Failure refused(const std::string& message, std::string hint) {
  return Failure(Exit::usage, "batch", message, std::move(hint));
}

}  // namespace

compactor::Pid BatchParser::resolve(const std::string& text) {
  auto known = resolved_.find(text);
  if (known != resolved_.end()) return known->second;
  if (resolved_.size() >= most_resolved) resolved_.clear();
  return resolved_[text] = resolve_pid(text, console_);
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
  message.time = parse_time(text_of_line(json, "time"));
  bool partial = json.contains("partial") && json["partial"] == true;
  message.kind = partial ? BatchMessage::Kind::partial : BatchMessage::Kind::message;
  if (!partial) message.body = body_of_line(json, message.name, rules_.types);
  return message;
}

bool LineReader::readable() const {
  pollfd ready{fd_, POLLIN, 0};
  return ::poll(&ready, 1, 0) > 0;
}

LineReader::Result LineReader::next(std::string_view& line) {
  for (;;) {
    auto end = buffer_.find('\n', scanned_);
    if (end != std::string::npos || (at_end_ && begin_ < buffer_.size())) {
      auto stop = std::min(end, buffer_.size());
      line = std::string_view(buffer_).substr(begin_, stop - begin_);
      begin_ = scanned_ = std::min(stop + 1, buffer_.size());
      ++number_;
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.find_first_not_of(" \t") == std::string_view::npos)
        continue;  // an empty line says nothing
      return Result::line;
    }
    if (at_end_) return Result::end;
    buffer_.erase(0, begin_);
    begin_ = 0;
    scanned_ = buffer_.size();
    if (buffer_.size() > longest_batch_line) {
      throw Failure(Exit::usage, "batch", "line " + std::to_string(number_ + 1) + " is too long",
                    {});
    }
    if (!readable()) return Result::wait;
    std::array<char, piece_size> piece;
    ssize_t got = ::read(fd_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Failure(Exit::local, "file",
                    "cannot read the batch: " + std::generic_category().message(errno));
    }
    if (got == 0) at_end_ = true;
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace tool
