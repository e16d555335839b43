// A connection that speaks TLS: what can be said of it, and, with keys, the text that is inside, as
// streams of their own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "capture/fifo.h"
#include "capture/reassembly.h"
#include "capture/text_offsets.h"
#include "decrypt/keys.h"
#include "decrypt/record_cutter.h"
#include "decrypt/session.h"

namespace compactor::capture {

/// Where the text goes. Offsets of its stamps count bytes of text, in both directions.
class TlsText {
 public:
  virtual ~TlsText() = default;
  virtual void on_text(Side sender, std::string_view text, const Stamp& stamp) = 0;
  /// What this side says from here on cannot be opened.
  virtual void on_hidden(Side sender) = 0;
};

class TlsConnection {
 public:
  /// Which side is the client is a guess until its first message is seen. `keys`: null when there
  /// are none; then only the beginning of each direction is looked at. Both outlive it.
  TlsConnection(TlsText& text, Side client, const decrypt::Keys* keys)
      : text_(text), client_(client), has_keys_(keys != nullptr), session_(keys) {}

  // In stream order per direction, as StreamReader.
  void on_data(Side sender, std::string_view bytes, const Stamp& stamp);
  void on_gap(Side sender, std::uint64_t bytes);
  /// The beginning of what this side says was not seen.
  void on_missed_start(Side sender);
  /// So many bytes more have come of a side of which the beginning was not seen.
  void count(std::uint64_t bytes) { bytes_ += bytes; }
  /// Of what this side says nothing more is held.
  void give_up(Side sender);

  /// Of what this side has said something waits for what the other one says.
  bool waits(Side sender) const { return !at(sender).waiting.empty(); }

  Side client() const { return client_; }
  bool has_keys() const { return has_keys_; }
  /// Of both directions, as they came.
  std::uint64_t bytes() const { return bytes_; }
  bool opened() const { return session_.opened(); }
  /// Why something could not be opened; empty when all was.
  std::string reason() const;
  std::string_view version() const;  // empty when it is not known
  std::string_view server_name() const;
  std::string cipher() const;  // empty when it is not known

  std::size_t memory(Side sender) const;

 private:
  /// A record, and where it stood.
  struct Held {
    decrypt::ContentType type{};
    std::uint16_t version = 0;
    std::string payload;
    Stamp begin;
    Stamp end;  // behind it
  };
  struct Direction {
    decrypt::RecordCutter cutter;
    Stamp begin;             // of the record being read
    std::uint64_t seen = 0;  // the wire, up to here
    TextOffsets offsets;
    Fifo<Held> waiting;  // for what the other side has to say first
    std::size_t waiting_bytes = 0;
    bool hidden = false;  // and that has been told
  };

  Direction& at(Side side) { return directions_[index(side)]; }
  const Direction& at(Side side) const { return directions_[index(side)]; }
  decrypt::Role role(Side side) const {
    return side == client_ ? decrypt::Role::client : decrypt::Role::server;
  }
  void look_at_header(Side sender, std::string_view bytes);
  bool take(Side sender, const decrypt::Record& record, const Stamp& begin, const Stamp& end);
  void hold(Side sender, const decrypt::Record& record, const Stamp& begin, const Stamp& end);
  void take_waiting(Side sender);
  void tell(Side sender, std::string_view text, const Stamp& begin, const Stamp& end);
  std::uint64_t received(Side sender, std::uint64_t acked);
  void settle();

  TlsText& text_;
  Side client_;
  bool has_keys_;
  std::uint16_t header_version_ = 0;  // as records say that were met in the middle
  bool looked_ = false;               // at the first header
  std::uint64_t bytes_ = 0;
  std::array<Direction, 2> directions_{};
  decrypt::Session session_;
};

}  // namespace compactor::capture
