#include "support/tls_kit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "decrypt/byte_reader.h"

namespace tls_kit {
namespace {

using compactor::decrypt::ByteReader;
using compactor::decrypt::KeyLog;

void need(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

EVP_PKEY* rsa_key(int which) {
  static EVP_PKEY* keys[] = {EVP_RSA_gen(2048), EVP_RSA_gen(2048)};
  return keys[which];
}

X509* certificate() {
  static X509* const made = [] {
    X509* all = X509_new();
    X509_set_version(all, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(all), 1);
    X509_gmtime_adj(X509_getm_notBefore(all), -60);
    X509_gmtime_adj(X509_getm_notAfter(all), 3600);
    X509_set_pubkey(all, rsa_key(0));
    X509_sign(all, rsa_key(0), EVP_sha256());
    return all;
  }();
  return made;
}

std::string pem(EVP_PKEY* key, const char* password) {
  BIO* out = BIO_new(BIO_s_mem());
  const auto size = password == nullptr ? 0 : static_cast<int>(std::string(password).size());
  PEM_write_bio_PKCS8PrivateKey(out, key, password == nullptr ? nullptr : EVP_aes_128_cbc(),
                                password, size, nullptr, nullptr);
  char* bytes = nullptr;
  const auto length = static_cast<std::size_t>(BIO_get_mem_data(out, &bytes));
  std::string text(bytes, length);
  BIO_free(out);
  return text;
}

}  // namespace

Conversation::Conversation(const Terms& terms, const Conversation* resumed) {
  for (const Role role : {Role::client, Role::server}) {
    SSL_CTX* context = resumed != nullptr ? SSL_get_SSL_CTX(resumed->end_of(role)) : nullptr;
    if (context != nullptr) SSL_CTX_up_ref(context);
    ends_[index(role)] = make_end(role, context != nullptr ? context : make_context(role, terms));
  }
  if (!terms.server_name.empty())
    SSL_set_tlsext_host_name(end_of(Role::client), terms.server_name.c_str());
  if (resumed != nullptr) {
    SSL_SESSION* session = SSL_get1_session(resumed->end_of(Role::client));
    SSL_set_session(end_of(Role::client), session);
    SSL_SESSION_free(session);
  }
  shake_hands();
}

SSL_CTX* Conversation::make_context(Role role, const Terms& terms) {
  const bool is_client = role == Role::client;
  SSL_CTX* context = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
  SSL_CTX_set_security_level(context, 0);
  need(SSL_CTX_set_min_proto_version(context, terms.version) == 1 &&
           SSL_CTX_set_max_proto_version(context, terms.version) == 1 &&
           SSL_CTX_set_cipher_list(context, terms.ciphers.c_str()) == 1 &&
           SSL_CTX_set_ciphersuites(context, terms.suites.c_str()) == 1,
       "there are no such terms");
  SSL_CTX_set_dh_auto(context, 1);
  if (!terms.encrypt_then_mac) SSL_CTX_set_options(context, SSL_OP_NO_ENCRYPT_THEN_MAC);
  if (!terms.extended_master_secret) SSL_CTX_set_options(context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
  if (terms.largest_record != 0)
    SSL_CTX_set_max_send_fragment(context, static_cast<long>(terms.largest_record));
  if (is_client) SSL_CTX_set_keylog_callback(context, keep_line);
  if (!is_client || terms.client_certificate) {
    SSL_CTX_use_certificate(context, certificate());
    SSL_CTX_use_PrivateKey(context, rsa_key(0));
  }
  const auto take_any = [](int, X509_STORE_CTX*) { return 1; };
  if (!is_client && terms.client_certificate)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
  if (!is_client && !terms.server_groups.empty())
    SSL_CTX_set1_groups_list(context, terms.server_groups.c_str());
  return context;
}

/// The end keeps the context.
std::unique_ptr<SSL, Conversation::Free> Conversation::make_end(Role role, SSL_CTX* context) {
  std::unique_ptr<SSL, Free> end(SSL_new(context));
  SSL_CTX_free(context);
  SSL_set_app_data(end.get(), this);
  SSL_set_bio(end.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  role == Role::client ? SSL_set_connect_state(end.get()) : SSL_set_accept_state(end.get());
  return end;
}

void Conversation::keep_line(const SSL* ssl, const char* line) {
  static_cast<Conversation*>(SSL_get_app_data(ssl))->key_log_.append(line).append("\n");
}

void Conversation::shake_hands() {
  for (int round = 0; round < 20; ++round) {
    for (const Role role : {Role::client, Role::server}) {
      SSL_do_handshake(end_of(role));
      pass(role);
    }
  }
  need(SSL_is_init_finished(end_of(Role::client)) == 1 &&
           SSL_is_init_finished(end_of(Role::server)) == 1,
       "the handshake failed");
}

bool Conversation::pass(Role sender) {
  BIO* out = SSL_get_wbio(end_of(sender));
  std::string bytes(BIO_ctrl_pending(out), '\0');
  if (bytes.empty()) return false;
  BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
  SSL* to = end_of(other(sender));
  BIO_write(SSL_get_rbio(to), bytes.data(), static_cast<int>(bytes.size()));
  flights_.push_back({sender, bytes});
  if (SSL_is_init_finished(to) == 0) return true;
  char text[16384];
  while (SSL_read(to, text, sizeof text) > 0) {
  }
  return true;
}

void Conversation::say(Role sender, std::string_view text) {
  need(SSL_write(end_of(sender), text.data(), static_cast<int>(text.size())) > 0, "nothing said");
  pass(sender);
  pass(other(sender));
}

void Conversation::change_keys(Role sender) {
  need(SSL_key_update(end_of(sender), SSL_KEY_UPDATE_NOT_REQUESTED) == 1, "no other keys");
  SSL_do_handshake(end_of(sender));
  pass(sender);
}

void Conversation::end(Role sender) {
  SSL_shutdown(end_of(sender));
  pass(sender);
}

std::string Conversation::bytes(Role sender) const {
  std::string all;
  for (const Flight& flight : flights_)
    if (flight.sender == sender) all += flight.bytes;
  return all;
}

std::string in_small_records(std::string_view handshake, std::size_t largest) {
  std::string out;
  ByteReader reader(handshake);
  while (!reader.empty()) {
    const std::string_view head = reader.take(3);
    std::string_view payload = reader.vector(2);
    while (!payload.empty()) {
      const std::string_view piece = payload.substr(0, largest);
      payload.remove_prefix(piece.size());
      out += head;
      compactor::decrypt::append_number(out, piece.size(), 2);
      out += piece;
    }
  }
  return out;
}

File::File(std::string_view content) {
  std::string pattern = std::filesystem::temp_directory_path() / "compactor-tls-XXXXXX";
  const int file = ::mkstemp(pattern.data());
  need(file >= 0, "no temporary file");
  ::close(file);
  path_ = pattern;
  append(content);
}

File::~File() {
  ::unlink(path_.c_str());
}

void File::append(std::string_view content) const {
  std::ofstream(path_, std::ios::app | std::ios::binary) << content;
}

std::string server_key() {
  return pem(rsa_key(0), nullptr);
}

std::string other_key() {
  return pem(rsa_key(1), nullptr);
}

std::string elliptic_key() {
  static EVP_PKEY* const key = EVP_EC_gen("P-256");
  return pem(key, nullptr);
}

std::string with_password(const std::string& key) {
  BIO* in = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
  EVP_PKEY* read = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  std::string text = pem(read, "secret");
  EVP_PKEY_free(read);
  return text;
}

std::unique_ptr<Keys> keys_of_server() {
  const File file(server_key());
  auto keys = std::make_unique<Keys>();
  keys->add_server_key(file.path());
  return keys;
}

std::unique_ptr<Keys> keys_of_log(const std::string& log) {
  const File file(log);
  auto keys = std::make_unique<Keys>();
  keys->add_log(file.path(), KeyLog::Empty::refused);
  return keys;
}

}  // namespace tls_kit
