// Opens the protected records of one direction, and verifies each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "decrypt/key_schedule.h"
#include "decrypt/record.h"
#include "decrypt/suite.h"

struct evp_cipher_ctx_st;

namespace compactor::decrypt {

class RecordOpener {
 public:
  struct Format {
    std::uint16_t version = kTls12;
    bool encrypt_then_mac = false;
  };

  /// Null when OpenSSL does not have the cipher, or the keys are of another size.
  static std::unique_ptr<RecordOpener> make(const Suite& suite, Format format, TrafficKeys keys);
  ~RecordOpener();
  RecordOpener(const RecordOpener&) = delete;
  RecordOpener& operator=(const RecordOpener&) = delete;

  /// The next record: what is in it, in `out`; of TLS 1.3 also the type, which is hidden in there.
  /// False when it is not what its sender has made.
  bool open(Record& record, std::string& out);

 private:
  struct FreeContext {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_cipher_ctx_st, FreeContext>;

  RecordOpener(const Suite& suite, Format format, TrafficKeys keys, Context context);

  bool open_cbc(const Record& record, std::string& out);
  bool open_aead(const Record& record, std::string& out);
  bool decrypt_blocks(std::string_view iv, std::string_view blocks, std::string& out);
  bool strip_padding(std::string& out, bool authenticated) const;
  bool has_mac(const Record& record, std::string_view content, std::string_view mac) const;
  std::string nonce(std::string_view explicit_part) const;
  std::string header(const Record& record, std::size_t size) const;

  const Suite& suite_;
  Format format_;
  TrafficKeys keys_;
  Context context_;
  std::uint64_t number_ = 0;  // of the next record
};

}  // namespace compactor::decrypt
