// sniff through a proxy.
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "capture/output_file.h"
#include "capture/proxy.h"
#include "cli/failure.h"
#include "cli/signals.h"
#include "net/net.h"
#include "node/node.h"
#include "sniff/diagram_file.h"
#include "sniff/sniff_run.h"
#include "sniff/sniff_start.h"

namespace tool {

namespace {

using compactor::capture::FileId;
using compactor::capture::Proxy;
using compactor::capture::ProxyOptions;
using compactor::capture::ProxyRule;

constexpr std::string_view tls_prefix = "tls:";

/// Whether it was there; it is taken away.
bool take_tls_prefix(std::string& text) {
  if (!text.starts_with(tls_prefix)) return false;
  text.erase(0, tls_prefix.size());
  return true;
}

ProxyRule parse_rule(const std::string& text) {
  auto bad = [&] {
    return Failure(Exit::usage, "usage", "--proxy \"" + text + "\" does not read",
                   "[tls:][IP:]PORT=[tls:]HOST:PORT");
  };
  auto equals = text.find('=');
  auto colon = text.rfind(':');
  if (equals == std::string::npos || colon == std::string::npos || colon < equals) throw bad();
  ProxyRule rule;
  auto here = text.substr(0, equals);
  rule.listen_tls = take_tls_prefix(here);
  if (auto split = here.rfind(':'); split != std::string::npos) {
    rule.listen_host = here.substr(0, split);
    here = here.substr(split + 1);
    if (rule.listen_host.empty()) throw bad();
  }
  auto unbracketed = [](std::string host) {
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    return bracketed ? host.substr(1, host.size() - 2) : host;
  };
  rule.listen_host = unbracketed(rule.listen_host);
  rule.listen_port = static_cast<std::uint16_t>(parse_number(here, 0, 65535, "--proxy"));
  auto there = text.substr(equals + 1, colon - equals - 1);
  rule.connect_tls = take_tls_prefix(there);
  rule.host = unbracketed(there);
  rule.port = static_cast<std::uint16_t>(parse_number(text.substr(colon + 1), 1, 65535, "--proxy"));
  if (rule.host.empty()) throw bad();
  return rule;
}

/// Null: no side of any proxy speaks it.
std::shared_ptr<const compactor::tls::Config> proxy_tls(const SniffOptions& options) {
  if (!proxies_tls(options)) return nullptr;
  TlsArguments arguments = options.tls;
  arguments.on = true;
  if (!options.server_keys.empty()) arguments.key = options.server_keys.front();
  return load_tls(make_tls(arguments));
}

ProxyOptions proxy_options(const SniffOptions& options, Traffic& traffic,
                           std::shared_ptr<const compactor::tls::Config> tls) {
  ProxyOptions made;
  made.tls = std::move(tls);
  made.exchange = exchange_options(options);
  made.connect_timeout = options.connect_timeout.value_or(made.connect_timeout);
  const std::size_t descriptors = compactor::raise_descriptor_limit();
  constexpr std::size_t others = 64;  // of ours, not a client's
  made.max_clients = descriptors > 2 * others ? (descriptors - others) / 2 : descriptors / 4;
  // Nothing comes late here, as packets do.
  made.on_tick = [&traffic, wait = made.exchange.answer_wait](WallTime now) {
    traffic.release(now - wait);
  };
  return made;
}

/// Through a proxy, on a thread of its own.
class ProxyRun {
 public:
  ProxyRun(const SniffOptions& options, const MakeTraffic& make)
      : options_(options),
        types_(options.types),
        console_(options.output, BodyView(options.body, &types_)),
        traffic_(make({options, console_, types_, diagram_, [this] { waiter_.finish(); }})),
        tls_(proxy_tls(options)),
        proxy_(rules(options), *traffic_, proxy_options(options, *traffic_, tls_),
               [this](const std::string& trouble) { console_.warning(trouble); }) {
    if (tls_) {
      waiter_.set_on_hangup(
          [this] { reload_tls(console_, [this] { proxy_.set_tls(proxy_tls(options_)); }); });
    }
    if (options.diagram) diagram_file_.emplace(*options.diagram, std::vector<FileId>());
    give_up_root(options, console_);
    console_.watch([this](bool full) { proxy_.pause(full); }, [this] { waiter_.finish(); });
    waiter_.on_quit = [this] { proxy_.post([this] { traffic_->print_so_far(summary()); }); };
  }
  ~ProxyRun() { console_.watch({}, {}); }
  ProxyRun(const ProxyRun&) = delete;
  ProxyRun& operator=(const ProxyRun&) = delete;

  int run() {
    for (const auto port : proxy_.ports())
      console_.note("listening on port " + std::to_string(port) + ' ' + as_whom(was_root_));
    for (const auto& hint : hints_by_types(options_, types_)) console_.note(hint);
    if (tls_) {
      for (const auto& warning : tls_->warnings()) console_.warning(warning);
    }
    traffic_->begin(now());
    std::exception_ptr error;
    std::thread loop([&] {
      try {
        proxy_.run();
      } catch (...) {
        error = std::current_exception();
        waiter_.finish();
      }
    });
    waiter_.wait_for_end(deadline());
    proxy_.stop();
    loop.join();
    if (error) std::rethrow_exception(error);
    traffic_->release_all();
    if (diagram_file_) diagram_file_->write(diagram_, console_);
    return traffic_->conclude(summary());
  }

 private:
  static std::vector<ProxyRule> rules(const SniffOptions& options) {
    std::vector<ProxyRule> rules;
    for (const auto& text : options.proxies) rules.push_back(parse_rule(text));
    const Duration time = options.connect_timeout.value_or(ProxyOptions().connect_timeout);
    for (auto& rule : rules) rule.addresses = look_up(rule.host, rule.host, time);
    return rules;
  }

  std::optional<Waiter::Clock::time_point> deadline() const {
    const auto end = traffic_->end();
    if (!end) return std::nullopt;
    return Waiter::Clock::now() + (*end - now());
  }

  SniffSummary summary() const {
    SniffSummary summary;
    add_ledger(summary, proxy_.ledger());
    summary.undecodable += types_.misfits();
    summary.shown = traffic_->shown();
    summary.connections = proxy_.stats().connections;
    summary.refused = proxy_.stats().refused;
    return summary;
  }

  const SniffOptions& options_;
  const bool was_root_ = ::geteuid() == 0;
  SchemaCodec types_;  // reads the user's files, so before root is given up
  Console console_;
  Waiter waiter_;
  Diagram diagram_;
  std::unique_ptr<Traffic> traffic_;
  const std::shared_ptr<const compactor::tls::Config> tls_;  // as it was at the start
  Proxy proxy_;
  std::optional<DiagramFile> diagram_file_;
};

}  // namespace

bool proxies_tls(const SniffOptions& options) {
  return std::any_of(options.proxies.begin(), options.proxies.end(), [](const std::string& text) {
    auto rule = parse_rule(text);
    return rule.listen_tls || rule.connect_tls;
  });
}

int sniff_proxy(const SniffOptions& options, const MakeTraffic& make) {
  return ProxyRun(options, make).run();
}

}  // namespace tool
