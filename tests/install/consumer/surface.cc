// Touches everything that the public headers declare and do not define, so that it links only when
// all of it is exported, and checks what must work across the border of a shared library:
// exceptions, casts, hashes.
#include <compactor/compactor.h>
#include <google/protobuf/wrappers.pb.h>

#include <iostream>
#include <sstream>
#include <unordered_set>

using namespace compactor;

namespace {

struct Echo : ProtobufProcess {
  Echo() : ProtobufProcess("echo") {
    install<google::protobuf::StringValue>(&Echo::echo);
    install("plain", [](const Pid&, std::string_view) {});
    route("/hello", [](const HttpRequest&) { return HttpResponse{200, "text/plain", "hi"}; });
    delegate("other", Pid{"b", "127.0.0.1", 1});
  }
  void echo(const Pid& from, const google::protobuf::StringValue& text) { send(from, text); }
  void receive(const MessageView& message) override {
    context().reply(ReturnAddress::of(message), "reply");
    Process::receive(message);
  }
  bool receives_while_paused(std::string_view name) const override {
    return Process::receives_while_paused(name);
  }
  void exited(const Pid& pid, ExitReason reason) override { Process::exited(pid, reason); }
  void leave() {
    link(pid());
    send(pid(), "plain");
    terminate();
  }
};

struct Watcher : Observer {
  void warning(std::string_view text) override { Observer::warning(text); }
};

int failures = 0;
void check(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "surface: " << what << '\n';
  ++failures;
}

template <class Exception, class Call>
void throws(Call call, const char* what) {
  try {
    call();
  } catch (const Error& error) {
    return check(dynamic_cast<const Exception*>(&error) != nullptr, what);
  } catch (...) {
  }
  check(false, what);
}

void values() {
  const Pid pid = Pid::parse("a@127.0.0.1:5050");
  std::ostringstream text;
  text << pid << ' ' << pid.str() << ' ' << pid.address() << ' ' << pid.as_url("x") << ' '
       << Address{"h", 1}.str();
  check(text.str() ==
            "a@127.0.0.1:5050 a@127.0.0.1:5050 127.0.0.1:5050 http://127.0.0.1:5050/a/x h:1",
        "texts");
  check(std::unordered_set<Pid>{pid}.contains(*Pid::from_peer(" a@127.0.0.1:5050 ")), "hash");
  check(!to_string(Style::legacy).empty() && !to_string(Outcome::accepted).empty() &&
            !to_string(Fault::tls).empty() && !to_string(SendResult::full).empty() &&
            !to_string(ExitReason::reset).empty(),
        "words");
  check(source_address_to("127.0.0.1") == "127.0.0.1" && !default_source_address().empty() &&
            resolve_ipv4("127.0.0.1") == "127.0.0.1",
        "addresses");
  throws<InvalidPid>([] { Pid::parse("nobody"); }, "InvalidPid");
  throws<UnboundProcess>([] { Echo().pid(); }, "UnboundProcess of pid()");
  throws<UnboundProcess>([] { Echo().context(); }, "UnboundProcess of context()");
  check(Echo().route_paths().size() == 1, "route_paths");
}

void context() {
  Options options = Options::from_environment();
  options.ip = "127.0.0.1";
  options.observer = std::make_shared<Watcher>();
  Context context(options);
  Options taken = options;
  taken.port = context.bound().port;
  throws<SocketError>([&] { Context second(taken); }, "SocketError");
  const Pid pid = context.spawn<Echo>();
  throws<InvalidProcess>([&] { context.spawn<Echo>(); }, "InvalidProcess");
  struct Other : Process {
    using Process::Process;
    void call() {}
  };
  throws<InvalidMethod>([&] { context.dispatch(pid, &Other::call); }, "InvalidMethod");
  check(context.is_local(pid) && !context.on_loop() && context.str().size() > 9, "questions");
  check(context.address() == context.bound() && context.options().ip == "127.0.0.1", "address");
  check(context.send(pid, pid, "plain") == SendResult::queued, "send");
  check(context.send_wait(pid.str(), pid, "plain", "", Duration(1)) == SendResult::queued,
        "send_wait");
  context.when_room(pid, [] {});
  context.link(pid, pid);
  context.unlink(pid, pid);
  check(!context.cancel(context.delay(Duration(0), pid, &Echo::leave) + 1000), "cancel");
  context.post([] {});
  context.route("/r", [](const HttpRequest&) { return HttpResponse(); });
  context.pause_receiving();
  context.resume_receiving();
  context.terminate(pid);
  context.statistics();
  context.stop();
  context.join();
  throws<Stopped>([&] { context.spawn<Echo>(); }, "Stopped");
}

void default_ones() {
  Options options;
  options.ip = "127.0.0.1";
  initialize(options);
  spawn<Echo>();
  default_context().stop();
  join();
}

}  // namespace

int main() {
  values();
  context();
  default_ones();
  if (failures == 0) std::cout << "all of it works" << std::endl;
  return failures;
}
