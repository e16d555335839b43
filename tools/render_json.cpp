#include "encoding.h"
#include "json_line.h"
#include "render.h"

namespace tool {

namespace {

void append_latency(JsonLine& line, std::string_view key, const Latency* latency) {
  if (latency == nullptr || latency->count() == 0) return;
  auto micros = [](double value) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1000 + 0.5));
  };
  // An object inside the line has no type, so its first key is written here.
  auto& out = line.value(key);
  out += "{\"samples\":" + std::to_string(latency->count());
  line.micros("min_us", micros(latency->min_us()))
      .micros("avg_us", micros(latency->avg_us()))
      .micros("max_us", micros(latency->max_us()))
      .micros("p50_us", micros(latency->percentile_us(50)))
      .micros("p90_us", micros(latency->percentile_us(90)))
      .micros("p99_us", micros(latency->percentile_us(99)));
  out += '}';
}

double per_second(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

class JsonRenderer : public Renderer {
 public:
  explicit JsonRenderer(const BodyView& bodies) : bodies_(bodies) {}

  void append(std::string& out, const ServingEvent& event) override {
    JsonLine(out, "serving").text("pid", event.pid).end();
  }

  void append(std::string& out, const MessageEvent& event) override {
    JsonLine line(out, "message");
    line.time("time", event.time)
        .text("from", event.from)
        .text("to", event.to)
        .text("name", event.name);
    line.number("size", event.body.size());
    if (event.number) line.number("n", *event.number);
    bodies_.append_json(out, event.name, event.body);
    line.end();
  }

  void append(std::string& out, const DeliveryEvent& event) override {
    JsonLine line(out, "delivery");
    line.text("to", event.to).text("name", event.name).number("size", event.size);
    if (event.status != 0) {
      line.number("status", event.status);
    } else {
      line.value("status") += "null";
    }
    line.text("outcome", event.outcome);
    if (event.ack.count() != 0) line.micros("ack_us", event.ack);
    line.text_if("reason", event.reason);
    if (event.line) line.number("line", *event.line);
    line.end();
  }

  void append(std::string& out, const ProbeEvent& event) override {
    JsonLine line(out, "probe");
    line.number("seq", event.seq);
    if (event.connect) line.micros("connect_us", *event.connect);
    if (event.ack) line.micros("ack_us", *event.ack);
    if (event.reply) line.micros("reply_us", *event.reply);
    if (event.status != 0) line.number("status", event.status);
    line.text("outcome", event.outcome).text_if("reason", event.reason);
    if (event.late) line.yes("late");
    line.end();
  }

  void append(std::string& out, const LinkedEvent& event) override {
    JsonLine(out, "linked").text("pid", event.pid).end();
  }

  void append(std::string& out, const ExitedEvent& event) override {
    JsonLine(out, "exited").text("pid", event.pid).text("reason", event.reason).end();
  }

  void append(std::string& out, const ServeSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("messages", summary.messages).number("bytes", summary.bytes);
    auto& names = line.value("by_name");
    names += '{';
    bool first = true;
    for (const auto& [name, count] : summary.by_name) {
      if (!first) names += ',';
      first = false;
      names += '"';
      append_json_escaped(names, name);
      names += "\":" + std::to_string(count);
    }
    names += '}';
    line.number("rejected", summary.rejected).number("replies_failed", summary.replies_failed);
    line.real("duration_s", summary.duration_s).end();
  }

  void append(std::string& out, const SendSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("sent", summary.sent)
        .number("accepted", summary.accepted)
        .number("failed", summary.failed);
    line.number("not_sent", summary.not_sent).number("ignored", summary.ignored);
    line.number("skipped", summary.skipped).number("bytes", summary.bytes);
    line.real("duration_s", summary.duration_s);
    auto accepted = static_cast<double>(summary.accepted);
    auto bytes = static_cast<double>(summary.bytes);
    line.real("messages_per_s", per_second(accepted, summary.duration_s));
    line.real("mb_per_s", per_second(bytes / 1e6, summary.duration_s));
    append_latency(line, "ack", summary.ack);
    line.end();
  }

  void append(std::string& out, const PingSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("sent", summary.sent).number("answered", summary.answered);
    line.real("loss_pct", summary.loss_pct).real("duration_s", summary.duration_s);
    append_latency(line, "connect", summary.connect);
    append_latency(line, "ack", summary.ack);
    append_latency(line, "reply", summary.reply);
    line.end();
  }

  void append(std::string& out, const LinkSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("linked", summary.linked).number("exited", summary.exited);
    line.number("gone", summary.gone).number("reconnects", summary.reconnects).end();
  }

  void append_error(std::string& out, const Failure& failure) override {
    JsonLine line(out, "error");
    line.text("kind", failure.kind()).text("message", failure.what()).text("hint", failure.hint());
    line.number("exit", static_cast<int>(failure.exit())).end();
  }

  void append_warning(std::string& out, std::string_view text) override {
    JsonLine(out, "warning").text("message", text).end();
  }

  void append_note(std::string& out, std::string_view text) override {
    JsonLine(out, "note").text("message", text).end();
  }

 private:
  BodyView bodies_;
};

}  // namespace

std::unique_ptr<Renderer> make_json_renderer(const BodyView& bodies) {
  return std::make_unique<JsonRenderer>(bodies);
}

}  // namespace tool
