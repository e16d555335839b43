// What sniff --json printed, as a source of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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
  /// Lines about something else that sniff had to tell, as plain HTTP.
  std::uint64_t others() const { return others_; }

 private:
  std::optional<std::string_view> line();
  void tell(std::string_view line, compactor::capture::ExchangeEvents& events);

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
  std::uint64_t others_ = 0;
  std::string trouble_;
};

}  // namespace tool
