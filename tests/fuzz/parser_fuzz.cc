// The parser under any bytes: however they are split, it says the same of them. With clang:
// libFuzzer
// (-fsanitize=fuzzer,address); everywhere: driver.cc.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "support/wire_streams.h"
#include "wire/message.h"
#include "wire/resync.h"

namespace {

using compactor::wire::find_head;
using compactor::wire::HttpMessage;
using compactor::wire::Kind;
using wire_test::Reading;

constexpr std::size_t kMaxBody = 4096;  // small, so that the limit is met

/// Which of two errors in one head is met first may depend on the split, not that there is one.
Reading without_reason(Reading reading) {
  if (!reading.error.empty()) reading.error = "broken";
  return reading;
}

void expect_equal(const char* what, const Reading& whole, const Reading& other) {
  if (without_reason(whole) == without_reason(other)) return;
  std::cerr << what << " differs\nwhole: " << whole << "\nother: " << other << '\n';
  std::abort();
}

void expect_plausible(const Reading& reading, std::size_t size) {
  std::uint64_t at = 0;
  for (const auto& message : reading.messages) {
    if (message.begin < at || message.end <= message.begin || message.end > size) std::abort();
    if (message.body.size() > kMaxBody) std::abort();
    at = message.end;
  }
}

void fuzz_parser(Kind kind, std::string_view bytes, unsigned seed, bool heads) {
  const Reading whole = wire_test::read_whole(kind, bytes, kMaxBody, heads);
  expect_plausible(whole, bytes.size());
  expect_equal("byte at a time", whole, wire_test::read_bytewise(kind, bytes, kMaxBody, heads));
  for (const std::size_t largest : {7U, 100U, 1500U}) {
    expect_equal("random split", whole,
                 wire_test::read_randomly(kind, bytes, largest, seed, kMaxBody, heads));
  }
}

/// What a receiver does with each request. Bodies may grow when they are decompressed, up to the
/// limit.
struct Receiver : compactor::wire::Sink {
  bool on_message(const HttpMessage& message) override {
    if (const auto head = message_head(message)) compactor::wire::decode_id(head->raw_id, buffer);
    const auto body = delivered_body(message, buffer, kMaxBody, why);
    if (body ? body->size() > kMaxBody : why.empty()) std::abort();
    return true;
  }
  std::string buffer;
  std::string why;
};

void fuzz_receiver(std::string_view bytes) {
  Receiver receiver;
  compactor::wire::Parser parser(Kind::request, kMaxBody);
  parser.feed(bytes, receiver);
}

void fuzz_find_head(Kind kind, std::string_view bytes) {
  const auto next = find_head(kind, bytes);
  if (next.offset > bytes.size()) std::abort();
  if (next.found) return;
  if (bytes.size() - next.offset > compactor::wire::kMaxUndecided) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned seed = data[0];
  const bool heads = (data[1] & 1) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  for (const Kind kind : {Kind::request, Kind::response}) {
    fuzz_parser(kind, bytes, seed, heads);
    fuzz_find_head(kind, bytes);
  }
  fuzz_receiver(bytes);
  return 0;
}
