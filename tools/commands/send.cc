// compactor send: delivers messages and says what became of them.
#include <memory>
#include <string>
#include <utility>

#include "cli/command_line.h"
#include "cli/help_text.h"
#include "commands/program.h"
#include "node/body_check.h"
#include "node/node.h"
#include "node/process_options.h"
#include "output/options.h"
#include "send/sender.h"
#include "wire/encode.h"

namespace tool {

namespace {

struct SendOptions {
  OutputOptions output;
  ProcessOptions process;
  BodyMode body_mode = BodyMode::automatic;
  SenderSettings sender;
  TypeOptions type_options;
  TypeCodec* types = nullptr;
  std::optional<std::string> target;
  std::optional<std::string> name;
  std::optional<std::string> body;
  bool raw = false;
  bool dry_run = false;
  // --batch
  std::optional<std::string> batch;
  std::optional<std::string> to;
  bool use_recorded_to = false;
  bool keep_from = false;
  std::optional<std::string> speed;
  // --repeat
  std::optional<std::uint64_t> repeat;
  std::optional<double> rate;
  std::optional<std::size_t> size;
};

CommandLine declare(SendOptions& options) {
  CommandLine line("send", "Delivers a message and says what became of it.",
                   "  compactor send echo@10.0.0.5:5050 greet 'hello there'\n"
                   "  compactor send echo@10.0.0.5:5050 ping @body.bin --expect pong\n"
                   "  compactor send sink@10.0.0.5:5050 load --repeat 100000 --size 1k\n"
                   "  compactor send --batch recorded.ndjson --to sink@127.0.0.1:5050 --speed 1\n"
                   "  compactor send a@10.0.0.5:5050 x hex:0801 --dry-run | xxd\n");
  line.positional("TARGET", options.target, "receiver, as in master@10.0.0.5:5050");
  line.positional("NAME", options.name, "name of the message");
  line.positional("BODY", options.body,
                  std::string(body_forms).append(" (JSON for the type NAME)"));
  line.group("Send");
  line.flag("--raw", options.raw, "send {…} as the text it is");
  line.flag("--force", options.type_options.force,
            "send JSON that lacks required fields, and what its receiver aborts on, too");
  line.duration("--timeout", options.sender.timeout, "for the answer, or without progress (5s)");
  line.text("--expect", "NAME", options.sender.expect,
            "wait for a message of that name (a glob) and print it");
  line.text("--expect-from", "PID", options.sender.expect_from, "only from this PID or glob");
  line.number("--retry", 0, 1'000'000, options.sender.retries,
              "try again N times when nothing was written");
  line.duration("--retry-delay", options.sender.retry_delay, "between tries (1s)");
  line.flag("--dry-run", options.dry_run, "write the bytes to stdout, send nothing");
  add_style_option(line, options.sender.style);
  line.group("Batch");
  line.text("--batch", "FILE", options.batch, "send the lines of an NDJSON file (-: stdin)");
  line.text("--to", "TARGET", options.to, "send every line to TARGET");
  line.flag("--use-recorded-to", options.use_recorded_to, "send each line where it says");
  line.flag("--keep-from", options.keep_from, "state the recorded sender instead of ourselves");
  line.text("--speed", "X", options.speed,
            "keep the recorded spacing (1), scale it, or max (default)");
  line.flag("--keep-going", options.sender.keep_going, "do not stop at the first failure");
  line.group("Load");
  line.number("--repeat", 1, UINT64_MAX, options.repeat, "send the message N times");
  line.value(
      "--rate", "R/s", [&](const std::string& typed) { options.rate = parse_rate(typed); },
      "messages per second; default as fast as it goes");
  line.size("--size", options.size, largest_body, "bytes of a made-up body");
  add_output_options(line, options.output);
  add_body_option(line, options.body_mode);
  add_type_options(line, options.type_options);
  add_process_options(line, options.process);
  return line;
}

void refuse_if(bool contradiction, const char* message) {
  if (contradiction) throw Failure(Exit::usage, "usage", message, "compactor help send");
}

void check(const SendOptions& options) {
  bool batch = options.batch.has_value();
  bool many = batch || options.repeat;
  refuse_if(many && options.sender.expect, "--expect takes one message, not --batch or --repeat");
  refuse_if(options.sender.expect_from && !options.sender.expect, "--expect-from needs --expect");
  refuse_if(batch && options.repeat, "--batch and --repeat exclude each other");
  refuse_if(batch && (options.body || options.size), "--batch brings its own bodies");
  refuse_if(options.to && options.use_recorded_to, "--to and --use-recorded-to exclude each other");
  refuse_if(!batch && (options.to || options.use_recorded_to || options.keep_from || options.speed),
            "--to, --use-recorded-to, --keep-from and --speed need --batch");
  refuse_if(!options.repeat && options.rate, "--rate needs --repeat");
  refuse_if(options.body && options.size, "a body and --size exclude each other");
  refuse_if(!batch && !options.target, "no target given");
  refuse_if(!batch && !options.name, "no name of a message given");
}

std::optional<double> parse_speed(const std::optional<std::string>& text) {
  if (!text || *text == "max") return std::nullopt;
  try {
    std::size_t end = 0;
    double speed = std::stod(*text, &end);
    if (end == text->size() && speed > 0 && speed < 1e9) return speed;
  } catch (const std::logic_error&) {
  }
  throw Failure(Exit::usage, "usage", "--speed \"" + *text + "\" does not read",
                "a factor, as in 2, or max");
}

std::unique_ptr<Source> single_source(const SendOptions& options, const compactor::Pid& target,
                                      Console& console) {
  Outgoing message{.to = target, .to_text = target.str(), .name = *options.name};
  auto form = BodyForm::bytes;
  if (options.size) {
    message.body.assign(*options.size, 'x');
  } else if (options.body) {
    message.body = read_body(*options.name, *options.body, options.raw, options.types);
    form = form_of(*options.body, options.raw);
  }
  BodyCheck(options.types, console, options.type_options.force)
      .check(message.to_text, message.name, message.body, form);
  return repeat(std::move(message), options.repeat.value_or(1), options.rate);
}

std::unique_ptr<Source> batch_source(const SendOptions& options, const BatchFile& file,
                                     std::optional<compactor::Pid> target, Console& console) {
  BatchRules rules;
  rules.target = std::move(target);
  rules.resolve_time = options.sender.resolve_time;
  if (options.to) rules.to = resolve_pid(*options.to, console, rules.resolve_time);
  rules.name = options.name;
  rules.use_recorded_to = options.use_recorded_to;
  rules.types = options.types;
  rules.force = options.type_options.force;
  return batch(file.fd(), std::move(rules), parse_speed(options.speed), options.keep_from, console);
}

class SendObserver : public ConsoleObserver {
 public:
  SendObserver(Console& console, Sender& sender) : ConsoleObserver(console), sender_(sender) {}
  void connected(const compactor::Address& peer, const compactor::Address& local,
                 compactor::Duration took) override {
    ConsoleObserver::connected(peer, local, took);
    sender_.connected();
  }
  void handshaking(const compactor::Address&) override { sender_.handshaking(); }
  void secured(const compactor::Address& peer, const compactor::TlsPeer& tls,
               compactor::Duration took) override {
    ConsoleObserver::secured(peer, tls, took);
    sender_.handshake_ended();
  }
  void tls_failed(const compactor::Address&, std::error_code, std::string_view) override {
    sender_.handshake_ended();
  }
  void downgraded(const compactor::Address&, std::string_view) override {
    sender_.handshake_ended();
  }
  void rejected(const compactor::Address& peer, std::string_view why) override {
    ConsoleObserver::rejected(peer, why);
    sender_.rejected(peer.host, why);
  }

