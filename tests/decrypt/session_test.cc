// Connections that OpenSSL made, opened: each suite and version, and why others are not.
#include "decrypt/session.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "decrypt/record_cutter.h"
#include "support/tls_kit.h"

namespace decrypt_session_test {

using namespace compactor::decrypt;  // NOLINT: a test reads its subject's names
using tls_kit::Conversation;
using tls_kit::Flight;
using tls_kit::Terms;

namespace {

/// What a session makes of a conversation.
struct Reading {
  explicit Reading(const Keys* keys) : session(keys) {}

  void add(Role sender, std::string_view bytes) {
    Record record;
    RecordCutter& cutter = cutters[index(sender)];
    while (cutter.next(bytes, record)) {
      auto& mine = waiting[index(sender)];
      mine.push_back({record, std::string(record.payload)});
      take(sender);
      take(other(sender));
    }
  }
  /// What waits, as far as it can be taken.
  void take(Role sender) {
    auto& mine = waiting[index(sender)];
    while (!mine.empty()) {
      Record record = mine.front().first;
      record.payload = mine.front().second;
      std::string_view found;
      if (session.take(sender, record, found) == Session::Taken::not_yet) {
        ++waited;
        return;
      }
      text[index(sender)] += found;
      mine.pop_front();
    }
  }
  void add(const std::vector<Flight>& flights) {
    for (const Flight& flight : flights) add(flight.sender, flight.bytes);
  }

