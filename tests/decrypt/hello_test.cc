// The first messages of a handshake, whole, in pieces, and of any bytes.
#include "decrypt/hello.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "decrypt/handshake_reader.h"
#include "decrypt/record_cutter.h"
#include "support/tls_kit.h"

namespace decrypt_hello_test {

using namespace compactor::decrypt;  // NOLINT: a test reads its subject's names
using tls_kit::Conversation;
using tls_kit::Terms;

namespace {

/// The body of the first handshake message of that side.
std::string first_body(const Conversation& talk, Role sender) {
  const std::string bytes = talk.bytes(sender);
  std::string_view rest = bytes;
  RecordCutter cutter;
  Record record;
  HandshakeReader reader;
  HandshakeMessage message;
  while (cutter.next(rest, record)) {
    reader.add(record.payload);
    if (reader.next(message)) return std::string(message.body);
  }
  return {};
}

}  // namespace

TEST_CASE("what both say first") {
  Terms terms;
  terms.server_name = "agent.example";
  terms.encrypt_then_mac = false;
  const Conversation talk(terms);
  const auto client = read_client_hello(first_body(talk, Role::client));
  REQUIRE(client);
  CHECK(client->version == kTls12);
  CHECK(client->highest == kTls12);
  CHECK(client->random.size() == kRandomSize);
  CHECK(client->server_name == "agent.example");
  CHECK_FALSE(client->early_data);
  const auto server = read_server_hello(first_body(talk, Role::server));
  REQUIRE(server);
  CHECK(server->version == kTls12);
  CHECK(server->suite == 0x002f);
  CHECK(server->extended_master_secret);
  CHECK_FALSE(server->encrypt_then_mac);
  CHECK_FALSE(server->compressed);
  CHECK_FALSE(server->is_retry);
}

TEST_CASE("the version of TLS 1.3 stands in an extension") {
  Terms terms;
  terms.version = TLS1_3_VERSION;
  const Conversation talk(terms);
  const auto client = read_client_hello(first_body(talk, Role::client));
  REQUIRE(client);
  CHECK(client->version == kTls12);
  CHECK(client->highest == kTls13);
  CHECK(client->server_name.empty());
  const auto server = read_server_hello(first_body(talk, Role::server));
  REQUIRE(server);
  CHECK(server->version == kTls13);
  CHECK(server->suite == 0x1301);
  CHECK(version_name(server->version) == "TLSv1.3");
}

TEST_CASE("what is cut off is none, or one without extensions") {
  Terms terms;
  terms.server_name = "agent.example";
  const Conversation talk(terms);
  const std::string client = first_body(talk, Role::client);
  const std::string server = first_body(talk, Role::server);
  std::size_t read = 0;
  for (std::size_t size = 0; size < client.size(); ++size)
    read += read_client_hello(client.substr(0, size)) ? 1U : 0U;
  for (std::size_t size = 0; size < server.size(); ++size)
    read += read_server_hello(server.substr(0, size)) ? 1U : 0U;
  CHECK(read == 2);
  const auto whole = read_client_hello(client);
  CHECK(whole);
}

TEST_CASE("any bytes") {
  std::mt19937 random(1);
  const Conversation talk(Terms{});
  const std::string client = first_body(talk, Role::client);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = client;
    for (int changes = 1 + i % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (const auto hello = read_client_hello(bytes)) CHECK(hello->server_name.size() <= 255);
    read_server_hello(bytes);
  }
}

TEST_CASE("handshake messages may be cut anywhere, and are not longer than what is held") {
  std::string bytes;
  for (const std::size_t size : {0U, 3U, 500U}) {
    bytes +=
        std::string("\x0b\0", 2) + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff);
    bytes += std::string(size, 'c');
  }
  for (const std::size_t piece : {1U, 3U, 4U, 5U, 1'000U}) {
    HandshakeReader reader;
    std::string sizes;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.add(bytes.substr(at, piece));
      HandshakeMessage message;
      while (reader.next(message)) {
        CHECK(message.bytes.size() == message.body.size() + 4);
        sizes += std::to_string(message.body.size()) + " ";
      }
    }
    CHECK(sizes == "0 3 500 ");
    CHECK(reader.is_between());
    CHECK(reader.memory() == 0);
  }
  HandshakeReader reader;
  reader.add(std::string("\x0b\x10\0\0", 4));
  HandshakeMessage message;
  CHECK_FALSE(reader.next(message));
  CHECK(reader.broken());
  CHECK(reader.memory() == 0);
}

}  // namespace decrypt_hello_test
