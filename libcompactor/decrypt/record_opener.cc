#include "decrypt/record_opener.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "decrypt/byte_reader.h"

namespace compactor::decrypt {
namespace {

constexpr std::size_t kCbcBlock = 16;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kExplicitNonce = 8;

const unsigned char* input(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());  // NOLINT: bytes are bytes
}

unsigned char* output(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());  // NOLINT: bytes are bytes
}

}  // namespace

void RecordOpener::FreeContext::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

std::unique_ptr<RecordOpener> RecordOpener::make(const Suite& suite, Format format,
                                                 TrafficKeys keys) {
  if (suite.protection == Protection::none || keys.key.size() != suite.key_size) return nullptr;
  Context context(EVP_CIPHER_CTX_new());
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, suite.cipher, nullptr);
  const bool ready =
      context && cipher != nullptr &&
      EVP_DecryptInit_ex2(context.get(), cipher, input(keys.key), nullptr, nullptr) == 1;
  EVP_CIPHER_free(cipher);
  if (!ready) return nullptr;
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  return std::unique_ptr<RecordOpener>(
      new RecordOpener(suite, format, std::move(keys), std::move(context)));
}

RecordOpener::RecordOpener(const Suite& suite, Format format, TrafficKeys keys, Context context)
    : suite_(suite), format_(format), keys_(std::move(keys)), context_(std::move(context)) {}

RecordOpener::~RecordOpener() = default;

bool RecordOpener::open(Record& record, std::string& out) {
  const bool opened =
      suite_.protection == Protection::cbc ? open_cbc(record, out) : open_aead(record, out);
  ++number_;
  if (!opened) return false;
  if (format_.version >= kTls13) {
    // Behind the content stand its type, and zeros.
    const std::size_t type = out.find_last_not_of('\0');
    if (type == std::string::npos) return false;
    record.type = static_cast<ContentType>(out[type]);
    out.resize(type);
  }
  record.payload = out;
  return true;
}

/// RFC 5246 §6.2.3.2, RFC 7366; of TLS 1.0 the initial vector is the end of the record before.
bool RecordOpener::open_cbc(const Record& record, std::string& out) {
  std::string_view rest = record.payload;
  if (format_.encrypt_then_mac) {
    const std::size_t size = keys_.mac.size();
    if (rest.size() < size) return false;
    if (!has_mac(record, rest.substr(0, rest.size() - size), rest.substr(rest.size() - size)))
      return false;
    rest.remove_suffix(size);
  }
  std::string iv = keys_.iv;
  if (format_.version > kTls10) {
    iv = rest.substr(0, kCbcBlock);
    rest.remove_prefix(iv.size());
  }
  if (iv.size() != kCbcBlock || rest.empty() || rest.size() % kCbcBlock != 0) return false;
  if (!decrypt_blocks(iv, rest, out)) return false;
  if (format_.version <= kTls10) keys_.iv = rest.substr(rest.size() - kCbcBlock);
  if (!strip_padding(out, format_.encrypt_then_mac)) return false;
  if (format_.encrypt_then_mac) return true;
  const std::size_t size = out.size() - keys_.mac.size();
  const std::string_view all = out;
  if (!has_mac(record, all.substr(0, size), all.substr(size))) return false;
  out.erase(size);
  return true;
}

bool RecordOpener::decrypt_blocks(std::string_view iv, std::string_view blocks, std::string& out) {
  out.resize(blocks.size());
  int size = 0;
  return EVP_DecryptInit_ex2(context_.get(), nullptr, nullptr, input(iv), nullptr) == 1 &&
         EVP_DecryptUpdate(context_.get(), output(out), &size, input(blocks),
                           static_cast<int>(blocks.size())) == 1 &&
         static_cast<std::size_t>(size) == blocks.size();
}

/// Its last byte says how many like it stand before it. `authenticated`: no MAC stands before them.
bool RecordOpener::strip_padding(std::string& out, bool authenticated) const {
  const auto last = static_cast<std::uint8_t>(out.back());
  const std::size_t padding = std::size_t{last} + 1;
  if (padding + (authenticated ? 0 : keys_.mac.size()) > out.size()) return false;
  const auto begin = out.end() - static_cast<std::ptrdiff_t>(padding);
  const bool alike =
      std::all_of(begin, out.end(), [&](char c) { return static_cast<std::uint8_t>(c) == last; });
  out.erase(out.size() - padding);
  return alike;
}

bool RecordOpener::has_mac(const Record& record, std::string_view content,
                           std::string_view mac) const {
  const std::string made =
      hmac(suite_.mac, keys_.mac, header(record, content.size()).append(content));
  return made.size() == mac.size() && CRYPTO_memcmp(made.data(), mac.data(), mac.size()) == 0;
}

/// RFC 5288, RFC 7905, RFC 8446 §5.2.
bool RecordOpener::open_aead(const Record& record, std::string& out) {
  std::string_view rest = record.payload;
  const bool has_explicit = format_.version < kTls13 && suite_.protection == Protection::gcm;
  const std::string_view explicit_part = rest.substr(0, has_explicit ? kExplicitNonce : 0);
  rest.remove_prefix(explicit_part.size());
  if (rest.size() < kTagSize) return false;
  std::string tag(rest.substr(rest.size() - kTagSize));
  rest.remove_suffix(kTagSize);
  const std::string iv = nonce(explicit_part);
  std::string about = header(record, rest.size());
  if (format_.version >= kTls13) about = about.substr(8, 3);
  if (format_.version >= kTls13) append_number(about, record.payload.size(), 2);
  out.resize(rest.size());
  int size = 0;
  int more = 0;
  EVP_CIPHER_CTX* context = context_.get();
  return iv.size() == 12 &&
         EVP_DecryptInit_ex2(context, nullptr, nullptr, input(iv), nullptr) == 1 &&
         EVP_DecryptUpdate(context, nullptr, &size, input(about), static_cast<int>(about.size())) ==
             1 &&
         EVP_DecryptUpdate(context, output(out), &size, input(rest),
                           static_cast<int>(rest.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(context, output(tag), &more) == 1;
}

/// What the record says of it, or its number.
std::string RecordOpener::nonce(std::string_view explicit_part) const {
  if (!explicit_part.empty()) return keys_.iv + std::string(explicit_part);
  std::string nonce = keys_.iv;
  for (std::size_t i = 0; i < 8 && i < nonce.size(); ++i) {
    char& byte = nonce[nonce.size() - 1 - i];
    byte = static_cast<char>(byte ^ static_cast<char>(number_ >> 8 * i & 0xff));
  }
  return nonce;
}

/// What is authenticated beside the content.
std::string RecordOpener::header(const Record& record, std::size_t size) const {
  std::string header;
  append_number(header, number_, 8);
  append_number(header, static_cast<std::uint8_t>(record.type), 1);
  append_number(header, record.version, 2);
  append_number(header, size, 2);
  return header;
}

}  // namespace compactor::decrypt
