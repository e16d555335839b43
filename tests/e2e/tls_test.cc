// TLS on the message plane: both sides, against Python's ssl module.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "support/place.h"
#include "support/tls_talk.h"

namespace e2e_tls_test {

using namespace e2e;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t times = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
  return times;
}

Result send_to(TlsPeer& peer, const Settings& settings, Arguments more = {}) {
  Arguments arguments{"send", peer.pid(), "m", "hello", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments, settings);
}

/// Exit 5 of kind tls, with that in its message; nothing of the message was sent.
void check_refused(TlsPeer& peer, const Settings& settings, const std::string& why,
                   const std::string& hint) {
  CAPTURE(why);
  const auto result = send_to(peer, settings);
  CHECK(result.exit == 5);
  REQUIRE(result.errors().size() == 1);
  const auto error = result.errors()[0];
  CHECK(error.at("kind") == "tls");
  CHECK(has(error.at("message"), why));
  CHECK(has(error.at("hint"), hint));
  CHECK(result.events("delivery").at(0).at("outcome") == "failed");
  CHECK(peer.messages().empty());
}

}  // namespace

TEST_CASE("serve: pipelined messages of every kind of client are answered, inside TLS") {
  Served served({"x", "--no-pong"}, with_tls());
  std::string bytes;
  for (int i = 0; i < 200; ++i) bytes += message("x", "m", std::to_string(i));
  const auto best = tls_client(served.port(), bytes, {"ca=" + certificate_of("ca")});
  CHECK(best.up.at("version") == "TLSv1.3");
  CHECK(count(best.answer, "HTTP/1.1 202") == 200);
  // As a default libprocess is: RSA key exchange, CBC, an end without close_notify.
  const auto old = tls_client(served.port(), bytes,
                              {"max=1.2", "ciphers=AES128-SHA:AES256-SHA:@SECLEVEL=0", "bare"});
  CHECK(old.up.at("cipher") == "AES128-SHA");
  CHECK(count(old.answer, "HTTP/1.1 202") == 200);
  for (int i = 0; i < 400; ++i) CHECK(served.message().at("body_text") == std::to_string(i % 200));
  CHECK(served.stop(SIGTERM).exit == 0);
}

TEST_CASE("serve: large bodies and many tiny records arrive whole") {
  Served served({"x", "--no-pong", "--body", "none"}, with_tls());
  const auto large = tls_client(served.port(), message("x", "large", std::string(5'000'000, 'y')));
  CHECK(count(large.answer, "HTTP/1.1 202") == 1);
  CHECK(served.message().at("size") == 5'000'000);
  served.stop(SIGTERM);
}

TEST_CASE("serve: a plain client on a TLS port is closed, without a word and without harm") {
  Served served({"x", "--no-pong"}, with_tls());
  Client plain(served.port());
  plain.send(message("x", "plain", "no"));
  CHECK(plain.gone());
  CHECK(count(tls_client(served.port(), message("x", "m", "1")).answer, " 202 ") == 1);
  CHECK(served.message().at("name") == "m");
  const auto result = served.stop(SIGTERM);
  CHECK(has(result.err, "what it says is no TLS"));
}

TEST_CASE("--tls-downgrade: both kinds of clients on one port") {
  Served served({"x", "--no-pong"}, with_tls("node", {{"SUPPORT_DOWNGRADE", "1"}}));
  Client plain(served.port());
  plain.send("P");  // one byte decides
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  plain.send(message("x", "plain", "1").substr(1));
  CHECK(plain.statuses(1) == std::vector<int>{202});
  CHECK(count(tls_client(served.port(), message("x", "secret", "1")).answer, " 202 ") == 1);
  CHECK(served.message().at("name") == "plain");
  CHECK(served.message().at("name") == "secret");
  served.stop(SIGTERM);
}

TEST_CASE(
    "--tls-downgrade: a plain link, which says nothing, is kept beyond the time of a handshake") {
  Served served({"x", "--no-pong", "--connect-timeout", "100ms"},
                with_tls("node", {{"SUPPORT_DOWNGRADE", "1"}}));
  Client link(served.port());
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  link.send(message("x", "late", "1"));
  CHECK(link.statuses(1) == std::vector<int>{202});
  served.stop(SIGTERM);
}