 private:
  Sender& sender_;
};

/// Writes the bytes of messages. Nothing is bound, so the port is the one asked for, or 0.
class DryRun {
 public:
  DryRun(const SendOptions& options, std::string id, Console& console, Waiter& waiter)
      : options_(options), id_(std::move(id)), console_(console), waiter_(waiter) {}

  int run(Source& source) {
    for (;;) {
      auto step = source.next();
      if (step.next == Source::Next::end || console_.ended()) return 0;
      if (step.next == Source::Next::message && !step.message->skipped) write(*step.message);
      bool waits = step.next == Source::Next::wait;
      look(waits ? step.at : Steady::now(), waits && !step.at ? source.fd() : -1);
    }
  }

 private:
  void write(const Outgoing& message) {
    if (own_.empty()) {
      auto context =
          make_options(options_.process, {message.to}, console_, options_.sender.resolve_time);
      compactor::Pid pid{id_, context.advertise_ip.empty() ? context.ip : context.advertise_ip,
                         context.advertise_port != 0 ? context.advertise_port : context.port};
      own_ = pid.str();
    }
    const auto& from = message.from.empty() ? own_ : message.from;
    check_sendable(options_.sender.style, from, message.to, message.name);
    std::string bytes;
    compactor::wire::append_message(bytes, options_.sender.style, from, message.to, message.name,
                                    message.body);
    console_.print_raw(bytes);
  }

