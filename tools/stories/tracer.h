// What the capture room tells -> stories, and these printed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "output/console.h"
#include "output/latency.h"
#include "sniff/sniff_run.h"
#include "sniff/time_window.h"
#include "sniff/traffic.h"
#include "stories/message_order.h"
#include "trace/stories.h"

namespace tool {

struct TraceOptions {
  SniffOptions traffic;
  compactor::trace::Selection selection;
  /// From which severity on a finding is exit 1; none: never.
  std::optional<compactor::trace::Severity> fail_on;
  std::optional<std::size_t> memory;
  std::optional<Duration> answer_wait;
};

/// One thread at a time.
class Tracer : public Traffic, private compactor::trace::StoryEvents {
 public:
  /// Both outlive it.
  Tracer(const TraceOptions& options, const TrafficContext& context);

  void begin(WallTime first) override { window_.begin(first); }
  std::optional<WallTime> end() const override { return window_.end(); }
  void release(WallTime before) override;
  void release_all() override;
  std::uint64_t shown() const override { return shown_; }
  void print_so_far(const SniffSummary& summary) override;
  int conclude(const SniffSummary& summary) override;

  bool wants(std::string_view from, std::string_view id, const compactor::capture::Endpoint& to,
             std::string_view name) override;
  bool on_message(const compactor::capture::SeenMessage& message) override;
  void on_answer(const compactor::capture::SeenAnswer& answer) override;
  void on_gap(const compactor::capture::SeenGap& gap) override;
  void on_tls(const compactor::capture::SeenTls& tls) override;
  void on_connection(const compactor::capture::ConnectionReport& report) override;
  bool on_http(const compactor::capture::SeenHttp& http) override;
  void on_record(const compactor::capture::SeenRecord& record) override;

 private:
  struct KindRow {
    ConversationsRow row;
    std::unique_ptr<Latency> latency = std::make_unique<Latency>();
  };

  void on_step(const compactor::trace::Step& step) override;
  void on_conversation(const compactor::trace::Conversation& conversation) override;
  void on_finding(const compactor::trace::Finding& finding) override;

  /// A call or an event of the v1 API. `client` and `server` are ends of the connection.
  void hold_v1(compactor::trace::Message message, std::string_view url, std::string_view bytes,
               bool event);
  void encode(std::string_view name, std::string_view json, std::string& encoded,
              std::string& trouble);
  void hold(compactor::trace::Message message, std::string_view source);
  /// An operator's `POST /master/teardown`, as the call that it has become.
  void hold_teardown(compactor::trace::Message call, std::string_view form);
  void tell(const HeldMessage& held);
  void wait_for_status(const HeldMessage& held);
  static compactor::trace::StoryOptions story_options(const TraceOptions& options);
  void tell_ends(WallTime before);
  void print_entities();
  void print_kinds();
  TraceSummary summary_of(const SniffSummary& summary);

  const TraceOptions& options_;
  Console& console_;
  TypeCodec& types_;
  Diagram& diagram_;
  MessageFilter filter_;
  TimeWindow window_;
  compactor::trace::Facts facts_;
  compactor::trace::Stories stories_;
  MessageOrder order_;
  /// Told without a status, by connection and place there; without their bodies.
  std::map<std::pair<std::uint64_t, std::uint64_t>, HeldMessage> without_status_;
  std::multimap<WallTime, compactor::trace::LinkEnd> ends_;  // of connections, not yet told
  std::map<std::string, KindRow> kinds_;
  WallTime last_{};  // of the capture
  std::uint64_t shown_ = 0;
  std::uint64_t worst_[3] = {0, 0, 0};
  std::string to_;
};

}  // namespace tool