TEST_CASE("--tls-require-client-cert: no certificate, a stranger's, and a good one") {
  Served served({"x", "--no-pong"}, with_tls("node", {{"REQUIRE_CLIENT_CERT", "true"},
                                                      {"HOSTNAME_VALIDATION_SCHEME", "openssl"}}));
  const auto bytes = message("x", "m", "1");
  const auto shown = [&](const std::string& name) {
    const Arguments options{"cert=" + certificate_of(name), "key=" + key_of(name)};
    return tls_client(served.port(), message("x", "m", "1"), options).answer;
  };
  CHECK(tls_client(served.port(), bytes).answer.empty());
  CHECK(shown("stranger").empty());
  CHECK(count(shown("node"), " 202 ") == 1);
  CHECK(count(shown("elsewhere"), " 202 ") == 1);  // the scheme openssl looks at no client's name
  const auto result = served.stop(SIGTERM);
  CHECK(has(result.err, "it shows no certificate"));
  CHECK(has(result.err, "unknown authority"));
}

TEST_CASE("serve -v says what was agreed on, and whose certificate was shown") {
  Served served({"x", "-v"}, with_tls("node", {{"REQUIRE_CLIENT_CERT", "true"},
                                               {"HOSTNAME_VALIDATION_SCHEME", "openssl"}}));
  tls_client(served.port(), message("x", "m", "1"),
             {"max=1.2", "cert=" + certificate_of("named"), "key=" + key_of("named")});
  const auto err = served.stop(SIGTERM).err;
  CHECK(has(err, "accepted, TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384, certificate of CN = named until"));
}

TEST_CASE("the scheme legacy looks at clients' names too") {
  NEEDS(place::localhost());
  Served served({"x", "--no-pong"}, with_tls("node", {{"REQUIRE_CLIENT_CERT", "true"}}));
  const auto shown = [&](const std::string& name) {
    return tls_client(served.port(), message("x", "m", "1"),
                      {"cert=" + certificate_of(name), "key=" + key_of(name)})
        .answer;
  };
  CHECK(count(shown("named"), " 202 ") == 1);
  CHECK(shown("numbered").empty());
  CHECK(has(served.stop(SIGTERM).err, "and not for localhost"));
}

TEST_CASE("send: what is inside is byte for byte what it is without TLS") {
  Peer plain;
  const auto port = std::to_string(free_port());
  REQUIRE(run({"send", plain.pid(), "m", "hello", "--id", "me", "--port", port}).exit == 0);
  TlsPeer peer("node");
  const auto sent = run({"send", peer.pid(), "m", "hello", "--id", "me", "--port", port, "-v"},
                        with_tls("node", by_address()));
  REQUIRE(sent.exit == 0);
  CHECK(has(sent.err, "TLSv1.3 TLS_AES_256_GCM_SHA384, certificate of CN = node until 20"));
  std::string expected = plain.bytes();
  const std::string there = "127.0.0.1:" + std::to_string(plain.port());
  expected.replace(expected.find(there), there.size(), "127.0.0.1:" + std::to_string(peer.port()));
  CHECK(peer.event("message").at("bytes") == expected);
}

TEST_CASE("send: with a default libprocess, which ends without close_notify") {
  TlsPeer peer("node", {"max=1.2", "ciphers=AES128-SHA:AES256-SHA:@SECLEVEL=0", "bare"});
  CHECK(send_to(peer, with_tls("node", by_address())).exit == 0);
  CHECK(peer.event("up").at("cipher") == "AES128-SHA");
}

