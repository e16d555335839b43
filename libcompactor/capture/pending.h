// Requests that wait for their answer, and answers that wait for their request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "capture/packet.h"

namespace compactor::capture {

/// What is remembered of a request to the last: enough to say when its answer came.
struct Asked {
  Time time;  // of its last byte
  std::uint64_t seq : 60 = 0;
  std::uint64_t message : 1 = 0;
  std::uint64_t head : 1 = 0;  // the method is HEAD
  std::uint64_t wanted : 1 = 0;
  std::uint64_t told : 1 = 0;  // or nobody wants to know
};
static_assert(sizeof(Asked) == 16);

/// A request that has not been told yet. Its texts lie one after the other in `text`.
struct Request {
  Asked asked;
  Time begin;            // the time of its first byte
  std::size_t size = 0;  // of the body
  std::string text{};
  std::uint32_t first = 0;   // the size of the sender, or the method
  std::uint32_t second = 0;  // … of the id, or the url
  std::uint32_t third = 0;   // … of the name; plain HTTP has none
  bool partial = false;
  std::string trouble{};

  std::string_view from_or_method() const { return part(0, first); }
  std::string_view id_or_url() const { return part(first, second); }
  std::string_view name() const { return part(first + second, third); }
  std::string_view body() const { return part(first + second + third, text.size()); }

 private:
  std::string_view part(std::size_t from, std::size_t length) const {
    return std::string_view(text).substr(from, length);
  }
};

struct Answer {
  int status = 0;
  std::uint64_t bytes = 0;  // of the stream
  Time begin_time;
  Time end_time;
  std::uint64_t size = 0;  // of the body
  std::string body{};      // the beginning of it
  std::string type{};
};

}  // namespace compactor::capture
