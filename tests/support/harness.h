// Drives the built program from outside: real processes, real sockets. Shares no code with the
// library, so that a fault of its parser cannot hide itself.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace e2e {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

/// No test waits longer than this for what should come at once; it is a guard against hanging, not
/// an expectation.
inline constexpr auto patience = std::chrono::seconds(30);

struct Result {
  int exit = -1;   // of a process that ended by itself
  int signal = 0;  // that ended it
  std::string out;
  std::string err;

  /// Every line of stdout (stderr) as JSON. Throws when one is none.
  std::vector<Json> out_json() const;
  std::vector<Json> err_json() const;
  /// Those of one type.
  std::vector<Json> events(const std::string& type) const;
  std::vector<Json> errors() const;
};

struct Settings {
  std::string input{};        // stdin; empty: /dev/null
  Environment environment{};  // added to a clean one, in which LIBPROCESS_IP is 127.0.0.1
  bool unprivileged = false;  // as nobody, by setpriv
  std::string program{};      // default: the built compactor
};

/// A process that runs beside the test and dies with it.
class Background {
 public:
  explicit Background(const Arguments& arguments, const Settings& settings = {});
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// The next line of stdout; nothing at its end. Fails the test when none comes.
  std::optional<std::string> line();
  /// The next JSON line of that type, others are passed over.
  Json event(const std::string& type);
  void write(std::string_view input);
  void close_input();
  void close_output();  // as a reader that goes away
  void signal(int number);
  pid_t pid() const { return pid_; }
  /// Waits for the end; `out` holds what was not taken by line().
  Result finish();

 private:
  void pump(int fd, std::string& into);

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string buffer_;
  std::string errors_;
  std::thread error_reader_;
  bool finished_ = false;
};

Result run(const Arguments& arguments, const Settings& settings = {});

/// Whether the text, or one of the lines, has that in it.
bool has(const std::string& text, const std::string& part);
bool any_has(const std::vector<std::string>& lines, const std::string& part);

/// `compactor serve --json` with its PID, once it can be reached.
class Served {
 public:
  explicit Served(const Arguments& arguments, const Settings& settings = {});
  const std::string& pid() const { return pid_; }
  /// The same address with another id.
  std::string with_id(const std::string& id) const;
  std::uint16_t port() const;
  Background& process() { return process_; }
  Json message() { return process_.event("message"); }
  Result stop(int signal_number);

 private:
  Background process_;
  std::string pid_;
};

struct Request {
  std::string line;  // the request line
  std::string head;  // all of it, with the request line
  std::string body;
  std::string header(const std::string& name) const;
};

/// A listening peer of our own: reads requests, answers what it is told to, keeps every byte.
class Peer {
 public:
  /// What to answer to a request; empty: nothing. Called on a thread of the peer's.
  using Answer = std::function<std::string(const Request&)>;
  explicit Peer(Answer answer);
  Peer();  // 202
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string pid(const std::string& id = "peer") const;
  std::vector<Request> requests() const;
  std::string bytes() const;
  /// Blocks until there are so many requests. Fails the test when they do not come.
  std::vector<Request> wait_requests(std::size_t count) const;
  /// Blocks until there have been so many connections. Fails the test when they do not come, or
  /// when there have been more.
  void wait_connections(std::size_t count) const;
  void close_connections();  // FIN
  void reset_connections();  // RST
  void send_to_all(std::string_view bytes);

 private:
  void accept_all();
  void serve(int fd);

  Answer answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<int> connections_;
  std::vector<Request> requests_;
  std::string bytes_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
  std::atomic<bool> closing_ = false;
};

/// A connection to a server.
class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void send(std::string_view bytes);
  /// Reads until so many status lines have come, or the end; returns the statuses.
  std::vector<int> statuses(std::size_t count);
  bool at_end();
  /// Reads whatever comes, until the peer has ended or reset the connection.
  bool gone();
  /// Leaves by an RST.
  void reset();

 private:
  int fd_ = -1;
  std::string got_;
};

/// One message as libprocess sends it.
std::string message(const std::string& id, const std::string& name, const std::string& body,
                    const std::string& from = "sender@127.0.0.1:1");
std::string response(int status, const std::string& body = {});
/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t free_port();

/// A command (`sniff --json`) that listens as a proxy to that port, once it can be reached.
class Proxied {
 public:
  Proxied(const Arguments& command, std::uint16_t upstream);
  std::uint16_t port() const { return port_; }
  Background& process() { return process_; }
  /// By SIGINT.
  Result stop();

 private:
  Arguments with_proxy(Arguments command, std::uint16_t upstream) const;

  std::uint16_t port_ = free_port();
  Background process_;
};
/// Memory that the process has now.
double resident_mb(pid_t pid);
/// A file in a folder that goes with the test program.
std::string temporary_file(const std::string& name, const std::string& contents);

}  // namespace e2e
