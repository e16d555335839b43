// Events -> lines. Two implementations, text and JSON; neither knows where the lines go.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "body/body.h"
#include "output/events.h"
#include "output/message_text.h"

namespace tool {

/// Appends whole lines to `out`. Not locked: the caller sees to it that one thread renders at a
/// time.
class Renderer {
 public:
  virtual ~Renderer() = default;

  // Results, for stdout.
  virtual void append(std::string& out, const ServingEvent& event) = 0;
  virtual void append(std::string& out, const MessageEvent& event) = 0;
  virtual void append(std::string& out, const DeliveryEvent& event) = 0;
  virtual void append(std::string& out, const ProbeEvent& event) = 0;
  virtual void append(std::string& out, const LinkedEvent& event) = 0;
  virtual void append(std::string& out, const ExitedEvent& event) = 0;
  virtual void append(std::string& out, const SeenMessageEvent& event) = 0;
  virtual void append(std::string& out, const SeenAnswerEvent& event) = 0;
  virtual void append(std::string& out, const GapEvent& event) = 0;
  virtual void append(std::string& out, const ConnectionEvent& event) = 0;
  virtual void append(std::string& out, const TlsEvent& event) = 0;
  virtual void append(std::string& out, const SeenHttpEvent& event) = 0;
  virtual void append(std::string& out, const HttpStreamEvent& event) = 0;
  virtual void append(std::string& out, const StatisticsRow& row) = 0;
  virtual void append(std::string& out, const CaptureFileEvent& event) = 0;
  virtual void append(std::string& out, const SniffSummary& summary) = 0;
  virtual void append(std::string& out, const MasterEvent& event) = 0;
  virtual void append(std::string& out, const AgentEvent& event) = 0;
  virtual void append(std::string& out, const ProcessEvent& event) = 0;
  virtual void append(std::string& out, const QueuedEvent& event) = 0;
  virtual void append(std::string& out, const EndpointEvent& event) = 0;
  virtual void append(std::string& out, const MetricEvent& event) = 0;
  virtual void append(std::string& out, const SectionEvent& event) = 0;
  virtual void append(std::string& out, const ServeSummary& summary) = 0;
  virtual void append(std::string& out, const SendSummary& summary) = 0;
  virtual void append(std::string& out, const PingSummary& summary) = 0;
  virtual void append(std::string& out, const LinkSummary& summary) = 0;
  virtual void append(std::string& out, const InspectSummary& summary) = 0;
  virtual void append(std::string& out, const compactor::trace::Step& step) = 0;
  virtual void append(std::string& out, const compactor::trace::Conversation& conversation) = 0;
  virtual void append(std::string& out, const compactor::trace::Finding& finding) = 0;
  virtual void append(std::string& out, const compactor::trace::Entity& entity) = 0;
  virtual void append(std::string& out, const ConversationsRow& row) = 0;
  virtual void append(std::string& out, const TraceSummary& summary) = 0;

  // Lines that are printed in another order than they are made in: what they begin with depends on
  // the line before, so it is left out then, and asked for when they are printed. Only text has
  // any.
  virtual void leave_openings_out() {}
  /// Of the line that was appended last.
  virtual NamesInLine last_names() const { return {}; }
  virtual void append_legend(std::string&, const NamesInLine&) {}
  virtual void append_opening(std::string&, WallTime) {}

  // Everything else, for stderr.
  virtual void append_error(std::string& out, const Failure& failure) = 0;
  virtual void append_warning(std::string& out, std::string_view text) = 0;
  virtual void append_note(std::string& out, std::string_view text) = 0;
};

struct TextStyle {
  LineStyle lines{};
  bool error_colour = false;  // stderr
  bool histogram = false;     // stdout is a terminal
};

std::unique_ptr<Renderer> make_text_renderer(TextStyle style, const BodyView& bodies);
std::unique_ptr<Renderer> make_json_renderer(const BodyView& bodies);

}  // namespace tool
