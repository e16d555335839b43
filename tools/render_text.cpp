#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "encoding.h"
#include "json_line.h"
#include "render.h"
#include "values.h"

namespace tool {

namespace {

constexpr std::string_view plain = "\x1b[0m";
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view green = "\x1b[32m";
constexpr std::string_view yellow = "\x1b[33m";
constexpr std::string_view cyan = "\x1b[36m";

double microseconds(std::chrono::nanoseconds duration) {
  return static_cast<double>(duration.count()) / 1e3;
}

std::string percent(double value) {
  std::array<char, 32> text{};
  int length = std::snprintf(text.data(), text.size(), "%.4g %%", value);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

std::string counted(std::uint64_t count, const char* noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

/// The words of an outcome, for people: no_such_process -> no such process.
std::string words(std::string_view outcome) {
  std::string text(outcome);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

class TextRenderer : public Renderer {
 public:
  TextRenderer(TextStyle style, const BodyView& bodies) : style_(style), bodies_(bodies) {}

  void append(std::string& out, const ServingEvent& event) override {
    out += "serving ";
    paint(out, bold, event.pid);
    out += '\n';
  }

  void append(std::string& out, const MessageEvent& event) override {
    clock_.append_of_day(out, event.time);
    out += "  ";
    append_terminal_escaped(out, event.from);
    out += " → ";
    append_terminal_escaped(out, event.to);
    out += "  ";
    paint(out, cyan, event.name.empty() ? "(no name)" : event.name);
    out += "  " + human_size(static_cast<double>(event.body.size()));
    bodies_.append_text(out, event.name, event.body);
    out += '\n';
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
    out += "seq=" + std::to_string(event.seq) + "  ";
    append_terminal_escaped(out, event.target);
    append_clock(out, "connect", event.connect);
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
    paint(out, green, "linked");
    out += ' ';
    append_terminal_escaped(out, event.pid);
    out += '\n';
  }

  void append(std::string& out, const ExitedEvent& event) override {
    paint(out, red, "exited");
    out += ' ';
    append_terminal_escaped(out, event.pid);
    out += ": ";
    out += event.reason == "gone" ? "gone (the host answers, the process is no longer there)"
                                  : words(event.reason);
    out += '\n';
  }

  void append(std::string& out, const ServeSummary& summary) override {
    out += counted(summary.messages, "message") + ", " +
           human_size(static_cast<double>(summary.bytes));
    out += " in " + human_duration(summary.duration_s * 1e6);
    if (summary.rejected != 0) out += ", " + std::to_string(summary.rejected) + " rejected";
    if (summary.replies_failed != 0) {
      out += ", " + std::to_string(summary.replies_failed) + " replies not delivered";
    }
    out += '\n';
    append_names(out, summary);
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
    append_latency(out, "connect", *summary.connect);
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
  void paint(std::string& out, std::string_view colour, std::string_view text, bool on) {
    if (on) out += colour;
    append_terminal_escaped(out, text);
    if (on) out += plain;
  }
  void paint(std::string& out, std::string_view colour, std::string_view text) {
    paint(out, colour, text, style_.colour);
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
    out += ", " + std::to_string(static_cast<std::uint64_t>(rate)) + " messages/s, " +
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

  static void append_names(std::string& out, const ServeSummary& summary) {
    std::vector<std::pair<std::uint64_t, std::string_view>> rows;
    for (const auto& [name, count] : summary.by_name) rows.emplace_back(count, name);
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [count, name] : rows) {
      auto text = std::to_string(count);
      out += std::string(text.size() < 10 ? 10 - text.size() : 0, ' ') + text + "  ";
      append_terminal_escaped(out, name.empty() ? "(no name)" : name);
      out += '\n';
    }
  }

  TextStyle style_;
  BodyView bodies_;
  TimeText clock_;
};

}  // namespace

std::unique_ptr<Renderer> make_text_renderer(TextStyle style, const BodyView& bodies) {
  return std::make_unique<TextRenderer>(style, bodies);
}

}  // namespace tool
