#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

#include "body/encoding.h"
#include "cli/values.h"
#include "output/colours.h"
#include "output/json_line.h"
#include "output/render.h"
#include "output/story_lines.h"
#include "output/text_parts.h"
#include "text/time.h"

namespace tool {

namespace {

using namespace colours;

double microseconds(std::chrono::nanoseconds duration) {
  return static_cast<double>(duration.count()) / 1e3;
}

std::string percent(double value) {
  std::array<char, 32> text{};
  int length = std::snprintf(text.data(), text.size(), "%.4g %%", value);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

/// The words of an outcome, for people: no_such_process -> no such process.
std::string words(std::string_view outcome) {
  std::string text(outcome);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

class TextRenderer : public Renderer {
 public:
  TextRenderer(TextStyle style, const BodyView& bodies)
      : style_(style), bodies_(bodies), messages_(style.lines, bodies), story_(style.lines) {}

  void append(std::string& out, const ServingEvent& event) override {
    out += "serving ";
    paint(out, bold, event.pid);
    out += '\n';
    messages_.names().add_known(event.pid);
  }

  void append(std::string& out, const MessageEvent& event) override {
    messages_.append(out, event);
  }

  void append(std::string& out, const DeliveryEvent& event) override {
    if (event.line) out += std::to_string(*event.line) + ": ";
    bool good = event.outcome == "accepted";
    paint(out, good ? green : red, words(event.outcome));
    if (event.status != 0) out += " (" + std::to_string(event.status) + ')';
    out += "  ";
    append_terminal_escaped(out, event.to);
    out += "  ";
    append_terminal_escaped(out, event.name);
    out += "  " + human_size(static_cast<double>(event.size));
    if (event.ack.count() != 0) out += "  ack " + human_duration(microseconds(event.ack));
    append_reason(out, event.reason);
    out += '\n';
  }

  void append(std::string& out, const ProbeEvent& event) override {
    append_clock_time(out, event.time);
    out += "seq=" + std::to_string(event.seq) + "  ";
    append_terminal_escaped(out, event.target);
    append_clock(out, "connect", event.connect);
    append_clock(out, "tls", event.tls);
    append_clock(out, "ack", event.ack);
    append_clock(out, "reply", event.reply);
    out += "  ";
    bool good = event.outcome == "replied" || event.outcome == "accepted";
    paint(out, good && !event.late ? green : red, words(event.outcome));
    if (event.status != 0 && event.status != 202) out += " (" + std::to_string(event.status) + ')';
    if (event.late) out += ", late";
    append_reason(out, event.reason);
    out += '\n';
  }

  void append(std::string& out, const LinkedEvent& event) override {
    append_clock_time(out, event.time);
    paint(out, green, "linked");
    out += ' ';
    append_terminal_escaped(out, event.pid);
    out += '\n';
  }

  void append(std::string& out, const ExitedEvent& event) override {
    append_clock_time(out, event.time);
    paint(out, red, "exited");
    out += ' ';
    append_terminal_escaped(out, event.pid);
    out += ": ";
    out += event.reason == "gone" ? "gone (the host answers, the process is no longer there)"
                                  : words(event.reason);
    out += '\n';
  }

  void append(std::string& out, const SeenMessageEvent& event) override {
    messages_.append(out, event);
  }
  void append(std::string& out, const SeenAnswerEvent& event) override {
    messages_.append(out, event);
  }
  void append(std::string& out, const GapEvent& event) override { messages_.append(out, event); }
  void append(std::string& out, const ConnectionEvent& event) override {
    messages_.append(out, event);
  }
  void append(std::string& out, const TlsEvent& event) override { messages_.append(out, event); }
  void append(std::string& out, const SeenHttpEvent& event) override {
    messages_.append(out, event);
  }
  void append(std::string& out, const HttpStreamEvent& event) override {
    messages_.append(out, event);
  }

  void leave_openings_out() override { messages_.leave_openings_out(); }
  NamesInLine last_names() const override { return messages_.last_names(); }
  void append_legend(std::string& out, const NamesInLine& names) override {
    messages_.append_legend(out, names);
  }
  void append_opening(std::string& out, WallTime time) override {
    messages_.append_opening(out, time);
  }

  void append(std::string& out, const StatisticsRow& row) override { append_statistics(out, row); }

  void append(std::string& out, const CaptureFileEvent& event) override {
    append_terminal_escaped(out, event.file);
    out += ": " + counted(event.packets, "packet");
    if (event.first) {
      out += ", ";
      clock_.append_of_day(out, *event.first);
      out += " – ";
      clock_.append_of_day(out, *event.last);
    }
    if (event.clock_offset && *event.clock_offset != std::chrono::nanoseconds{0})
      out += ", its clock " + human_duration(std::abs(microseconds(*event.clock_offset))) +
             (event.clock_offset->count() > 0 ? " ahead" : " behind");
    out += '\n';
  }

  void append(std::string& out, const SniffSummary& summary) override {
    out += counted(summary.packets, "packet") + ", " + counted(summary.connections, "connection") +
           ", " + counted(summary.messages, "message") + " (" + std::to_string(summary.unanswered) +
           " unanswered), " + std::to_string(summary.http) + " other HTTP; " +
           std::to_string(summary.shown) + " shown\n";
    out += std::to_string(summary.stream_bytes) +
           " bytes: " + std::to_string(summary.message_bytes) + " in messages, " +
           std::to_string(summary.http_bytes) + " in other HTTP, " +
           std::to_string(summary.passed_over_bytes) + " passed over, " +
           (summary.tls == 0 ? "" : std::to_string(summary.tls_bytes) + " of TLS, ") +
           std::to_string(summary.gap_bytes) + " in " + counted(summary.gaps, "gap") + '\n';
    append_losses(out, summary);
    append_other_packets(out, summary);
  }

  void append(std::string& out, const MasterEvent& event) override {
    const auto& state = *event.state;
    out += "Mesos " + terminal_escaped(state.version) + " master ";
    paint(out, bold, state.pid);
    if (state.leader.empty()) {
      out += ", no leader";
    } else {
      out +=
          state.leader == state.pid ? ", the leader" : ", led by " + terminal_escaped(state.leader);
    }
    if (!state.cluster.empty()) out += ", cluster " + terminal_escaped(state.cluster);
    out += "\n  agents      " + std::to_string(state.agents_active) + " active, " +
           std::to_string(state.agents_inactive) + " inactive, " +
           std::to_string(state.agents_unreachable) + " unreachable\n  frameworks  " +
           std::to_string(state.frameworks) + " registered, " +
           std::to_string(state.frameworks_completed) + " completed, " +
           counted(state.tasks, "task") + '\n';
    append_resources(out, state.resources, state.used_resources);
  }

  void append(std::string& out, const AgentEvent& event) override {
    const auto& state = *event.state;
    out += "Mesos " + terminal_escaped(state.version) + " agent ";
    paint(out, bold, state.pid);
    out +=
        state.id.empty() ? "\n  not registered" : "\n  registered  " + terminal_escaped(state.id);
    if (!state.master.empty()) out += " with the master at " + terminal_escaped(state.master);
    out += "\n  frameworks  " + std::to_string(state.frameworks) + " registered, " +
           std::to_string(state.frameworks_completed) + " completed, " +
           counted(state.executors, "executor") + ", " + counted(state.tasks, "task") + '\n';
    append_resources(out, state.resources, state.used_resources);
  }

  void append(std::string& out, const ProcessEvent& event) override {
    append_column(out, event.id, 48);
    if (event.queued == 0) {
      out += "-\n";
    } else {
      paint(out, yellow, std::to_string(event.queued) + " queued");
      out += '\n';
    }
  }

  void append(std::string& out, const QueuedEvent& event) override {
    const auto& queued = *event.event;
    auto position = std::to_string(event.position);
    out += std::string(position.size() < 6 ? 6 - position.size() : 0, ' ') + position + "  ";
    if (!queued.is_message()) {
      append_terminal_escaped(out, queued.kind);
      for (const auto* text : {&queued.name, &queued.from}) {
        if (!text->empty()) out += ' ' + terminal_escaped(*text);
      }
      out += '\n';
      return;
    }
    paint(out, cyan, queued.name.empty() ? "(no name)" : queued.name);
    out += "  from ";
    append_terminal_escaped(out, queued.from);
    out += "  " + human_size(static_cast<double>(queued.body.size()));
    bodies_.append_text(out, queued.name, queued.body);
    out += '\n';
  }

  void append(std::string& out, const EndpointEvent& event) override {
    auto path = '/' + event.endpoint->process + event.endpoint->path;
    if (event.endpoint->summary.empty()) {
      out += "  " + terminal_escaped(path) + '\n';
      return;
    }
    append_column(out, path, 40);
    append_terminal_escaped(out, event.endpoint->summary);
    out += '\n';
  }

  void append(std::string& out, const MetricEvent& event) override {
    append_column(out, event.metric->name, 64);
    std::array<char, 32> text{};
    int length = std::snprintf(text.data(), text.size(), "%.15g", event.metric->value);
    out += std::string_view(text.data(), static_cast<std::size_t>(length));
    out += '\n';
  }

  void append(std::string& out, const SectionEvent& event) override {
    if (std::exchange(sections_, true)) out += '\n';
    if (event.time) append_clock_time(out, *event.time);
    paint(out, bold, event.title);
    out += '\n';
  }

  void append(std::string& out, const InspectSummary& summary) override {
    if (!summary.told_processes) return;
    out += '\n' + std::to_string(summary.processes) +
           (summary.processes == 1 ? " process, " : " processes, ") +
           counted(summary.queued, "event") + " queued\n";
    append_names(out, summary.by_name);
  }

  void append(std::string& out, const ServeSummary& summary) override {
    out += counted(summary.messages, "message") + ", " +
           human_size(static_cast<double>(summary.bytes));
    out += " in " + human_duration(summary.duration_s * 1e6);
    if (summary.rejected != 0) out += ", " + std::to_string(summary.rejected) + " rejected";
    if (summary.no_such_process != 0)
      out += " (" + std::to_string(summary.no_such_process) + " for no process here)";
    if (summary.replies_failed != 0) {
      out += ", " + std::to_string(summary.replies_failed) + " replies not delivered";
    }
    out += '\n';
    append_names(out, summary.by_name);
  }

  void append(std::string& out, const SendSummary& summary) override {
    out += std::to_string(summary.sent) + " sent, " + std::to_string(summary.accepted) +
           " accepted, " + std::to_string(summary.failed) + " failed";
    if (summary.not_sent != 0) out += ", " + std::to_string(summary.not_sent) + " not sent";
    if (summary.ignored != 0) out += ", " + std::to_string(summary.ignored) + " ignored";
    if (summary.skipped != 0) out += ", " + std::to_string(summary.skipped) + " skipped";
    out += " in " + human_duration(summary.duration_s * 1e6);
    if (summary.accepted > 1 && summary.duration_s > 0) append_rates(out, summary);
    out += '\n';
    if (summary.ack != nullptr) append_latency(out, "ack", *summary.ack);
  }

  void append(std::string& out, const PingSummary& summary) override {
    out += "--- ";
    append_terminal_escaped(out, summary.target);
    out += " ---\n" + std::to_string(summary.sent) + " sent, " + std::to_string(summary.answered) +
           " answered, " + percent(summary.loss_pct) + " loss, " +
           human_duration(summary.duration_s * 1e6);
    out += '\n';
    if (summary.fell_back)
      out += "only acks were measured (queued, not handled): no reply came to the first probe\n";
    append_latency(out, "connect", *summary.connect);
    append_latency(out, "tls", *summary.tls);
    append_latency(out, "ack", *summary.ack);
    append_latency(out, "reply", *summary.reply);
    const auto& last = summary.reply->count() != 0 ? *summary.reply : *summary.ack;
    if (style_.histogram && last.count() > 1) out += last.bars(50);
  }

  void append(std::string& out, const LinkSummary& summary) override {
    out += std::to_string(summary.linked) + " linked, " + std::to_string(summary.exited) +
           " exited (" + std::to_string(summary.gone) + " gone), " +
           counted(summary.reconnects, "reconnect") + '\n';
  }

  void append(std::string& out, const compactor::trace::Step& event) override {
    story_.append(out, event);
    sections_ = true;  // a line apart from these
  }
  /// Its steps are told.
  void append(std::string&, const compactor::trace::Conversation&) override {}
  void append(std::string& out, const compactor::trace::Finding& event) override {
    story_.append(out, event);
    sections_ = true;  // a line apart from these
  }
  void append(std::string& out, const compactor::trace::Entity& event) override {
    story_.append(out, event);
  }
  void append(std::string& out, const ConversationsRow& event) override {
    story_.append(out, event);
  }
  void append(std::string& out, const TraceSummary& event) override { story_.append(out, event); }

  void append_error(std::string& out, const Failure& failure) override {
    out += "compactor: ";
    paint(out, red, failure.what(), style_.error_colour);
    if (!failure.hint().empty()) out += " (" + terminal_escaped(failure.hint()) + ')';
    out += '\n';
  }

  void append_warning(std::string& out, std::string_view text) override {
    out += "compactor: ";
    paint(out, yellow, "warning: ", style_.error_colour);
    append_terminal_escaped(out, text);
    out += '\n';
  }

  void append_note(std::string& out, std::string_view text) override {
    out += "compactor: ";
    append_terminal_escaped(out, text);
    out += '\n';
  }

 private:
  /// Of a line that is about a time, among messages as they have it.
  void append_clock_time(std::string& out, WallTime time) {
    if (style_.lines.dates) return messages_.append_opening(out, time);
    clock_.append_of_day(out, time);
    out += "  ";
  }

  void paint(std::string& out, std::string_view colour, std::string_view text, bool on) {
    if (on) out += colour;
    append_terminal_escaped(out, text);
    if (on) out += plain;
  }
  void paint(std::string& out, std::string_view colour, std::string_view text) {
    paint(out, colour, text, style_.lines.colour);
  }

  static void append_reason(std::string& out, std::string_view reason) {
    if (reason.empty()) return;
    out += ": ";
    append_terminal_escaped(out, reason);
  }

  static void append_clock(std::string& out, const char* name,
                           const std::optional<std::chrono::nanoseconds>& clock) {
    if (clock) out += std::string("  ") + name + ' ' + human_duration(microseconds(*clock));
  }

  static void append_rates(std::string& out, const SendSummary& summary) {
    auto rate = static_cast<double>(summary.accepted) / summary.duration_s;
    std::array<char, 32> text{};
    int length = std::snprintf(text.data(), text.size(), rate < 10 ? "%.2g" : "%.0f", rate);
    out += ", " + std::string(text.data(), static_cast<std::size_t>(length)) + " messages/s, " +
           human_size(static_cast<double>(summary.bytes) / summary.duration_s) + "/s";
  }

  static void append_latency(std::string& out, const char* name, const Latency& latency) {
    if (latency.count() == 0) return;
    out += std::string(name) + " min " + human_duration(latency.min_us()) + ", avg " +
           human_duration(latency.avg_us()) + ", max " + human_duration(latency.max_us()) +
           ", p50 " + human_duration(latency.percentile_us(50)) + ", p90 " +
           human_duration(latency.percentile_us(90)) + ", p99 " +
           human_duration(latency.percentile_us(99)) + '\n';
  }

  /// Two blanks, the text, and blanks up to the next column.
  static void append_column(std::string& out, std::string_view text, std::size_t width) {
    auto shown = terminal_escaped(text);
    out += "  " + shown + std::string(shown.size() < width ? width - shown.size() : 0, ' ') + "  ";
  }

  TextStyle style_;
  BodyView bodies_;
  compactor::text::TimeText clock_;
  MessageText messages_;
  StoryText story_;
  bool sections_ = false;  // there was one
};

}  // namespace

std::unique_ptr<Renderer> make_text_renderer(TextStyle style, const BodyView& bodies) {
  return std::make_unique<TextRenderer>(style, bodies);
}

}  // namespace tool