  /// Waits until then, or for `fd`, and for room in the output. Throws when a signal ends the run.
  void look(std::optional<Steady::time_point> until, int fd) {
    do {
      if (console_.full()) until = Steady::now() + std::chrono::milliseconds(1);
      if (waiter_.wait(until, fd) == Waiter::Reason::signal) throw waiter_.interrupted();
    } while (console_.full());
  }

  const SendOptions& options_;
  std::string id_;
  Console& console_;
  Waiter& waiter_;
  std::string own_;  // our PID
};

void print_summary(const SendOptions& options, const Sender& sender, Console& console) {
  bool many = options.batch || options.repeat;
  if (many || options.output.json) console.print(sender.summary());
}

int judge(const Sender& sender) {
  const auto& failure = sender.failure();
  if (!failure) return 0;
  if (failure->exit() == Exit::no) return 1;
  throw *failure;
}

}  // namespace

Outline outline_send() {
  SendOptions options;
  return declare(options).outline();
}

int run_send(const Arguments& arguments) {
  SendOptions options;
  options.output.naming = Naming::roles;
  if (!parse_or_help(declare(options), arguments)) return 0;
  check(options);
  SchemaCodec types(options.type_options);
  options.types = &types;
  Console console(options.output, BodyView(options.body_mode, options.types));
  options.sender.connect_timeout = options.process.connect_timeout;
  options.sender.resolve_time = std::min(options.sender.timeout, options.sender.connect_timeout);
  options.sender.show_accepted = !options.repeat || options.output.verbose > 0;
  auto id = own_id(options.process, "send");
  std::optional<compactor::Pid> target;
  if (options.target) parse_pid(*options.target);
  if (options.target) options.process.tls.target_host = typed_host(*options.target);
  if (options.target && options.name) {
    check_sendable(options.sender.style, id, parse_pid(*options.target), *options.name);
  }
  std::optional<BatchFile> file;
  if (options.batch) file.emplace(*options.batch);
  if (options.target) target = resolve_pid(*options.target, console, options.sender.resolve_time);
  auto source = file ? batch_source(options, *file, target, console)
                     : single_source(options, *target, console);
  if (options.sender.expect) options.sender.target = target;

  Waiter waiter;
  if (options.dry_run) return DryRun(options, id, console, waiter).run(*source);
  Sender sender(options.sender, *source, console, waiter);
  if (auto first = sender.await_first()) {
    auto made = make_options(options.process, {*first}, console, options.sender.resolve_time);
    made.style = options.sender.style;
    made.observer = std::make_shared<SendObserver>(console, sender);
    Node node(std::move(made), console, waiter);
    sender.run(node, id);
  }
  if (console.ended()) return 0;
  print_summary(options, sender, console);
  return judge(sender);
}

}  // namespace tool