TEST_CASE("a peer that fails verification gets nothing, and the reason is told with what to do") {
  const auto verifying = with_tls("node", by_address());
  TlsPeer stranger("stranger");
  check_refused(stranger, verifying, "unknown authority, CN = otherca", "--tls-ca");
  TlsPeer elsewhere("elsewhere");
  check_refused(elsewhere, verifying, "for 10.9.9.9, else.where and not for 127.0.0.1",
                "--tls-hostname");
  TlsPeer expired("expired");
  check_refused(expired, verifying, "(CN = expired) has expired on 20", "renew");
  TlsPeer ciphers("node", {"max=1.2", "ciphers=ECDHE-RSA-AES128-GCM-SHA256"});
  check_refused(ciphers,
                with_tls("node", by_address({{"CIPHERS", "AES128-SHA"}, {"ENABLE_TLS_V1_3", "0"}})),
                "no cipher that both sides have", "CIPHERS");
  TlsPeer old("node", {"max=1.2"});
  check_refused(old, with_tls("node", {{"ENABLE_TLS_V1_2", "false"}}), "no version of TLS",
                "ENABLE_TLS_V1_2");
  TlsPeer any("stranger");
  CHECK(send_to(any, with_tls()).exit == 0);  // not verified
}

TEST_CASE("whom a certificate has to be for: as libprocess, by scheme and VERIFY_IPADD") {
  NEEDS(place::localhost());
  struct Row {
    std::string certificate;
    bool legacy, legacy_with_addresses, openssl;
  };
  for (const Row& row : {Row{"node", true, true, true}, Row{"named", true, true, false},
                         Row{"numbered", false, true, true}, Row{"elsewhere", false, false, false},
                         Row{"stranger", false, false, false}}) {
    CAPTURE(row.certificate);
    TlsPeer peer(row.certificate);
    const auto accepted = [&](const Environment& more) {
      return send_to(peer, with_tls("node", more)).exit == 0;
    };
    CHECK(accepted({{"VERIFY_SERVER_CERT", "1"}}) == row.legacy);
    CHECK(accepted({{"VERIFY_SERVER_CERT", "1"}, {"VERIFY_IPADD", "1"}}) ==
          row.legacy_with_addresses);
    CHECK(accepted(by_address()) == row.openssl);
  }
}

TEST_CASE("--tls-hostname, or the host that was typed, is asked for, also by SNI") {
  NEEDS(place::localhost());
  TlsPeer peer("elsewhere");
  const auto named =
      send_to(peer, with_tls("node", by_address()), {"--tls-hostname", "else.where"});
  CHECK(named.exit == 0);
  CHECK(peer.event("sni").at("name") == "else.where");
  // The scheme openssl knows wildcards, legacy compares exactly.
  TlsPeer wild("wild");
  const Arguments master{"--tls-hostname", "master.cluster.example"};
  CHECK(send_to(wild, with_tls("node", by_address()), master).exit == 0);
  CHECK(send_to(wild, with_tls("node", {{"VERIFY_SERVER_CERT", "1"}}), master).exit == 5);
  TlsPeer local("named");
  const auto pid = "x@localhost:" + std::to_string(local.port());
  CHECK(run({"send", pid, "m", "1"}, with_tls("node", by_address())).exit == 0);
  CHECK(local.event("sni").at("name") == "localhost");
}

TEST_CASE("our certificate is shown, and a server that does not take it says so") {
  TlsPeer demanding("node", {"client-ca=" + certificate_of("ca")});
  CHECK(send_to(demanding, with_tls()).exit == 0);
  for (const auto& version : {Environment{}, Environment{{"ENABLE_TLS_V1_3", "0"}}}) {
    TlsPeer other("node", {"client-ca=" + certificate_of("otherca")});
    // The alert that says so can be overtaken by the RST of a peer that had more to read.
    bool told = false;
    for (int i = 0; i < 10 && !told; ++i) {
      const auto result = send_to(other, with_tls("node", version));
      CHECK(result.exit == 5);
      told = has(result.errors().at(0).at("message"), "does not take our certificate");
    }
    CHECK(told);
    CHECK(other.messages().empty());
  }
}

