#include "support/harness.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "support/json_schema.h"

namespace e2e {

namespace {

/// A line of --json, which must be what its schema says: so every test of the suite checks the
/// output it looks at.
Json read_line(const std::string& text) {
  static const JsonSchemas schemas(SOURCE_ROOT "/tools/json");
  auto line = Json::parse(text);
  auto fault = schemas.fault_of(line);
  if (!fault.empty()) FAIL_CHECK(fault);
  return line;
}

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) lines.push_back(read_line(line));
  }
  return lines;
}

std::vector<Json> of_type(std::vector<Json> lines, const std::string& type) {
  std::erase_if(lines, [&](const Json& line) { return line.at("type") != type; });
  return lines;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool wait_readable(int fd, std::chrono::milliseconds time) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(time.count())) > 0;
}

/// Takes one complete request off the front of `bytes`: just enough HTTP for what libprocess peers
/// send.
std::optional<Request> take_request(std::string& bytes) {
  auto end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  Request request;
  request.head = bytes.substr(0, end + 4);
  request.line = request.head.substr(0, request.head.find("\r\n"));
  std::size_t at = end + 4;
  if (!request.header("Transfer-Encoding").empty()) {
    for (;;) {
      auto line = bytes.find("\r\n", at);
      if (line == std::string::npos) return std::nullopt;
      auto size = std::stoul(bytes.substr(at, line - at), nullptr, 16);
      if (bytes.size() < line + 2 + size + 2) return std::nullopt;
      request.body += bytes.substr(line + 2, size);
      at = line + 2 + size + 2;
      if (size == 0) break;
    }
  } else if (auto length = request.header("Content-Length"); !length.empty()) {
    auto size = std::stoul(length);
    if (bytes.size() < at + size) return std::nullopt;
    request.body = bytes.substr(at, size);
    at += size;
  }
  bytes.erase(0, at);
  return request;
}

struct Strings {
  explicit Strings(const std::vector<std::string>& texts) : texts_(texts) {
    for (auto& text : texts_) pointers.push_back(text.data());
    pointers.push_back(nullptr);
  }
  std::vector<char*> pointers;

 private:
  std::vector<std::string> texts_;
};

