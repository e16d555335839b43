#include "trace/key.h"

#include <random>

namespace compactor::trace {
namespace {

Key seed() {
  std::random_device random;
  const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

}  // namespace

KeyMaker::KeyMaker() {
  static const Key kSeed = seed();
  key_ = kSeed;
}

}  // namespace compactor::trace
