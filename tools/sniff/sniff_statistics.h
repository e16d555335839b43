// The tables of --stats.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "output/console.h"
#include "output/latency.h"

namespace tool {

/// A message, a plain request or an event.
struct Sample {
  enum class What { message, request, event };

  What what = What::message;
  std::string from{};      // of HTTP: the client
  std::string to{};        // of a message
  std::string name{};      // of HTTP: its endpoint
  std::string kind{};      // SUBSCRIBE …
  std::uint64_t size = 0;  // of the body, or of the request's and the answer's
  std::optional<int> status{};
  std::optional<std::chrono::nanoseconds> latency{};
  WallTime time{};
};

/// The path of a URL without its query, and with `*` for what is different in each: ids, numbers.
std::string endpoint_of(std::string_view url);

/// Counts of messages: all, by name, by pair; and of HTTP by endpoint and client. What is beyond
/// the first thousand rows of a table, or has a name of more than a thousand bytes, is counted as
/// "(others)".
class SniffStatistics {
 public:
  void add(const Sample& sample);
  void print(Console& console) const;

 private:
  struct Row {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t smallest = 0;
    std::uint64_t largest = 0;
    std::map<int, std::uint64_t> outcomes{};
    std::unique_ptr<Latency> latency = std::make_unique<Latency>();

    void add(const Sample& sample);
  };
  struct Key {
    std::string first;
    std::string second{};
    std::string kind{};
    bool event = false;

    bool operator<(const Key& other) const {
      return std::tie(first, second, kind, event) <
             std::tie(other.first, other.second, other.kind, other.event);
    }
  };
  using Rows = std::map<Key, Row>;

  static void add(Rows& rows, Key key, const Sample& sample);
  void print(Console& console, std::string_view table, const Rows& rows) const;

  Rows all_;
  Rows by_name_;
  Rows by_pair_;
  Rows by_endpoint_;
  std::optional<WallTime> first_;
  WallTime last_{};
};

}  // namespace tool
