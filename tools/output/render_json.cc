#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "output/json_line.h"
#include "output/render.h"
#include "output/story_lines.h"
#include "text/json_text.h"

namespace tool {

namespace {

void append_latency(JsonLine& line, std::string_view key, const Latency* latency) {
  if (latency == nullptr || latency->count() == 0) return;
  auto micros = [](double value) { return std::chrono::nanoseconds(std::llround(value * 1000)); };
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

void append_status(JsonLine& line, std::optional<int> status,
                   std::optional<std::chrono::nanoseconds> latency) {
  if (status) {
    line.number("status", *status);
  } else {
    line.value("status") += "null";
  }
  if (latency) {
    line.micros("latency_us", *latency);
  } else {
    line.value("latency_us") += "null";
  }
}

double per_second(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

using Counts = std::map<std::string, std::uint64_t, std::less<>>;

void append_counts(JsonLine& line, std::string_view key, const Counts& counts) {
  auto& out = line.value(key);
  out += '{';
  bool first = true;
  for (const auto& [name, count] : counts) {
    if (!first) out += ',';
    first = false;
    out += '"';
    compactor::text::append_json_escaped(out, name);
    out += "\":" + std::to_string(count);
  }
  out += '}';
}

/// A time that a peer gave as seconds since the epoch; nothing for what no clock shows.
void append_unix_time(JsonLine& line, std::string_view key, double seconds) {
  if (!(seconds > 0 && seconds < 9e9)) return;
  auto micros = static_cast<std::int64_t>(seconds * 1e6);
  line.time(key, WallTime(std::chrono::microseconds(micros)));
}

void append_amounts(JsonLine& line, std::string_view key,
                    const std::map<std::string, double>& amounts) {
  auto& out = line.value(key);
  out += nlohmann::json(amounts).dump();
}

void append_client(JsonLine& line, const HttpClient& client) {
  line.text("client", client.name).text_if("framework_id", client.framework_id);
  line.text_if("stream_id", client.stream_id);
}

class JsonRenderer : public Renderer {
 public:
  explicit JsonRenderer(const BodyView& bodies) : bodies_(bodies) {}

  void append(std::string& out, const ServingEvent& event) override {
    JsonLine(out, "serving").text("pid", event.pid).end();
  }

  void append(std::string& out, const MessageEvent& event) override {
    JsonLine line(out, "message");
    line.stamp(event.time).text("from", event.from).text("to", event.to).text("name", event.name);
    line.number("size", event.body.size());
    if (event.number) line.number("n", *event.number);
    bodies_.append_json(out, event.name, event.body);
    bodies_.append_says_json(out, event.name, event.body);
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
    line.stamp(event.time).text("target", event.target).number("seq", event.seq);
    if (event.connect) line.micros("connect_us", *event.connect);
    if (event.tls) line.micros("tls_us", *event.tls);
    if (event.ack) line.micros("ack_us", *event.ack);
    if (event.reply) line.micros("reply_us", *event.reply);
    if (event.status != 0) line.number("status", event.status);
    line.text("outcome", event.outcome).text_if("reason", event.reason);
    if (event.late) line.yes("late");
    line.end();
  }

  void append(std::string& out, const LinkedEvent& event) override {
    JsonLine(out, "linked").stamp(event.time).text("pid", event.pid).end();
  }

  void append(std::string& out, const ExitedEvent& event) override {
    JsonLine line(out, "exited");
    line.stamp(event.time).text("pid", event.pid).text("reason", event.reason).end();
  }

  void append(std::string& out, const SeenMessageEvent& event) override {
    JsonLine line(out, "message");
    line.stamp(event.time).text("from", event.from).text("to", event.to).text("name", event.name);
    line.number("size", event.size);
    bodies_.append_json(out, event.name, event.body);
    bodies_.append_says_json(out, event.name, event.body, event.partial);
    line.text("src", event.source).text("dst", event.destination);
    append_status(line, event.status, event.latency);
    line.number("conn", event.connection).number("seq", event.seq);
    if (event.partial) line.yes("partial");
    if (event.uncertain) line.yes("uncertain");
    line.text_if("unanswered", event.unanswered);
    if (event.wrong_sender) line.yes("wrong_sender_address");
    line.text_if("trouble", event.trouble).end();
  }

  void append(std::string& out, const SeenAnswerEvent& event) override {
    JsonLine line(out, "answer");
    line.stamp(event.time).number("conn", event.connection).number("seq", event.seq);
    append_status(line, event.status, event.latency);
    line.end();
  }

  void append(std::string& out, const GapEvent& event) override {
    JsonLine line(out, "gap");
    line.stamp(event.time).number("conn", event.connection).text("direction", event.direction);
    line.number("bytes", event.bytes)
        .text("src", event.source)
        .text("dst", event.destination)
        .end();
  }

  void append(std::string& out, const ConnectionEvent& event) override {
    JsonLine line(out, "connection");
    line.stamp(event.time).number("conn", event.connection).text("state", event.state);
    line.text("src", event.source).text("dst", event.destination).text_if("by", event.by);
    if (event.duration) {
      line.micros("duration_us", *event.duration);
      line.number("messages", event.messages).number("bytes", event.bytes);
    }
    if (event.midstream) line.yes("midstream");
    line.text_if("from", event.from);
    if (event.wrong_sender) line.yes("wrong_sender_address");
    line.text_if("tls", event.tls).end();
  }

  void append(std::string& out, const TlsEvent& event) override {
    JsonLine line(out, "tls");
    line.stamp(event.time).number("conn", event.connection);
    line.text("src", event.source).text("dst", event.destination);
    line.text_if("version", event.version).text_if("server_name", event.server_name);
    line.text_if("cipher", event.cipher).number("bytes", event.bytes);
    if (event.opened) line.value("opened") += *event.opened ? "true" : "false";
    line.text_if("reason", event.reason).end();
  }

  void append(std::string& out, const SeenHttpEvent& event) override {
    JsonLine line(out, "http");
    line.stamp(event.time).text("src", event.source).text("dst", event.destination);
    line.text("method", event.method).text("url", event.url).text_if("call_type", event.call);
    append_client(line, event.client);
    append_status(line, event.status, event.latency);
    if (event.uncertain) line.yes("uncertain");
    line.text_if("unanswered", event.unanswered);
    line.text_if("request_type", event.request_type).number("request_size", event.request_size);
    if (!event.request_body.empty())
      bodies_.append_api_json(out, event.request_message, event.request_body, "request_body");
    if (event.request_cut) line.yes("request_body_cut");
    bodies_.append_api_says_json(out, event.request_message, event.request_body);
    if (event.response_size) {
      line.number("response_size", *event.response_size);
    } else {
      line.value("response_size") += "null";
    }
    line.text_if("response_type", event.response_type);
    if (!event.response_message.empty() && !event.response_body.empty()) {
      bodies_.append_api_json(out, event.response_message, event.response_body);
    } else if (!event.response_body.empty()) {
      bodies_.append_json(out, {}, event.response_body);
    }
    if (event.response_cut) line.yes("body_cut");
    line.number("conn", event.connection).number("seq", event.seq).end();
  }

  void append(std::string& out, const HttpStreamEvent& event) override {
    JsonLine line(out, "http_event");
    line.stamp(event.time).text("src", event.source).text("dst", event.destination);
    line.text("url", event.url).text_if("event_type", event.kind);
    append_client(line, event.client);
    line.text_if("content_type", event.content_type);
    line.number("size", event.body.size());
    bodies_.append_api_json(out, event.name, event.body);
    bodies_.append_api_says_json(out, event.name, event.body);
    line.number("conn", event.connection).number("seq", event.seq).number("event", event.number);
    if (event.partial) line.yes("partial");
    line.end();
  }

  void append(std::string& out, const StatisticsRow& row) override {
    JsonLine line(out, "statistics");
    line.text("by", row.table);
    if (row.table == "name") line.text("name", row.first);
    if (row.table == "pair") line.text("from", row.first).text("to", row.second);
    if (row.table == "endpoint") {
      line.text("endpoint", row.first).text_if(row.event ? "event_type" : "call_type", row.kind);
      line.text("client", row.second);
    }
    line.number("messages", row.messages).number("bytes", row.bytes);
    line.number("min_size", row.smallest).number("max_size", row.largest);
    line.real("messages_per_s", row.per_second);
    auto& outcomes = line.value("outcomes");
    outcomes += '{';
    for (const auto& [status, count] : *row.outcomes) {
      if (outcomes.back() != '{') outcomes += ',';
      outcomes += '"' + (status == 0 ? std::string("none") : std::to_string(status)) +
                  "\":" + std::to_string(count);
    }
    outcomes += '}';
    append_latency(line, "latency", row.latency);
    line.end();
  }

  static void append_other_packets(JsonLine& line, const SniffSummary& summary) {
    if (summary.other_packets.empty()) return;
    auto& kinds = line.value("other_packets");
    kinds += '{';
    for (const auto& [kind, count] : summary.other_packets) {
      if (kinds.back() != '{') kinds += ',';
      kinds += '"' + std::string(kind) + "\":" + std::to_string(count);
    }
    kinds += '}';
  }

  void append(std::string& out, const CaptureFileEvent& event) override {
    JsonLine line(out, "capture");
    line.text("file", event.file).number("packets", event.packets);
    if (event.first) line.time("first", *event.first);
    if (event.last) line.time("last", *event.last);
    if (event.clock_offset) line.number("clock_offset_us", event.clock_offset->count() / 1000);
    line.end();
  }

  void append(std::string& out, const SniffSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("packets", summary.packets).number("kernel_drops", summary.kernel_drops);
    line.number("connections", summary.connections).number("messages", summary.messages);
    line.number("http", summary.http)
        .number("gaps", summary.gaps)
        .number("gap_bytes", summary.gap_bytes);
    line.number("passed_over_bytes", summary.passed_over_bytes)
        .number("undecodable", summary.undecodable);
    line.number("evicted", summary.evicted).number("shown", summary.shown);
    line.number("unanswered", summary.unanswered).number("uncertain", summary.uncertain);
    line.number("stream_bytes", summary.stream_bytes);
    line.number("message_bytes", summary.message_bytes).number("http_bytes", summary.http_bytes);
    line.number("midstream", summary.midstream).number("retransmitted", summary.retransmitted);
    line.number("out_of_order", summary.out_of_order)
        .number("out_of_window", summary.out_of_window);
    line.number("overlapping", summary.overlapping).number("resets", summary.resets);
    line.number("reused", summary.reused)
        .number("cut", summary.cut)
        .number("fragments", summary.fragments);
    line.number("malformed", summary.malformed).number("not_tcp", summary.not_tcp);
    append_other_packets(line, summary);
    line.number("abandoned", summary.abandoned).number("refused", summary.refused);
    line.number("duplicate_packets", summary.duplicate_packets);
    line.number("tls", summary.tls).number("tls_bytes", summary.tls_bytes);
    if (summary.truncated) line.yes("truncated");
    line.end();
  }

  void append(std::string& out, const MasterEvent& event) override {
    const auto& state = *event.state;
    JsonLine line(out, "master");
    line.stamp(event.time).text("pid", state.pid).text("version", state.version);
    line.text("leader", state.leader)
        .text_if("cluster", state.cluster)
        .text("hostname", state.hostname);
    append_unix_time(line, "started", state.start_time);
    append_unix_time(line, "elected", state.elected_time);
    line.number("agents_active", state.agents_active)
        .number("agents_inactive", state.agents_inactive);
    line.number("agents_unreachable", state.agents_unreachable)
        .number("frameworks", state.frameworks);
    line.number("frameworks_completed", state.frameworks_completed).number("tasks", state.tasks);
    append_amounts(line, "resources", state.resources);
    append_amounts(line, "used_resources", state.used_resources);
    line.end();
  }

  void append(std::string& out, const AgentEvent& event) override {
    const auto& state = *event.state;
    JsonLine line(out, "agent");
    line.stamp(event.time).text("pid", state.pid).text("id", state.id);
    line.text("version", state.version).text("hostname", state.hostname);
    line.text("master", state.master);
    append_unix_time(line, "started", state.start_time);
    line.number("frameworks", state.frameworks);
    line.number("frameworks_completed", state.frameworks_completed);
    line.number("executors", state.executors).number("tasks", state.tasks);
    append_amounts(line, "resources", state.resources);
    append_amounts(line, "used_resources", state.used_resources);
    line.end();
  }

  void append(std::string& out, const ProcessEvent& event) override {
    JsonLine(out, "process")
        .stamp(event.time)
        .text("id", event.id)
        .number("queued", event.queued)
        .end();
  }

  void append(std::string& out, const QueuedEvent& event) override {
    const auto& queued = *event.event;
    JsonLine line(out, "queued");
    line.stamp(event.time).text("process", event.process).number("position", event.position);
    line.text("event", queued.kind).text_if("from", queued.from).text_if("to", queued.to);
    if (queued.is_message()) {
      line.text("name", queued.name).number("size", queued.body.size());
      bodies_.append_json(out, queued.name, queued.body);
    } else {
      line.text_if("name", queued.name);
    }
    line.end();
  }

  void append(std::string& out, const EndpointEvent& event) override {
    JsonLine line(out, "endpoint");
    line.stamp(event.time)
        .text("process", event.endpoint->process)
        .text("path", event.endpoint->path);
    line.text_if("summary", event.endpoint->summary).end();
  }

  void append(std::string& out, const MetricEvent& event) override {
    JsonLine line(out, "metric");
    line.stamp(event.time).text("name", event.metric->name);
    line.value("value") += nlohmann::json(event.metric->value).dump();
    line.end();
  }

  void append(std::string&, const SectionEvent&) override {}

  void append(std::string& out, const InspectSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("rounds", summary.rounds)
        .number("processes", summary.processes)
        .number("queued", summary.queued);
    append_counts(line, "by_name", summary.by_name);
    line.end();
  }

  void append(std::string& out, const ServeSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("messages", summary.messages).number("bytes", summary.bytes);
    append_counts(line, "by_name", summary.by_name);
    line.number("rejected", summary.rejected).number("no_such_process", summary.no_such_process);
    line.number("replies_failed", summary.replies_failed);
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
    line.text("target", summary.target).text("mode", summary.mode);
    line.number("sent", summary.sent).number("answered", summary.answered);
    line.real("loss_pct", summary.loss_pct).real("duration_s", summary.duration_s);
    append_latency(line, "connect", summary.connect);
    append_latency(line, "tls", summary.tls);
    append_latency(line, "ack", summary.ack);
    append_latency(line, "reply", summary.reply);
    line.end();
  }

  void append(std::string& out, const LinkSummary& summary) override {
    JsonLine line(out, "summary");
    line.number("linked", summary.linked).number("exited", summary.exited);
    line.number("gone", summary.gone).number("reconnects", summary.reconnects).end();
  }

  void append(std::string& out, const compactor::trace::Step& event) override {
    append_json(out, event);
  }
  void append(std::string& out, const compactor::trace::Conversation& event) override {
    append_json(out, event);
  }
  void append(std::string& out, const compactor::trace::Finding& event) override {
    append_json(out, event);
  }
  void append(std::string& out, const compactor::trace::Entity& event) override {
    append_json(out, event);
  }
  void append(std::string&, const ConversationsRow&) override {}
  void append(std::string& out, const TraceSummary& event) override { append_json(out, event); }

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