  Session session;
  RecordCutter cutters[2];
  std::deque<std::pair<Record, std::string>> waiting[2];
  std::string text[2];
  int waited = 0;
};

const std::string kLong(40'000, 'l');

void converse(Conversation& talk) {
  talk.say(Role::client, "ask");
  talk.say(Role::server, "answer");
  talk.say(Role::client, kLong);
  talk.say(Role::server, "again");
  talk.end(Role::client);
}

void check_opened(const Conversation& talk, const Keys& keys) {
  Reading reading(&keys);
  reading.add(talk.flights());
  CHECK(reading.text[0] == "ask" + kLong);
  CHECK(reading.text[1] == "answeragain");
  CHECK(reading.session.opened());
  CHECK(reading.session.reason().empty());
  CHECK(reading.waited == 0);
}

std::string reason(const Conversation& talk, const Keys& keys) {
  Reading reading(&keys);
  reading.add(talk.flights());
  CHECK(reading.text[0].empty());
  CHECK(reading.text[1].empty());
  CHECK_FALSE(reading.session.opened());
  for (const Role role : {Role::client, Role::server}) {
    CHECK(reading.session.is_lost(role));
    CHECK(reading.session.memory(role) == 0);
  }
  return reading.session.reason();
}

bool contains(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

Terms with_ciphers(const std::string& ciphers, int version = TLS1_2_VERSION) {
  Terms terms;
  terms.ciphers = ciphers;
  terms.version = version;
  return terms;
}

Terms tls13(const std::string& suites = "TLS_AES_128_GCM_SHA256") {
  Terms terms;
  terms.version = TLS1_3_VERSION;
  terms.suites = suites;
  return terms;
}

const char* const kRsaCiphers[] = {"AES128-SHA",    "AES256-SHA",        "AES128-SHA256",
                                   "AES256-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384"};

}  // namespace

TEST_CASE("with a server's key: each suite that exchanges keys by RSA") {
  const auto keys = tls_kit::keys_of_server();
  for (const std::string cipher : kRsaCiphers) {
    for (const bool encrypt_then_mac : {true, false}) {
      for (const bool extended : {true, false}) {
        CAPTURE(cipher);
        CAPTURE(encrypt_then_mac);
        CAPTURE(extended);
        Terms terms = with_ciphers(cipher);
        terms.encrypt_then_mac = encrypt_then_mac;
        terms.extended_master_secret = extended;
        Conversation talk(terms);
        REQUIRE(talk.cipher() == cipher);
        converse(talk);
        check_opened(talk, *keys);
        check_opened(talk, *tls_kit::keys_of_log(talk.key_log()));
      }
    }
  }
}

TEST_CASE("with a key log: suites that exchange keys anew") {
  for (const std::string cipher :
       {"ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-SHA", "DHE-RSA-AES256-GCM-SHA384"}) {
    CAPTURE(cipher);
    Conversation talk(with_ciphers(cipher));
    REQUIRE(talk.cipher() == cipher);
    converse(talk);
    check_opened(talk, *tls_kit::keys_of_log(talk.key_log()));
  }
}

TEST_CASE("older versions") {
  const auto keys = tls_kit::keys_of_server();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    for (const std::string cipher : {"AES128-SHA", "AES256-SHA"}) {
      for (const bool encrypt_then_mac : {true, false}) {
        for (const bool extended : {true, false}) {
          CAPTURE(version);
          Terms terms = with_ciphers(cipher, version);
          terms.encrypt_then_mac = encrypt_then_mac;
          terms.extended_master_secret = extended;
          Conversation talk(terms);
          converse(talk);
          check_opened(talk, *keys);
        }
      }
    }
  }
}

TEST_CASE("TLS 1.3, also with other keys in the middle") {
  for (const std::string suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    CAPTURE(suite);
    Conversation talk(tls13(suite));
    REQUIRE(talk.cipher() == suite);
    talk.say(Role::client, "ask");
    talk.say(Role::server, "answer");
    for (int i = 0; i < 3; ++i) talk.change_keys(Role::client);
    talk.say(Role::client, kLong);
    talk.change_keys(Role::server);
    talk.say(Role::server, "again");
    check_opened(talk, *tls_kit::keys_of_log(talk.key_log()));
  }
}

TEST_CASE("a server that asks for another try, and then goes on as if there had been one") {
  Terms terms = tls13();
  terms.server_groups = "P-384";
  const Conversation talk(terms);
  const auto keys = tls_kit::keys_of_log(talk.key_log());
  const std::string protected_record("\x17\x03\x03\0\x20", 5);
  for (const Role then : {Role::server, Role::client}) {
    Reading reading(keys.get());
    reading.add(talk.flights()[0].sender, talk.flights()[0].bytes);
    reading.add(talk.flights()[1].sender, talk.flights()[1].bytes);
    reading.add(then, protected_record + std::string(32, 'x'));
    CHECK(reading.session.is_lost(then) == (then == Role::server));
    CHECK(reading.waiting[0].size() == (then == Role::client ? 1 : 0));
  }
  // The same in the form of TLS 1.2.
  std::string hello(talk.flights()[1].bytes.substr(0, 5 + 4 + 2 + kRandomSize));
  hello += std::string("\0\0\x2f\0", 4);
  hello[4] = static_cast<char>(hello.size() - 5);
  hello[8] = static_cast<char>(hello.size() - 9);
  Reading reading(keys.get());
  reading.add(talk.flights()[0].sender, talk.flights()[0].bytes);
  reading.add(Role::server, hello);
  REQUIRE(reading.session.server_hello());
  CHECK(reading.session.server_hello()->is_retry);
  reading.add(Role::server, std::string("\x14\x03\x03\0\1\1", 6));
  CHECK(reading.session.is_lost(Role::server));
}

TEST_CASE("two answers to one hello are none") {
  Conversation talk{Terms{}};
  const auto keys = tls_kit::keys_of_server();
  Reading reading(keys.get());
  reading.add(Role::client, talk.flights()[0].bytes);
  reading.add(Role::server, talk.flights()[1].bytes);
  reading.add(Role::server, talk.flights()[1].bytes);
  CHECK(reading.session.is_lost(Role::client));
  CHECK(reading.session.is_lost(Role::server));
}

TEST_CASE("a client with a certificate") {
  for (const bool extended : {true, false}) {
    Terms terms;
    terms.client_certificate = true;
    terms.extended_master_secret = extended;
    Conversation talk(terms);
    converse(talk);
    check_opened(talk, *tls_kit::keys_of_server());
  }
  Terms terms = tls13();
  terms.client_certificate = true;
  Conversation talk(terms);
  converse(talk);
  check_opened(talk, *tls_kit::keys_of_log(talk.key_log()));
}

TEST_CASE("a client that has to try again") {
  Terms terms = tls13();
  terms.server_groups = "P-384";
  Conversation talk(terms);
  converse(talk);
  check_opened(talk, *tls_kit::keys_of_log(talk.key_log()));
  Reading closed(nullptr);
  closed.add(talk.flights());
  CHECK(closed.session.version() == kTls13);
  CHECK(closed.session.server_hello()->suite == 0x1301);
  CHECK_FALSE(closed.session.server_hello()->is_retry);
}

TEST_CASE("small records, and a handshake in small records") {
  const auto keys = tls_kit::keys_of_server();
  Terms terms;
  terms.largest_record = 512;
  Conversation talk(terms);
  converse(talk);
  check_opened(talk, *keys);
  std::vector<Flight> flights = talk.flights();
  flights[0].bytes = tls_kit::in_small_records(flights[0].bytes, 3);
  flights[1].bytes = tls_kit::in_small_records(flights[1].bytes, 50);
  Reading reading(keys.get());
  reading.add(flights);
  CHECK(reading.text[0] == "ask" + kLong);
}

TEST_CASE("without keys the names are known, and no more is looked at") {
  Terms terms = tls13();
  terms.server_name = "a.example";
  const Conversation talk(terms);
  Reading reading(nullptr);
  CHECK(reading.session.version() == 0);
  reading.add(talk.flights()[0].sender, talk.flights()[0].bytes);
  CHECK(reading.session.version() == kTls13);
  CHECK_FALSE(reading.session.wants(Role::client));
  CHECK(reading.session.wants(Role::server));
  reading.add(talk.flights());
  CHECK(reading.session.client_hello()->server_name == "a.example");
  CHECK(reading.session.server_hello()->suite == 0x1301);
  CHECK_FALSE(reading.session.wants(Role::server));
  CHECK_FALSE(reading.session.opened());
  CHECK(reading.session.memory(Role::client) + reading.session.memory(Role::server) == 0);
}

TEST_CASE("a direction that comes late is waited for") {
  for (const Terms& terms : {Terms{}, tls13()}) {
    Conversation talk(terms);
    converse(talk);
    const auto keys = tls_kit::keys_of_log(talk.key_log());
    for (const Role first : {Role::client, Role::server}) {
      Reading reading(keys.get());
      reading.add(first, talk.bytes(first));
      CHECK(reading.text[index(first)].empty());
      reading.add(other(first), talk.bytes(other(first)));
      CHECK(reading.text[0] == "ask" + kLong);
      CHECK(reading.text[1] == "answeragain");
      CHECK(reading.session.reason().empty());
    }
  }
}

TEST_CASE("live, a secret is logged after the records that it opens") {
  Conversation earlier{Terms{}};
  converse(earlier);
  Conversation modern(tls13());
  converse(modern);
  Conversation resumed(Terms{}, &earlier);
  converse(resumed);
  for (const Conversation* talk : {&modern, &resumed}) {
    const tls_kit::File file("");
    Keys keys;
    keys.add_log(file.path(), KeyLog::Empty::allowed);
    Reading reading(&keys);
    bool logged = false;
    for (const Flight& flight : talk->flights()) {
      // What the client says last in the handshake it says after that.
      const bool answers = flight.sender == Role::client && reading.session.server_hello();
      if (answers && !std::exchange(logged, true)) file.append(talk->key_log());
      reading.add(flight.sender, flight.bytes);
    }
    CHECK(reading.waited > 0);
    CHECK(reading.text[0] == "ask" + kLong);
    CHECK(reading.text[1] == "answeragain");
    CHECK(reading.session.reason().empty());
  }
}

TEST_CASE("why something is not opened") {
  const auto server = tls_kit::keys_of_server();
  const Conversation unrelated{Terms{}};
  const auto log = tls_kit::keys_of_log(unrelated.key_log());
  const Conversation plain{Terms{}};
  CHECK(contains(reason(plain, *log), "the key log has no secret of it"));
  Keys others;
  others.add_server_key(tls_kit::File(tls_kit::other_key()).path());
  CHECK(contains(reason(plain, others), "no key that was given is its server's"));
  const Conversation ephemeral(with_ciphers("ECDHE-RSA-AES128-GCM-SHA256"));
  CHECK(contains(reason(ephemeral, *server), "needs a key log"));
  CHECK(contains(reason(ephemeral, *log), "the key log has no secret of it"));
  const Conversation modern(tls13());
  CHECK(contains(reason(modern, *server), "needs a key log"));
  CHECK(contains(reason(modern, *log), "the key log has no secret of it"));
  const Conversation foreign(with_ciphers("AES128-CCM"));
  CHECK(contains(reason(foreign, *server), "0xc09c is not supported"));
  const Conversation resumed(Terms{}, &plain);
  CHECK(contains(reason(resumed, *server), "it resumes an earlier session"));
  CHECK(contains(reason(resumed, *log), "it resumes an earlier session"));
}

TEST_CASE("a handshake that failed") {
  const auto keys = tls_kit::keys_of_server();
  Reading reading(keys.get());
  reading.add(Role::client, Conversation(Terms{}).flights()[0].bytes);
  reading.add(Role::server, std::string("\x15\x03\x03\0\2\1\0", 7));  // a warning
  CHECK_FALSE(reading.session.is_lost(Role::server));
  reading.add(Role::server, std::string("\x15\x03\x03\0\2\2\x46", 7));
  CHECK(reading.session.reason() ==
        "the handshake failed: protocol_version (alert 70) from the server");
}

TEST_CASE("a resumed session is opened by a key log") {
  Conversation first{Terms{}};
  converse(first);
  Conversation resumed(Terms{}, &first);
  converse(resumed);
  check_opened(resumed, *tls_kit::keys_of_log(resumed.key_log()));
}

TEST_CASE("a key log that lacks a secret opens what it has those of") {
  Conversation talk(tls13());
  converse(talk);
  std::string log = talk.key_log();
  log.erase(log.find("SERVER_TRAFFIC_SECRET_0"), 1);
  const auto keys = tls_kit::keys_of_log(log);
  Reading reading(keys.get());
  reading.add(talk.flights());
  CHECK(reading.text[0] == "ask" + kLong);
  CHECK(reading.text[1].empty());
  CHECK(contains(reading.session.reason(), "has not all of its secrets"));
}

TEST_CASE("met in the middle, and with a hole") {
  const auto keys = tls_kit::keys_of_server();
  Conversation talk{Terms{}};
  converse(talk);
  Reading late(keys.get());
  const Flight& said = talk.flights()[talk.flights().size() - 3];
  REQUIRE(said.sender == Role::client);
  late.add(Role::client, said.bytes);
  CHECK(late.session.is_lost(Role::client));
  CHECK(contains(late.session.reason(), "its handshake is not in the capture"));
  Reading holed(keys.get());
  for (const Flight& flight : talk.flights()) {
    if (holed.text[0] == "ask") holed.session.lose(Role::client, "a hole");
    holed.add(flight.sender, flight.bytes);
  }
  CHECK(holed.text[0] == "ask");
  CHECK(holed.text[1] == "answeragain");
  CHECK(holed.session.opened());
  CHECK(holed.session.reason() == "a hole");
}

TEST_CASE("what is changed is never taken for what was said") {
  std::mt19937 random(7);
  for (const Terms& terms : {Terms{}, with_ciphers("AES128-GCM-SHA256"), tls13()}) {
    Conversation talk(terms);
    talk.say(Role::client, "ask");
    talk.say(Role::server, "answer");
    talk.say(Role::client, "more");
    const auto keys = tls_kit::keys_of_log(talk.key_log());
    std::size_t opened = 0;
    for (int i = 0; i < 3'000; ++i) {
      std::vector<Flight> flights = talk.flights();
      std::string& bytes = flights[random() % flights.size()].bytes;
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(byte ^ 1 << random() % 8);
      if (i % 5 == 0) bytes.resize(random() % bytes.size());
      Reading reading(keys.get());
      reading.add(flights);
      CHECK(std::string("askmore").starts_with(reading.text[0]));
      CHECK(std::string("answer").starts_with(reading.text[1]));
      opened += reading.text[0].size();
    }
    CHECK(opened > 0);
  }
}

}  // namespace decrypt_session_test
