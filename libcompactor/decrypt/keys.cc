#include "decrypt/keys.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "decrypt/byte_reader.h"

namespace compactor::decrypt {
namespace {

constexpr std::size_t kPremasterSize = 48;
constexpr std::size_t kLargestKeyFile = std::size_t{1} << 20;

std::string read_key_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  if (!file) throw KeyFileError(std::strerror(errno));
  std::string bytes(kLargestKeyFile, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  if (std::ferror(file.get()) != 0) throw KeyFileError(std::strerror(errno));
  return bytes;
}

/// Nobody is asked for a password; that there is one is noted.
int refuse_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

/// Empty when it is not for that key.
std::string decrypt_with(evp_pkey_st* key, std::string_view encrypted) {
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
      EVP_PKEY_CTX_new(key, nullptr), EVP_PKEY_CTX_free);
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1)
    return {};
  // Newer versions of OpenSSL make something up where the padding is wrong, unless told not to.
  EVP_PKEY_CTX_ctrl_str(context.get(), "rsa_pkcs1_implicit_rejection", "0");
  const auto* from =
      reinterpret_cast<const unsigned char*>(encrypted.data());  // NOLINT: bytes are bytes
  std::size_t size = 0;
  if (EVP_PKEY_decrypt(context.get(), nullptr, &size, from, encrypted.size()) != 1) return {};
  std::string out(size, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());  // NOLINT: bytes are bytes
  if (EVP_PKEY_decrypt(context.get(), to, &size, from, encrypted.size()) != 1) return {};
  out.erase(size);
  return out;
}

}  // namespace

Keys::Keys() = default;
Keys::~Keys() = default;

void Keys::FreeKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

void Keys::add_server_key(const std::string& path) {
  const std::string bytes = read_key_file(path);
  const std::unique_ptr<BIO, int (*)(BIO*)> pem(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())), BIO_free);
  bool asked = false;
  std::unique_ptr<evp_pkey_st, FreeKey> key(
      pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, refuse_password, &asked) : nullptr);
  ERR_clear_error();
  if (asked)
    throw KeyFileError(
        "the key is encrypted: openssl pkey -in FILE -out FILE takes the password off");
  if (!key) throw KeyFileError("no private key (PEM) in it");
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1)
    throw KeyFileError("not an RSA key, and only that opens anything: others need a key log");
  server_keys_.push_back(std::move(key));
}

void Keys::add_log(const std::string& path, KeyLog::Empty empty) {
  logs_.push_back(std::make_unique<KeyLog>(path, empty));
}

std::optional<std::string> Keys::premaster(std::string_view encrypted,
                                           std::uint16_t version) const {
  for (const auto& key : server_keys_) {
    const std::string found = decrypt_with(key.get(), encrypted);
    if (found.size() == kPremasterSize && ByteReader(found).u16() == version) return found;
  }
  ERR_clear_error();
  return std::nullopt;
}

std::optional<std::string> Keys::secret(Secret secret, std::string_view client_random) const {
  for (const auto& log : logs_) {
    if (auto found = log->find(secret, client_random)) return found;
  }
  return std::nullopt;
}

}  // namespace compactor::decrypt
