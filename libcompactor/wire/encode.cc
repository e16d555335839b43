#include "wire/encode.h"

#include <http_parser.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/message.h"

namespace compactor::wire {
namespace {

bool is_graphic(unsigned char c) {
  return c > 0x20 && c < 0x7f;
}

bool needs_escape(unsigned char c) {
  return !is_graphic(c) || c == '+' || c == '%' || c == '?' || c == '#' || c == '/';
}

bool is_control(unsigned char c) {
  return c < 0x20 || c == 0x7f;
}

bool is_line_end(char c) {
  return c == '\r' || c == '\n';
}

bool can_stand_in_name(unsigned char c) {
  return is_graphic(c) && c != '?' && c != '#';
}

bool can_stand_in_host(unsigned char c) {
  return is_graphic(c) && c != '@' && c != ':' && c != '/';
}

void append_number(std::string& out, std::size_t number, int base = 10) {
  std::array<char, 20> digits;
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_target(std::string& out, const Pid& to, std::string_view name) {
  out.append("POST /");
  append_encoded_id(out, to.id);
  out.push_back('/');
  out.append(name);
}

/// Behind the last header before it.
void append_depth(std::string& out, unsigned reply_depth) {
  if (reply_depth == 0) return;
  out.append("\r\n").append(kReplyDepthHeader).append(": ");
  append_number(out, reply_depth);
}

void append_chunked(std::string& out, std::string_view from, const Pid& to, std::string_view body,
                    unsigned reply_depth) {
  out.append(" HTTP/1.1\r\nUser-Agent: libprocess/").append(from);
  out.append("\r\nLibprocess-From: ").append(from);
  out.append("\r\nConnection: Keep-Alive\r\nHost: ").append(to.host).push_back(':');
  append_number(out, to.port);
  append_depth(out, reply_depth);
  if (body.empty()) {
    out.append("\r\n\r\n");
    return;
  }
  out.append("\r\nTransfer-Encoding: chunked\r\n\r\n");
  append_number(out, body.size(), 16);
  out.append("\r\n").append(body).append("\r\n0\r\n\r\n");
}

void append_counted(std::string& out, std::string_view from_header, std::string_view from,
                    std::string_view body, unsigned reply_depth) {
  out.append(" HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: ");
  append_number(out, body.size());
  out.append("\r\n").append(from_header).append(from);
  append_depth(out, reply_depth);
  out.append("\r\n\r\n").append(body);
}

void append_end_of_head(std::string& out, std::size_t content_length, Persist persist) {
  out.append("\r\nContent-Length: ");
  append_number(out, content_length);
  if (persist == Persist::stated) out.append("\r\nConnection: Keep-Alive");
  out.append("\r\n\r\n");
}

}  // namespace

const char* why_not_sendable(Style style, std::string_view from, const Pid& to,
                             std::string_view name) {
  if (to.host.empty()) return "the address has no host";
  if (to.port == 0) return "the address has port 0";
  if (!std::all_of(to.host.begin(), to.host.end(), can_stand_in_host)) {
    return "the host of the address has a character that no host name has";
  }
  if (std::any_of(to.id.begin(), to.id.end(), is_line_end)) {
    return "the id of the receiver has a line break";
  }
  if (std::any_of(from.begin(), from.end(), is_control)) {
    return "the id of the sender has a control character";
  }
  if (to.id.empty() && style == Style::libprocess) {
    return "libprocess cannot address an empty id";
  }
  if (!std::all_of(name.begin(), name.end(), can_stand_in_name)) {
    return "the message name has a blank, control, '?', '#' or non-ASCII character";
  }
  return nullptr;
}

void append_message(std::string& out, Style style, std::string_view from, const Pid& to,
                    std::string_view name, std::string_view body, unsigned reply_depth) {
  append_target(out, to, name);
  switch (style) {
    case Style::libprocess:
      return append_chunked(out, from, to, body, reply_depth);
    case Style::compactor:
      return append_counted(out, "Libprocess-From: ", from, body, reply_depth);
    case Style::legacy:
      return append_counted(out, "User-Agent: libprocess/", from, body, reply_depth);
  }
}

std::size_t message_size_bound(std::string_view from, const Pid& to, std::string_view name,
                               std::size_t body_size) {
  // All fixed text of the longest dialect, the port, and three numbers of up to 20 digits, are
  // under 256.
  constexpr std::size_t kFixed = 256;
  return kFixed + 3 * to.id.size() + to.host.size() + name.size() + 2 * from.size() + body_size;
}

void append_encoded_id(std::string& out, std::string_view id) {
  if (std::none_of(id.begin(), id.end(), needs_escape)) {
    out.append(id);
    return;
  }
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (needs_escape(byte)) {
      const char escape[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
      out.append(escape, sizeof escape);
    } else {
      out.push_back(c);
    }
  }
}

void append_accepted(std::string& out, std::string_view date, Persist persist) {
  out.append("HTTP/1.1 202 Accepted\r\nDate: ").append(date);
  append_end_of_head(out, 0, persist);
}

void append_response(std::string& out, int status, std::string_view content_type,
                     std::string_view body, std::string_view date, Persist persist,
                     bool head_only) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\nDate: ").append(date);
  if (!content_type.empty()) out.append("\r\nContent-Type: ").append(content_type);
  append_end_of_head(out, body.size(), persist);
  if (!head_only) out.append(body);
}

std::string_view reason_phrase(int status) {
  switch (status) {
#define COMPACTOR_STATUS(number, name, text) \
  case number:                               \
    return #text;
    HTTP_STATUS_MAP(COMPACTOR_STATUS)
#undef COMPACTOR_STATUS
    default:
      return "Unknown";
  }
}

}  // namespace compactor::wire
