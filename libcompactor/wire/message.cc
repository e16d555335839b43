#include "wire/message.h"

#include <algorithm>
#include <charconv>

#include "text/ascii.h"
#include "text/gzip.h"
#include "text/hex.h"

namespace compactor::wire {
namespace {

using text::equal_ignoring_case;

constexpr std::string_view kAgentPrefix = "libprocess/";

std::string_view path_of(std::string_view target) {
  if (!target.starts_with('/')) {  // absolute form: scheme://authority/path
    const auto authority = target.find("://");
    if (authority == std::string_view::npos) return {};
    const auto path = target.find_first_of("/?#", authority + 3);
    if (path == std::string_view::npos) return {};
    target.remove_prefix(path);
  }
  // Two searches for one byte are quicker than one for a set.
  return target.substr(0, std::min(target.find('?'), target.find('#')));
}

/// 0 for what is not a number: nobody of ours writes that.
unsigned read_depth(std::string_view text) {
  unsigned depth = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), depth);
  return error == std::errc() && end == text.data() + text.size() ? depth : 0;
}

}  // namespace

bool has_path(const HttpMessage& request) {
  return request.target.starts_with('/') || path_of(request.target).starts_with('/');
}

std::optional<MessageHead> message_head(const HttpMessage& request) {
  if (request.method != "POST") return std::nullopt;
  const std::string_view* from = nullptr;
  const std::string_view* agent = nullptr;
  const std::string_view* depth = nullptr;
  // Of headers that are repeated libprocess keeps the last.
  for (const Header& header : *request.headers) {
    if (equal_ignoring_case(header.name, "Libprocess-From")) from = &header.value;
    if (equal_ignoring_case(header.name, "User-Agent")) agent = &header.value;
    if (equal_ignoring_case(header.name, kReplyDepthHeader)) depth = &header.value;
  }
  MessageHead head;
  if (depth != nullptr) head.reply_depth = read_depth(*depth);
  if (from != nullptr) {
    head.sender = *from;
  } else if (agent != nullptr && agent->starts_with(kAgentPrefix)) {
    head.sender = text::trimmed(agent->substr(kAgentPrefix.size()));
  } else {
    return std::nullopt;
  }
  std::string_view path = path_of(request.target);
  if (path.starts_with('/')) path.remove_prefix(1);
  const auto slash = path.find('/');
  head.raw_id = path.substr(0, slash);
  if (slash != std::string_view::npos) head.name = path.substr(slash + 1);
  return head;
}

std::optional<std::string_view> decode_id(std::string_view raw, std::string& decoded) {
  decoded.clear();
  constexpr auto kNone = std::string_view::npos;
  if (raw.find('%') == kNone && raw.find('+') == kNone) return raw;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      decoded.push_back(raw[i] == '+' ? ' ' : raw[i]);
      continue;
    }
    const int high = i + 2 < raw.size() ? text::hex_value(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? text::hex_value(raw[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

bool is_gzip(const HttpMessage& message) {
  const std::string_view* coding = message.header("Content-Encoding");
  return coding != nullptr &&
         (equal_ignoring_case(*coding, "gzip") || equal_ignoring_case(*coding, "x-gzip"));
}

bool is_chunked(const HttpMessage& message) {
  const std::string_view* codings = message.header("Transfer-Encoding");
  if (codings == nullptr) return false;
  const auto last = codings->rfind(',');
  return equal_ignoring_case(
      text::trimmed(last == std::string_view::npos ? *codings : codings->substr(last + 1)),
      "chunked");
}

std::optional<std::string_view> delivered_body(const HttpMessage& message, std::string& inflated,
                                               std::size_t max_body, std::string& why) {
  if (!is_gzip(message) || message.body.empty()) return message.body;
  inflated.clear();
  const char* fault = text::gunzip(message.body, inflated, max_body);
  if (fault == nullptr) return inflated;
  std::string().swap(inflated);
  why = std::string("Content-Encoding: gzip, but ") + fault;
  return std::nullopt;
}

}  // namespace compactor::wire
