// Short keys for long ids: 128 bits, of which nobody outside can foresee that two are equal.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

namespace compactor::trace {

struct Key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Key&) const = default;
};

/// Makes a key of parts, each of which may hold any bytes. The same parts in the same order are the
/// same key in this process; other ones are another key, as far as 128 bits go.
class KeyMaker {
 public:
  KeyMaker();

  void add(std::string_view part) {
    take(part.size());
    while (part.size() >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, part.data(), sizeof word);
      take(word);
      part.remove_prefix(sizeof word);
    }
    std::uint64_t rest = 0;
    if (!part.empty()) std::memcpy(&rest, part.data(), part.size());
    take(rest);
  }
  void add(std::uint64_t number) { take(number); }
  Key key() const { return key_; }
  /// That of these parts.
  template <class... Parts>
  static Key of(const Parts&... parts) {
    KeyMaker made;
    (made.add(parts), ...);
    return made.key();
  }

 private:
  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  void take(std::uint64_t word) {
    key_.low = mix(key_.low ^ word, 0x9e3779b97f4a7c15U);
    key_.high = mix(std::rotl(key_.high, 23) ^ word, 0xd6e8feb86659fd93U);
  }

  Key key_;
};

}  // namespace compactor::trace

template <>
struct std::hash<compactor::trace::Key> {
  std::size_t operator()(const compactor::trace::Key& key) const noexcept { return key.low; }
};