TEST_CASE("a plain peer where TLS was asked for: exit 5, or plain where that is allowed") {
  // It closes what is no HTTP, as libprocess does.
  Served plain({"x", "--no-pong"});
  const auto refused = run({"send", plain.pid(), "m", "1", "--json"}, with_tls());
  CHECK(refused.exit == 5);
  CHECK(has(refused.errors().at(0).at("hint"), "--tls-downgrade"));
  const Arguments twice{"send", plain.pid(), "m", "--repeat", "2", "--json"};
  for (int i = 0; i < 3; ++i) {
    const auto downgraded = run(twice, with_tls("node", {{"SUPPORT_DOWNGRADE", "1"}}));
    CHECK(downgraded.exit == 0);
    CHECK(count(downgraded.err, "going on in plain") == 1);
  }
  const auto link = run({"link", plain.pid(), "--for", "1s", "--json"}, with_tls());
  CHECK(link.exit == 5);
  CHECK(link.errors().at(0).at("kind") == "tls");
  const auto ping = run({"ping", plain.pid(), "-c", "1", "--json"}, with_tls());
  CHECK(ping.exit == 5);
  CHECK(ping.errors().at(0).at("kind") == "tls");
  // A peer that tries TLS first does so with every connection: it is told once.
  CHECK(count(plain.stop(SIGTERM).err, "ClientHello") == 1);
}

TEST_CASE("a plain client's commands say that a port speaks TLS") {
  Served served({"x"}, with_tls());
  for (const Arguments& command :
       {Arguments{"send", served.pid(), "m"}, Arguments{"ping", served.pid(), "-c", "1"},
        Arguments{"link", served.pid(), "--for", "5s"},
        Arguments{"inspect", "127.0.0.1:" + std::to_string(served.port())}}) {
    auto with_json = command;
    with_json.push_back("--json");
    const auto result = run(with_json);
    CHECK(result.exit == 5);
    CHECK(has(result.errors().at(0).at("hint"), "--tls"));
  }
  served.stop(SIGTERM);
}

