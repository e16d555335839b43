// Which connections speak TLS, by the first bytes of each direction.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "capture/reassembly.h"

namespace compactor::capture {

class TlsSpotter {
 public:
  enum class Speech : std::uint8_t { unknown, text, tls };

  Speech speech(Side side) const { return speech_[index(side)]; }
  bool is_decided(Side side) const { return speech(side) != Speech::unknown; }

  /// The first bytes of this side, in pieces. `client`: who opened the connection, if that is
  /// known. While they do not decide they are held: then is_decided() is still false.
  void look(Side sender, std::string_view bytes, const Stamp& stamp, std::optional<Side> client);
  /// Some of what this side said first is not known, or there is nothing more of it.
  void miss(Side sender, std::optional<Side> client);
  bool has_missed(Side side) const { return missed_[index(side)]; }

  struct Held {
    std::string bytes;
    Stamp stamp;
  };
  /// Bytes that were held, which stand before those that decided. Once.
  Held take_held(Side sender);

 private:
  void decide(Side sender, bool is_tls, std::optional<Side> client);

  std::array<Speech, 2> speech_{};
  std::array<bool, 2> missed_{};
  std::array<std::unique_ptr<Held>, 2> held_{};
};

}  // namespace compactor::capture
