// Files of keys: which are taken, and what is said of the others.
#include "decrypt/keys.h"

#include <doctest/doctest.h>

#include <string>

#include "support/tls_kit.h"

namespace decrypt_keys_test {

using compactor::decrypt::KeyFileError;
using compactor::decrypt::KeyLog;
using compactor::decrypt::Keys;
using compactor::decrypt::Secret;
using tls_kit::File;

namespace {

std::string trouble_of_key(const std::string& path) {
  try {
    Keys().add_server_key(path);
  } catch (const KeyFileError& error) {
    return error.what();
  }
  return {};
}

std::string trouble_of_log(const std::string& path, KeyLog::Empty empty = KeyLog::Empty::refused) {
  try {
    KeyLog log(path, empty);
  } catch (const KeyFileError& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

const std::string kRandom(64, 'a');
const std::string kRandomBytes(32, '\xaa');

}  // namespace

TEST_CASE("a server's key") {
  CHECK(trouble_of_key(File(tls_kit::server_key()).path()).empty());
  CHECK(trouble_of_key(File("some words before\n" + tls_kit::server_key()).path()).empty());
  CHECK(contains(trouble_of_key("/nonexistent/key"), "No such file"));
  CHECK(contains(trouble_of_key("/"), "directory"));
  CHECK(contains(trouble_of_key(File("").path()), "no private key"));
  CHECK(contains(trouble_of_key(File(std::string(2'000'000, '-')).path()), "no private key"));
  CHECK(contains(trouble_of_key(File(tls_kit::server_key().substr(0, 500)).path()),
                 "no private key"));
  CHECK(contains(trouble_of_key(File(tls_kit::elliptic_key()).path()), "not an RSA key"));
  const std::string locked = tls_kit::with_password(tls_kit::server_key());
  CHECK(contains(trouble_of_key(File(locked).path()), "encrypted"));
}

TEST_CASE("a key log") {
  const File file("# comment\r\n\nCLIENT_RANDOM " + kRandom + " 0102\r\nEXPORTER_SECRET " +
                  kRandom + " 03\nnonsense\nCLIENT_TRAFFIC_SECRET_0 " + kRandom + " 04");
  KeyLog whole(file.path(), KeyLog::Empty::refused);
  CHECK(whole.find(Secret::client_application, kRandomBytes) == "\4");
  KeyLog log(file.path(), KeyLog::Empty::allowed);
  CHECK(log.find(Secret::master, kRandomBytes) == "\1\2");
  CHECK_FALSE(log.find(Secret::master, std::string(32, 'b')));
  CHECK_FALSE(log.find(Secret::server_application, kRandomBytes));
  // It goes on, in the middle of a line.
  CHECK_FALSE(log.find(Secret::client_application, kRandomBytes));
  file.append("05\nSERVER_TRAFFIC_SECRET_0 " + kRandom + " 06\n");
  CHECK(log.find(Secret::client_application, kRandomBytes) == "\4\5");
  CHECK(log.find(Secret::server_application, kRandomBytes) == "\6");
}

TEST_CASE("what is no key log") {
  CHECK(contains(trouble_of_log("/nonexistent/log"), "No such file"));
  CHECK(contains(trouble_of_log("/"), "directory"));
  CHECK(contains(trouble_of_log(File("").path()), "no key log"));
  CHECK(trouble_of_log(File("").path(), KeyLog::Empty::allowed).empty());
  CHECK(trouble_of_log(File("# SSL/TLS secrets\n").path(), KeyLog::Empty::allowed).empty());
  for (const auto& content :
       {tls_kit::server_key(), std::string(3'000'000, 'x'), std::string(100'000, '\0'),
        "CLIENT_RANDOM " + kRandom + "\n", "CLIENT_RANDOM " + kRandom.substr(2) + " 01\n",
        "CLIENT_RANDOM " + kRandom + " 0x\n"})
    CHECK(contains(trouble_of_log(File(content).path(), KeyLog::Empty::allowed), "no key log"));
  CHECK(contains(trouble_of_log("/dev/zero"), "no key log"));
}

TEST_CASE("of several files any may have it") {
  const File first("CLIENT_RANDOM " + kRandom + " 01\n");
  const File second("CLIENT_RANDOM " + std::string(64, 'b') + " 02\n");
  Keys keys;
  CHECK_FALSE(keys.has_logs());
  keys.add_log(first.path(), KeyLog::Empty::refused);
  keys.add_log(second.path(), KeyLog::Empty::refused);
  CHECK(keys.has_logs());
  CHECK_FALSE(keys.has_server_keys());
  CHECK(keys.secret(Secret::master, std::string(32, '\xbb')) == "\2");
  CHECK_FALSE(keys.secret(Secret::master, std::string(32, 'x')));
}

}  // namespace decrypt_keys_test
