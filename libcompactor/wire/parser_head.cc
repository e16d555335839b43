// The head of a message: what http_parser found where, as an HttpMessage. What it lets pass and
// libprocess does not is refused here.
#include <algorithm>
#include <array>

#include "text/ascii.h"
#include "text/hex.h"
#include "wire/parser.h"

namespace compactor::wire {
namespace {

constexpr std::array kMethods = {
#define COMPACTOR_METHOD(number, name, text) std::string_view(#text),
    HTTP_METHOD_MAP(COMPACTOR_METHOD)
#undef COMPACTOR_METHOD
};

// http_parser as Debian builds it takes any four letters for "HTTP".
bool names_http(std::string_view behind_target) {
  const auto version = behind_target.find_first_not_of(' ');
  if (version == std::string_view::npos) return false;
  const char first = behind_target[version];
  const bool no_version = first == '\r' || first == '\n';  // HTTP/0.9
  return no_version || behind_target.substr(version).starts_with("HTTP/");
}

/// libprocess decodes the query of every request, and refuses the stream when it cannot.
bool query_decodes(std::string_view target) {
  const auto query = target.find('?');
  if (query == std::string_view::npos) return true;
  target = target.substr(query, target.find('#', query) - query);
  for (auto at = target.find('%'); at != std::string_view::npos; at = target.find('%', at + 3)) {
    if (at + 2 >= target.size() || text::hex_value(target[at + 1]) < 0 ||
        text::hex_value(target[at + 2]) < 0)
      return false;
  }
  return true;
}

}  // namespace

const std::string_view* HttpMessage::header(std::string_view name) const {
  for (const Header& header : *headers) {
    if (text::equal_ignoring_case(header.name, name)) return &header.value;
  }
  return nullptr;
}

// All of the message but body and end. `head` is its first bytes.
bool Parser::read_head(HttpMessage& message, std::string_view head, std::string& unfolded) {
  const bool request = parser_.type == HTTP_REQUEST;
  if (!joined_ && !names_http(request ? head.substr(target_.end(), kVersionRoom) : head)) {
    error_ = request ? "request line without an HTTP version" : "not an HTTP response";
    return false;
  }
  if (folded_) {
    unfolded = head.substr(0, head_size_);
    unfold(unfolded);
    head = unfolded;
  }

  headers_.clear();
  for (const Field& field : fields_) {
    headers_.push_back({field.name.in(head), text::trimmed(field.value.in(head))});
  }
  if (request) {
    message.method = kMethods[parser_.method];
    message.target = target_.in(head);
    if (!query_decodes(message.target)) {
      error_ = "bad % escape in the query";
      return false;
    }
  } else {
    message.status = static_cast<int>(parser_.status_code);
    message.reason = reason_.in(head);
  }
  message.major = parser_.http_major;
  message.minor = parser_.http_minor;
  message.headers = &headers_;
  message.keep_alive = keep_alive_;
  message.begin = begin_;
  return true;
}

// A value that runs over several lines loses its line ends; the blanks that begin each further line
// remain.
void Parser::unfold(std::string& head) {
  for (Field& field : fields_) {
    const auto begin = head.begin() + field.value.begin;
    const auto end = std::remove_if(begin, begin + field.value.size,
                                    [](char c) { return c == '\r' || c == '\n'; });
    field.value.size = static_cast<std::uint32_t>(end - begin);
  }
}

}  // namespace compactor::wire
