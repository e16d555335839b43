#include "output/story_lines.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "body/encoding.h"
#include "cli/values.h"
#include "output/colours.h"
#include "output/json_line.h"
#include "output/line_text.h"
#include "text/json_text.h"

namespace tool {

using compactor::text::append_json_string;
using compactor::trace::Conversation;
using compactor::trace::Entity;
using compactor::trace::Evidence;
using compactor::trace::Finding;
using compactor::trace::Keys;
using compactor::trace::Kind;
using compactor::trace::Outcome;
using compactor::trace::Reference;
using compactor::trace::Severity;
using compactor::trace::Step;

namespace {

using namespace colours;

void append_member(std::string& out, std::string_view key, std::string_view value) {
  if (out.back() != '{') out += ',';
  out.append("\"").append(key).append("\":");
  append_json_string(out, value);
}

void append_reference(std::string& out, const Reference& reference) {
  out += "{\"time\":\"";
  compactor::text::TimeText().append(out, reference.time);
  out += "\"";
  append_member(out, "name", reference.name);
  append_member(out, "from", reference.from);
  append_member(out, "to", reference.to);
  out += ",\"conn\":" + std::to_string(reference.conn);
  out += ",\"seq\":" + std::to_string(reference.seq) + '}';
}

void append_keys(JsonLine& line, const Keys& keys) {
  std::string& out = line.value("keys");
  out += '{';
  const std::pair<std::string_view, const std::string*> all[] = {
      {"task_id", &keys.task},         {"agent_id", &keys.agent}, {"framework_id", &keys.framework},
      {"executor_id", &keys.executor}, {"offer_id", &keys.offer}, {"uuid", &keys.uuid}};
  for (const auto& [name, value] : all)
    if (!value->empty()) append_member(out, name, *value);
  out += '}';
}

/// In columns, so that the eye can run down.
void append_padded(std::string& out, std::string_view text, std::size_t width) {
  const auto shown = terminal_escaped(text);
  out += shown;
  if (shown.size() < width) out.append(width - shown.size(), ' ');
}

}  // namespace

void append_json(std::string& out, const Step& step) {
  JsonLine line(out, "step");
  line.stamp(step.time);
  if (step.delta) line.micros("delta_us", *step.delta);
  line.text("from", step.from).text("to", step.to);
  line.text("from_role", step.from_role).text("to_role", step.to_role);
  line.text("name", step.name).text("says", step.says);
  line.number("conn", step.conn).number("seq", step.seq);
  if (step.status) {
    line.number("status", *step.status);
  } else {
    line.value("status") += "null";
  }
  if (step.partial) line.yes("partial");
  line.end();
}

void append_json(std::string& out, const Conversation& conversation) {
  JsonLine line(out, "conversation");
  line.text("kind", conversation.kind);
  append_reference(line.value("request"), conversation.request);
  if (conversation.answer) {
    append_reference(line.value("answer"), *conversation.answer);
  } else {
    line.value("answer") += "null";
  }
  if (const auto time = conversation.round_trip()) {
    line.micros("rtt_us", *time);
  } else {
    line.value("rtt_us") += "null";
  }
  line.text("outcome", to_string(conversation.outcome)).number("attempts", conversation.attempts);
  append_keys(line, conversation.keys);
  if (!conversation.legs.empty()) {
    std::string& legs = line.value("legs");
    legs += '[';
    for (const Reference& leg : conversation.legs) {
      if (legs.back() != '[') legs += ',';
      append_reference(legs, leg);
    }
    legs += ']';
  }
  line.end();
}

void append_json(std::string& out, const Finding& finding) {
  JsonLine line(out, "finding");
  line.text("severity", to_string(finding.severity)).text("code", finding.code);
  line.stamp(finding.time).text("message", finding.message).text("hint", finding.hint);
  append_keys(line, finding.keys);
  std::string& evidence = line.value("evidence");
  evidence += '[';
  for (const Evidence& each : finding.evidence) {
    if (evidence.back() != '[') evidence += ',';
    evidence +=
        "{\"conn\":" + std::to_string(each.conn) + ",\"seq\":" + std::to_string(each.seq) + '}';
  }
  evidence += ']';
  line.end();
}

void append_json(std::string& out, const Entity& entity) {
  JsonLine line(out, "entity");
  line.text("kind", to_string(entity.kind)).text("id", entity.id);
  line.text_if("framework_id", entity.framework).text_if("pid", entity.pid);
  line.text_if("name", entity.name).text_if("agent_id", entity.agent);
  line.text_if("version", entity.version).text_if("version_from", entity.version_from);
  line.text_if("state", entity.state).text_if("reason", entity.reason);
  line.time("first", entity.first).time("last", entity.last).number("messages", entity.messages);
  line.end();
}

void append_json(std::string& out, const TraceSummary& summary) {
  JsonLine line(out, "summary");
  line.number("packets", summary.packets).number("messages", summary.messages);
  line.number("conversations", summary.conversations).number("answered", summary.answered);
  line.number("unanswered", summary.unanswered);
  line.value("findings") += "{\"error\":" + std::to_string(summary.errors) +
                            ",\"warning\":" + std::to_string(summary.warnings) +
                            ",\"info\":" + std::to_string(summary.infos) + '}';
  line.number("undecodable", summary.undecodable);
  line.number("forgotten", summary.forgotten).number("gap_bytes", summary.gap_bytes);
  line.number("kernel_drops", summary.kernel_drops);
  line.number("tls", summary.tls).number("tls_bytes", summary.tls_bytes);
  line.end();
}

void StoryText::paint(std::string& out, std::string_view colour, std::string_view text) const {
  if (colour_) out += colour;
  append_terminal_escaped(out, text);
  if (colour_) out += plain;
}

void StoryText::append(std::string& out, const Step& step) {
  opening_.append(out, step.time);
  const std::size_t begin = out.size();
  append_terminal_escaped(out, step.from_role);
  out += " → ";
  append_terminal_escaped(out, step.to_role);
  out += "  ";
  std::string end = step.partial ? "  partial" : "";
  constexpr int redirection = 300;
  const bool refused = step.status.value_or(0) >= redirection;
  if (refused) end += "  " + std::to_string(*step.status);
  const std::size_t taken =
      opening_.width() + width_of(std::string_view(out).substr(begin)) + end.size();
  const auto says = terminal_escaped(with_short_ids(step.says));
  if (colour_) out += cyan;
  out += fitted(says, std::max(columns_, taken + 20) - taken);
  if (colour_) out += plain;
  if (colour_ && refused) out += red;
  out += end;
  if (colour_ && refused) out += plain;
  out += '\n';
}

void StoryText::append(std::string& out, const Finding& finding) {
  const auto colour = finding.severity == Severity::error     ? red
                      : finding.severity == Severity::warning ? yellow
                                                              : faint;
  opening_.append(out, finding.time);
  paint(out, colour, to_string(finding.severity));
  out += "  ";
  paint(out, bold, finding.code);
  constexpr std::size_t indent = 4;
  const std::size_t before = opening_.width() + 2 + 2;  // and what stands between
  out += ": ";
  append_wrapped(out, terminal_escaped(with_short_ids(finding.message)), columns_,
                 before + to_string(finding.severity).size() + finding.code.size(), indent);
  out.append("\n").append(indent, ' ');
  std::string hint(finding.hint);
  for (const Evidence& each : finding.evidence) {
    hint += hint.ends_with(finding.hint) ? " (connection " : ", connection ";
    hint += std::to_string(each.conn);
    if (each.seq != 0) hint += " message " + std::to_string(each.seq);
  }
  append_wrapped(out, hint + ")", columns_, indent, indent);
  out += '\n';
}

void StoryText::append(std::string& out, const Entity& entity) {
  out += "  ";
  append_padded(out, to_string(entity.kind), 10);
  paint(out, bold, entity.id);
  for (const auto& [word, value] :
       {std::pair<std::string_view, std::string_view>{"", entity.state},
        {"", entity.reason},
        {"", entity.name},
        {"at ", entity.kind == Kind::master ? std::string_view() : std::string_view(entity.pid)},
        {"on ", entity.agent},
        {"of ", entity.framework},
        {"Mesos ", entity.version}}) {
    if (value.empty()) continue;
    out.append("  ").append(word);
    append_terminal_escaped(out, with_short_ids(value));
  }
  if (!entity.version.empty()) {
    out += " by ";
    append_terminal_escaped(out, entity.version_from);
  }
  out += "  " + counted(entity.messages, "message") + '\n';
}

void StoryText::append(std::string& out, const ConversationsRow& row) {
  if (row.heading) out += "     asked answered    open  silent  refused   p50 ms    p99 ms  what\n";
  std::array<char, 128> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "  %8llu %8llu %7llu %7llu %8llu",
      static_cast<unsigned long long>(row.count), static_cast<unsigned long long>(row.answered),
      static_cast<unsigned long long>(row.open), static_cast<unsigned long long>(row.unanswered),
      static_cast<unsigned long long>(row.refused));
  out.append(text.data(), static_cast<std::size_t>(length));
  if (row.latency != nullptr && row.latency->count() > 0) {
    const int more =
        std::snprintf(text.data(), text.size(), " %8.3f  %8.3f  ",
                      row.latency->percentile_us(50) / 1e3, row.latency->percentile_us(99) / 1e3);
    out.append(text.data(), static_cast<std::size_t>(more));
  } else {
    out.append(21, ' ');
  }
  append_terminal_escaped(out, row.kind);
  if (row.resent != 0) out += " (" + std::to_string(row.resent) + " sent again)";
  out += '\n';
}

void StoryText::append(std::string& out, const TraceSummary& summary) {
  out += '\n' + counted(summary.messages, "message") + ", " +
         counted(summary.conversations, "conversation") + ": " + std::to_string(summary.answered) +
         " answered, " + std::to_string(summary.unanswered) +
         " never. Findings: " + std::to_string(summary.errors) + " error, " +
         std::to_string(summary.warnings) + " warning, " + std::to_string(summary.infos) +
         " info.\n";
  if (summary.undecodable != 0)
    out += counted(summary.undecodable, "message") + " whose body could not be read\n";
  if (summary.forgotten != 0)
    out += std::to_string(summary.forgotten) + " things forgotten for want of room\n";
}

}  // namespace tool
