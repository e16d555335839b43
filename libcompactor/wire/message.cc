#include "wire/message.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/text.h"

namespace compactor::wire {
namespace {

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

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// One decompression; frees what zlib holds.
class Inflater {
 public:
  Inflater() : ready_(inflateInit2(&stream_, kGzipOnly) == Z_OK) {}
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Why it failed; null when all of `in` was decompressed to no more than `max` bytes.
  const char* run(std::string_view in, std::string& out, std::size_t max);

 private:
  static constexpr int kGzipOnly = 16 + MAX_WBITS;

  z_stream stream_{};
  bool ready_;
};

const char* Inflater::run(std::string_view in, std::string& out, std::size_t max) {
  if (!ready_) return "no memory to decompress it";
  std::array<char, std::size_t{32} << 10> chunk;
  for (;;) {
    constexpr std::size_t kPiece = std::size_t{1} << 30;  // zlib counts in 32 bits
    const std::size_t size = std::min(in.size(), kPiece);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(size);
    stream_.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream_.avail_out = static_cast<uInt>(chunk.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(size - stream_.avail_in);

    const std::size_t made = chunk.size() - stream_.avail_out;
    if (made > max - out.size()) return "decompressed, it is over the limit of the body";
    out.append(chunk.data(), made);

    if (result == Z_STREAM_END) {
      if (in.empty()) return nullptr;
      // Several members in a row are one text (RFC 1952 §2.2).
      if (inflateReset(&stream_) != Z_OK) return "no memory to decompress it";
    } else if (result == Z_BUF_ERROR) {
      return "it ends too early";
    } else if (result != Z_OK) {
      return "the bytes are not gzip";
    }
  }
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
    head.sender = trimmed(agent->substr(kAgentPrefix.size()));
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
    const int high = i + 2 < raw.size() ? hex_digit(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

std::optional<std::string_view> delivered_body(const HttpMessage& message, std::string& inflated,
                                               std::size_t max_body, std::string& why) {
  const std::string_view* coding = message.header("Content-Encoding");
  const bool gzip = coding != nullptr && (equal_ignoring_case(*coding, "gzip") ||
                                          equal_ignoring_case(*coding, "x-gzip"));
  if (!gzip || message.body.empty()) return message.body;
  inflated.clear();
  const char* fault = Inflater().run(message.body, inflated, max_body);
  if (fault == nullptr) return inflated;
  std::string().swap(inflated);
  why = std::string("Content-Encoding: gzip, but ") + fault;
  return std::nullopt;
}

}  // namespace compactor::wire
