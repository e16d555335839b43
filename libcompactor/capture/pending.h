// Requests that wait for their answer, and answers that wait for their request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "capture/exchange.h"
#include "capture/packet.h"

namespace compactor::capture {

/// What is remembered of a request to the last: enough to say when its answer came.
struct Asked {
  /// What `seq` can hold.
  static constexpr std::uint64_t kSeqMask = (std::uint64_t{1} << 59) - 1;

  Time time;  // of its last byte
  std::uint64_t seq : 59 = 0;
  std::uint64_t message : 1 = 0;
  std::uint64_t head : 1 = 0;         // the method is HEAD
  std::uint64_t wanted : 1 = 0;       // somebody wants to know what becomes of it
  std::uint64_t told : 1 = 0;         // or nobody wants to know
  std::uint64_t answer_told : 1 = 0;  // … and what it was answered
};
static_assert(sizeof(Asked) == 16);

/// A request that has not been told yet. Its texts lie one after the other in `text`, the body
/// last.
struct Request {
  Asked asked;
  Time begin;            // the time of its first byte
  std::size_t size = 0;  // of the body
  std::string text{};
  std::uint32_t sender_or_method_size = 0;
  std::uint32_t id_or_url_size = 0;
  std::uint32_t name_size = 0;  // of plain HTTP: what is kept of its headers, see pack()
  bool partial = false;
  bool wrong_sender = false;  // of a message: what it says of its sender is another address
  std::string trouble{};

  void set_head(std::string_view sender_or_method, std::string_view id_or_url,
                std::string_view name) {
    sender_or_method_size = static_cast<std::uint32_t>(sender_or_method.size());
    id_or_url_size = static_cast<std::uint32_t>(id_or_url.size());
    name_size = static_cast<std::uint32_t>(name.size());
    text.append(sender_or_method).append(id_or_url).append(name);
  }
  /// Frees the texts, which are needed to tell of it.
  void clear_texts() {
    text = {};
    sender_or_method_size = id_or_url_size = name_size = 0;
  }

  std::string_view sender_or_method() const { return part(0, sender_or_method_size); }
  std::string_view id_or_url() const { return part(sender_or_method_size, id_or_url_size); }
  std::string_view name() const { return part(sender_or_method_size + id_or_url_size, name_size); }
  std::string_view body() const {
    return part(sender_or_method_size + id_or_url_size + name_size, text.size());
  }

 private:
  std::string_view part(std::size_t from, std::size_t length) const {
    return std::string_view(text).substr(from, length);
  }
};

/// One after the other, with what cannot be in a header between them.
inline std::string pack(const HttpHeaders& headers) {
  std::string packed(headers.user_agent);
  return packed.append("\n").append(headers.stream_id).append("\n").append(headers.type);
}

inline HttpHeaders unpack(std::string_view packed) {
  const std::size_t first = packed.find('\n');
  const std::size_t second = packed.find('\n', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  return {packed.substr(0, first), packed.substr(first + 1, second - first - 1),
          packed.substr(second + 1)};
}

struct Answer {
  int status = 0;
  std::uint64_t bytes = 0;  // of the stream
  Time begin_time;
  Time end_time;
  std::optional<std::uint64_t> size{};  // of the body; nothing while it goes on
  std::string body{};                   // the beginning of it
  std::string type{};
  std::string stream_id{};
};

}  // namespace compactor::capture