TEST_CASE("files and settings that will not do are told by their names") {
  const auto failed = [](const Environment& environment, Arguments more = {}) {
    Arguments arguments{"serve", "x", "--for", "1s", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = run(arguments, {.environment = environment});
    REQUIRE(result.errors().size() == 1);
    return std::pair(result.exit, result.errors()[0].at("message").get<std::string>());
  };
  const auto check = [](const std::pair<int, std::string>& failure, int exit,
                        const std::string& part) {
    CHECK(failure.first == exit);
    CHECK(has(failure.second, part));
  };
  check(failed(tls_variables("node", {{"KEY_FILE", "/nope.key"}})), 6,
        "LIBPROCESS_SSL_KEY_FILE (/nope.key): No such file");
  check(failed(tls_variables("node", {{"CERT_FILE", key_of("node")}})), 6,
        "LIBPROCESS_SSL_CERT_FILE (" + key_of("node") + "): no certificate");
  check(failed(tls_variables("node", {{"KEY_FILE", key_of("stranger")}})), 6,
        "the key is not that of the certificate");
  check(failed(tls_variables("node", {{"CERT_FILE", "/tmp"}})), 6, "Is a directory");
  check(failed(tls_variables("node", {{"VERIFY_SERVER_CERT", "1"}, {"CA_FILE", "/nope"}})), 6,
        "LIBPROCESS_SSL_CA_FILE (/nope)");
  check(failed({{"LIBPROCESS_SSL_ENABLED", "1"}}), 2, "LIBPROCESS_SSL_KEY_FILE is not set");
  check(failed({{"LIBPROCESS_SSL_ENABLED", "yes"}}), 2, "LIBPROCESS_SSL_ENABLED is \"yes\"");
  check(failed(tls_variables("node", {{"CIPHERS", "nonsense"}})), 2, "LIBPROCESS_SSL_CIPHERS");
  check(failed(tls_variables("node", {{"HOSTNAME_VALIDATION_SCHEME", "x"}})), 2,
        "legacy or openssl");
  check(failed({}, {"--tls-verify"}), 2, "--tls-verify is about TLS, which is off");
  check(failed(tls_variables(), {"--tls-set", "NO_SUCH=1"}), 2, "NO_SUCH");
  check(failed(tls_variables(), {"--tls-set", "nonsense"}), 2, "NAME=VALUE");
}

TEST_CASE("the options do what the variables do, and win over them") {
  const Arguments options{
      "--tls",    "--tls-key",          key_of("node"), "--tls-cert",     certificate_of("node"),
      "--tls-ca", certificate_of("ca"), "--tls-verify", "--tls-hostname", "127.0.0.1"};
  const auto with = [&](Arguments arguments) {
    arguments.insert(arguments.end(), options.begin(), options.end());
    return arguments;
  };
  Served served(with({"x"}), with_tls("stranger"));
  const auto ping = run(with({"ping", served.pid(), "-c", "2", "-i", "20ms", "--json"}));
  CHECK(ping.exit == 0);
  CHECK(ping.events("probe").at(0).at("tls_us") > 0);
  CHECK_FALSE(ping.events("probe").at(1).contains("tls_us"));
  CHECK(ping.out_json().back().at("tls").at("samples") == 1);
  CHECK(ping.out_json().back().at("answered") == 2);
  const auto inspected =
      run(with({"inspect", "127.0.0.1:" + std::to_string(served.port()), "--json"}));
  CHECK(inspected.exit == 0);
  CHECK(inspected.events("process").size() >= 1);
  Background link(with({"link", served.pid(), "--json"}));
  link.event("linked");
  served.stop(SIGKILL);
  CHECK(link.event("exited").at("pid") == served.pid());
  link.finish();
}

TEST_CASE(
    "warnings: a certificate that ends soon, has ended, is not of RSA; old names of variables") {
  const auto warned = [](const Settings& settings) {
    return run({"serve", "x", "--for", "50ms"}, settings).err;
  };
  CHECK(has(warned(with_tls("soon")), "soon.pem ends on 20"));
  CHECK(has(warned(with_tls("expired")), "expired.pem has expired on 20"));
  CHECK(has(warned(with_tls("curve")), "not one of RSA"));
  CHECK(has(warned(with_tls("node", {{"VERIFY_CERT", "1"}})), "is the old name of"));
  CHECK(has(warned(with_tls("node", {{"VERIFY_SERVER_CERT", "1"}, {"SUPPORT_DOWNGRADE", "1"}})),
            "defeats verification"));
  CHECK_FALSE(has(warned(with_tls()), "warning"));
  // The old prefix counts where the new one says nothing; on its own SSL_CERT_FILE is other
  // programs' variable.
  auto old = tls_variables();
  old["SSL_ENABLED"] = "1";
  old["SSL_CERT_FILE"] = "/other";
  CHECK(has(warned({.environment = old}), "LIBPROCESS_SSL_CERT_FILE and SSL_CERT_FILE differ"));
  CHECK(warned({.environment = {{"SSL_CERT_FILE", "/other"}}}).find("SSL") == std::string::npos);
}

TEST_CASE("SIGHUP reads the certificate again, for new connections; a bad file changes nothing") {
  const auto key = temporary_file("renewed.key", "");
  const auto cert = temporary_file("renewed.pem", "");
  const auto put = [&](const std::string& name) {
    const auto over = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(key_of(name), key, over);
    std::filesystem::copy_file(certificate_of(name), cert, over);
  };
  put("node");
  Served served({"x"}, with_tls("node", {{"KEY_FILE", key}, {"CERT_FILE", cert}}));
  const auto shown = [&] {
    return tls_client(served.port(), "").up.at("certificate").get<std::string>();
  };
  const auto first = shown();
  put("stranger");
  CHECK(shown() == first);
  served.process().signal(SIGHUP);
  std::string second = first;
  for (int i = 0; i < 100 && second == first; ++i) second = shown();
  CHECK(second != first);
  std::filesystem::copy_file(certificate_of("node"), cert,
                             std::filesystem::copy_options::overwrite_existing);
  served.process().signal(SIGHUP);
  for (int i = 0; i < 3; ++i) CHECK(shown() == second);
  const auto result = served.stop(SIGTERM);
  CHECK(result.exit == 0);
  CHECK(has(result.err, "what was read before goes on"));
}

TEST_CASE("the time of a handshake is --connect-timeout, and other times count from its end") {
  TlsPeer slow("node", {"delay=0.7"});
  CHECK(send_to(slow, with_tls(), {"--timeout", "300ms"}).exit == 0);
  TlsPeer slow_too("node", {"delay=0.7"});
  const auto ping =
      run({"ping", slow_too.pid(), "-c", "1", "-W", "300ms", "--mode", "ack"}, with_tls());
  CHECK(ping.exit == 0);
  TlsPeer silent("node", {"delay=30"});
  const auto result = send_to(silent, with_tls(), {"--connect-timeout", "300ms"});
  CHECK(result.exit == 5);
  CHECK(has(result.errors().at(0).at("message"), "did not end the handshake in time"));
}

TEST_CASE("what a refused certificate looks like from the other side is told as that") {
  NEEDS(place::localhost());
  // The scheme legacy looks at our name after the handshake: the connection just ends.
  Served legacy({"x"}, with_tls("node", {{"REQUIRE_CLIENT_CERT", "true"}}));
  for (const Arguments& command :
       {Arguments{"send", legacy.pid(), "m", "1"}, Arguments{"ping", legacy.pid(), "-w", "1s"},
        Arguments{"link", legacy.pid(), "--for", "5s"},
        Arguments{"inspect", "127.0.0.1:" + std::to_string(legacy.port())}}) {
    auto with_json = command;
    with_json.push_back("--json");
    const auto result = run(with_json, with_tls("elsewhere"));
    CAPTURE(command);
    CHECK(result.exit == 5);
    CHECK(has(result.errors().at(0).at("hint"), "may not take our certificate"));
  }
  legacy.stop(SIGTERM);
  // A reply that its sender does not dare to send: whose fault that is.
  Served verifying({"x"}, with_tls("node", by_address()));
  const auto sent =
      run({"send", verifying.pid(), "ping", "1", "--expect", "pong", "--timeout", "1s", "--json"},
          with_tls("elsewhere"));
  CHECK(sent.exit == 4);
  CHECK(has(sent.errors().at(0).at("message"), "does not take our certificate"));
  CHECK(has(verifying.stop(SIGTERM).err, "and not for 127.0.0.1"));
}

TEST_CASE("-v shows no head of what was not sent; the certificate named is the peer's own") {
  std::ofstream(certificates::file("chain.pem")) << std::ifstream(certificate_of("node")).rdbuf()
                                                 << std::ifstream(certificate_of("ca")).rdbuf();
  std::filesystem::copy_file(key_of("node"), certificates::file("chain.key"),
                             std::filesystem::copy_options::overwrite_existing);
  TlsPeer peer("chain");
  const auto result = run({"send", peer.pid(), "m", "1", "-v"},
                          with_tls("node", by_address({{"CA_FILE", certificate_of("otherca")}})));
  CHECK(result.exit == 5);
  CHECK(has(result.err, "its certificate (CN = node) is by an unknown authority, CN = ca"));
  CHECK_FALSE(has(result.err, "> POST"));
}

TEST_CASE("inspect says what was agreed on, and why it went on in plain") {
  Served served({"x"}, with_tls());
  const auto at = "127.0.0.1:" + std::to_string(served.port());
  CHECK(has(run({"inspect", at, "-v"}, with_tls()).err,
            "TLSv1.3 TLS_AES_256_GCM_SHA384, certificate"));
  served.stop(SIGTERM);
  Served plain({"x"});
  const auto result = run({"inspect", "127.0.0.1:" + std::to_string(plain.port())},
                          with_tls("node", {{"SUPPORT_DOWNGRADE", "1"}}));
  CHECK(result.exit == 0);
  CHECK(has(result.err, "handshake; asking in plain"));
  plain.stop(SIGTERM);
}

TEST_CASE("20,000 messages over one connection all arrive") {
  Served served({"sink", "--no-pong", "--body", "none"}, with_tls("node", by_address()));
  const auto sent =
      run({"send", served.pid(), "m", std::string(100, 'x'), "--repeat", "20000", "--json"},
          with_tls("node", by_address()));
  CHECK(sent.exit == 0);
  const auto out = served.stop(SIGTERM).out;
  const auto last = out.rfind('\n', out.size() - 2) + 1;  // the others are not to be checked
  CHECK(Json::parse(out.substr(last)).at("messages") == 20000);
}

}  // namespace e2e_tls_test