std::vector<std::string> clean_environment(const Environment& added) {
  Environment environment{{"LIBPROCESS_IP", "127.0.0.1"}, {"TERM", "xterm"}};
  for (const char* kept : {"PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(kept)) environment[kept] = value;
  }
  for (const auto& [name, value] : added) environment[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : environment) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace

std::vector<Json> Result::out_json() const {
  return json_lines(out);
}
std::vector<Json> Result::err_json() const {
  return json_lines(err);
}
std::vector<Json> Result::events(const std::string& type) const {
  return of_type(out_json(), type);
}
std::vector<Json> Result::errors() const {
  return of_type(err_json(), "error");
}

namespace {

/// Where nobody may run it: the folder of the build may be root's alone.
std::string readable_copy(const std::string& program) {
  static const std::string copy = [&] {
    std::string path = temporary_file("compactor", "");
    std::filesystem::permissions(std::filesystem::path(path).parent_path(),
                                 std::filesystem::perms(0755));
    std::filesystem::copy_file(program, path, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::permissions(path, std::filesystem::perms(0755));
    return path;
  }();
  return copy;
}

}  // namespace

Background::Background(const Arguments& arguments, const Settings& settings) {
  std::vector<std::string> words;
  std::string program = settings.program.empty() ? COMPACTOR_PROGRAM : settings.program;
  if (settings.unprivileged) {
    words = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"};
    program = readable_copy(program);
  }
  words.push_back(program);
  words.insert(words.end(), arguments.begin(), arguments.end());
  Strings argv(words);
  Strings environment(clean_environment(settings.environment));
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0 ||
      ::pipe2(err.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe");
  }
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::execvpe(argv.pointers[0], argv.pointers.data(), environment.pointers.data());
    ::_exit(126);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
  error_reader_ = std::thread([this] { pump(err_, errors_); });
  if (!settings.input.empty()) {
    write(settings.input);
    close_input();
  }
}

Background::~Background() {
  if (finished_) return;
  ::kill(pid_, SIGKILL);
  finish();
}

void Background::pump(int fd, std::string& into) {
  std::array<char, 65536> piece;
  for (;;) {
    ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    into.append(piece.data(), static_cast<std::size_t>(got));
  }
}

std::optional<std::string> Background::line() {
  for (;;) {
    auto end = buffer_.find('\n');
    if (end != std::string::npos) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (!wait_readable(out_, patience)) {
      FAIL("no line came; stderr so far is not shown, as it is still being read");
    }
    std::array<char, 65536> piece;
    ssize_t got = ::read(out_, piece.data(), piece.size());
    if (got <= 0) return std::nullopt;
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

Json Background::event(const std::string& type) {
  while (auto text = line()) {
    auto json = read_line(*text);
    if (json.at("type") == type) return json;
  }
  FAIL("the program ended without an event ", type);
  return {};
}

void Background::write(std::string_view input) {
  ::signal(SIGPIPE, SIG_IGN);
  while (!input.empty()) {
    ssize_t written = ::write(in_, input.data(), input.size());
    if (written <= 0) return;
    input.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Background::close_input() {
  if (in_ >= 0) ::close(in_);
  in_ = -1;
}

void Background::close_output() {
  ::close(out_);
  out_ = -1;
}

void Background::signal(int number) {
  ::kill(pid_, number);
}

Result Background::finish() {
  close_input();
  Result result;
  auto end = std::chrono::steady_clock::now() + patience;
  std::array<char, 65536> piece;
  while (out_ >= 0) {
    if (!wait_readable(out_, std::chrono::milliseconds(100))) {
      if (std::chrono::steady_clock::now() < end) continue;
      ::kill(pid_, SIGKILL);
      result.err = "HUNG: ended by the test\n";
    }
    ssize_t got = ::read(out_, piece.data(), piece.size());
    if (got <= 0) break;
    buffer_.append(piece.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  error_reader_.join();
  finished_ = true;
  if (out_ >= 0) ::close(out_);
  ::close(err_);
  if (WIFEXITED(status)) result.exit = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = std::move(buffer_);
  result.err += errors_;
  return result;
}

Result run(const Arguments& arguments, const Settings& settings) {
  Background process(arguments, settings);
  return process.finish();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool any_has(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return has(line, part); });
}

Proxied::Proxied(const Arguments& command, std::uint16_t upstream)
    : process_(with_proxy(command, upstream)) {
  for (bool is_there = false; !is_there;) {
    try {
      Client attempt(port_);
      is_there = true;
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

Arguments Proxied::with_proxy(Arguments command, std::uint16_t upstream) const {
  command.emplace_back("--proxy");
  command.push_back("127.0.0.1:" + std::to_string(port_) +
                    "=127.0.0.1:" + std::to_string(upstream));
  return command;
}

Result Proxied::stop() {
  process_.signal(SIGINT);
  return process_.finish();
}

namespace {

Arguments serve_arguments(const Arguments& arguments) {
  Arguments all{"serve", "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

Served::Served(const Arguments& arguments, const Settings& settings)
    : process_(serve_arguments(arguments), settings), pid_(process_.event("serving").at("pid")) {}

std::string Served::with_id(const std::string& id) const {
  return id + pid_.substr(pid_.find('@'));
}

std::uint16_t Served::port() const {
  return static_cast<std::uint16_t>(std::stoul(pid_.substr(pid_.rfind(':') + 1)));
}

Result Served::stop(int signal_number) {
  process_.signal(signal_number);
  return process_.finish();
}

std::string Request::header(const std::string& name) const {
  auto at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  at += name.size() + 4;
  return head.substr(at, head.find("\r\n", at) - at);
}

Peer::Peer() : Peer([](const Request&) { return response(202); }) {}

Peer::Peer(Answer answer) : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  if (::bind(listener_, generic(address), sizeof address) != 0 || ::listen(listener_, 512) != 0) {
    throw std::runtime_error("cannot listen");
  }
  port_ = port_of(listener_);
  acceptor_ = std::thread([this] { accept_all(); });
}

Peer::~Peer() {
  closing_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close_connections();
  for (auto& thread : threads_) thread.join();
  for (int fd : connections_) ::close(fd);
  ::close(listener_);
}

void Peer::accept_all() {
  for (;;) {
    int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    std::lock_guard lock(mutex_);
    connections_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void Peer::serve(int fd) {
  std::string buffer;
  std::array<char, 65536> piece;
  for (;;) {
    ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0) return;
    std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
    buffer += bytes;
    {
      std::lock_guard lock(mutex_);
      bytes_ += bytes;
    }
    while (auto request = take_request(buffer)) {
      auto answer = answer_(*request);
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      if (!answer.empty()) ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
}

std::string Peer::pid(const std::string& id) const {
  return id + "@127.0.0.1:" + std::to_string(port_);
}

std::vector<Request> Peer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::string Peer::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

std::vector<Request> Peer::wait_requests(std::size_t count) const {
  auto end = std::chrono::steady_clock::now() + patience;
  while (requests().size() < count) {
    if (std::chrono::steady_clock::now() > end) FAIL("the requests did not come");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return requests();
}

void Peer::wait_connections(std::size_t count) const {
  auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (connections_.size() == count) return;
      if (connections_.size() > count) FAIL("there were more connections");
    }
    if (std::chrono::steady_clock::now() > end) FAIL("the connections did not come");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Peer::close_connections() {
  std::lock_guard lock(mutex_);
  for (int fd : connections_) ::shutdown(fd, SHUT_RDWR);
}

void Peer::reset_connections() {
  std::lock_guard lock(mutex_);
  for (int fd : connections_) {
    // Leaving the association abruptly sends RST, and the descriptor stays ours for its reader.
    sockaddr nowhere{};
    nowhere.sa_family = AF_UNSPEC;
    linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    static_cast<void>(::connect(fd, &nowhere, sizeof nowhere));
  }
}

void Peer::send_to_all(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  for (int fd : connections_) ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

Client::Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  auto address = loopback(port);
  if (::connect(fd_, generic(address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

void Client::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd_);
  fd_ = -1;
}

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::vector<int> Client::statuses(std::size_t count) {
  std::vector<int> statuses;
  for (;;) {
    statuses.clear();
    for (auto at = got_.find("HTTP/1.1 "); at != std::string::npos;
         at = got_.find("HTTP/1.1 ", at + 9)) {
      statuses.push_back(std::stoi(got_.substr(at + 9, 3)));
    }
    std::array<char, 65536> piece;
    if (statuses.size() >= count || !wait_readable(fd_, patience)) return statuses;
    ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
    if (got <= 0) return statuses;
    got_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

bool Client::at_end() {
  char byte = 0;
  return wait_readable(fd_, patience) && ::recv(fd_, &byte, 1, 0) == 0;
}

bool Client::gone() {
  std::array<char, 4096> bytes{};
  while (wait_readable(fd_, patience)) {
    if (::recv(fd_, bytes.data(), bytes.size(), 0) <= 0) return true;
  }
  return false;
}

std::string message(const std::string& id, const std::string& name, const std::string& body,
                    const std::string& from) {
  std::ostringstream out;
  out << "POST /" << id << '/' << name << " HTTP/1.1\r\nUser-Agent: libprocess/" << from
      << "\r\nLibprocess-From: " << from << "\r\nConnection: Keep-Alive\r\nHost: \r\n";
  if (body.empty()) {
    out << "\r\n";
  } else {
    out << "Transfer-Encoding: chunked\r\n\r\n"
        << std::hex << body.size() << "\r\n"
        << body << "\r\n0\r\n\r\n";
  }
  return out.str();
}

std::string response(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Status\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::uint16_t free_port() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  static_cast<void>(::bind(fd, generic(address), sizeof address));
  auto port = port_of(fd);
  ::close(fd);
  return port;
}

double resident_mb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

std::string temporary_file(const std::string& name, const std::string& contents) {
  static const struct Folder {
    Folder() {
      std::string pattern = std::filesystem::temp_directory_path() / "compactor-e2e-XXXXXX";
      path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
  } folder;
  auto path = folder.path / name;
  std::ofstream(path, std::ios::binary) << contents;
  return path;
}

}  // namespace e2e
