// What sniff --json printed, as a source of its own.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "body/body.h"
#include "body/line_splitter.h"
#include "capture/byte_source.h"
#include "capture/exchange.h"

namespace tool {

/// Tells what the lines say. It holds one line at a time.
class Recording {
 public:
  /// `name`: for messages. `types` encode the bodies again.
  Recording(compactor::capture::ByteSource bytes, std::string name, TypeCodec* types);

  /// Whether the bytes begin as a recording does, and no capture can.
  static bool is_one(compactor::capture::ByteSource& bytes) {
    return bytes.peek(1).starts_with('{');
  }

  /// The next line; false at the end. trouble() then says what was wrong with it, or is empty.
  bool next(compactor::capture::ExchangeEvents& events);
  const std::string& trouble() const { return trouble_; }

  /// Of the last message or answer.
  compactor::capture::Time time() const { return time_; }
  std::uint64_t messages() const { return messages_; }
  std::uint64_t unanswered() const { return unanswered_; }
  /// Plain HTTP requests.
  std::uint64_t http() const { return http_; }
  /// Lines about something else that sniff had to tell, as connections.
  std::uint64_t others() const { return others_; }

 private:
  /// Of a message: its connection and number.
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  std::optional<std::string_view> line();
  void hold_back_trouble();
  [[noreturn]] void refuse() const;
  void tell(std::string_view line, compactor::capture::ExchangeEvents& events);
  using Json = nlohmann::ordered_json;
  using Events = compactor::capture::ExchangeEvents;
  void tell_message(const Json& line, Events& events);
  void tell_answer(const Json& line, Events& events);
  void tell_gap(const Json& line, Events& events);
  void tell_tls(const Json& line, Events& events);
  void tell_http(const Json& line, Events& events);
  void tell_event(const Json& line, Events& events);
  void expect_answer(const compactor::capture::Seen& seen, bool wanted);
  compactor::capture::Seen seen_of(const Json& line,
                                   const compactor::capture::ConnectionInfo& connection) const;
  std::string http_body(const Json& line, const std::string& content_type);

  compactor::capture::ByteSource bytes_;
  std::string name_;
  TypeCodec* types_;
  LineSplitter lines_;
  std::uint64_t number_ = 0;
  bool too_long_ = false;
  bool ended_ = false;
  compactor::capture::Time time_{};
  std::uint64_t messages_ = 0;
  std::uint64_t unanswered_ = 0;
  std::uint64_t http_ = 0;
  std::uint64_t others_ = 0;
  std::set<Key> unanswered_told_;  // that somebody wants to know more of
  std::string trouble_;
  // Until a line could be read: how many could not, and what was wrong with the first.
  bool begun_ = false;
  std::uint64_t bad_at_first_ = 0;
  std::string first_trouble_;
};

}  // namespace tool
