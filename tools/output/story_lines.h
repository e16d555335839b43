// The lines of stories: steps, conversations, findings and who is there.
#pragma once

#include <string>

#include "output/events.h"
#include "output/message_text.h"

namespace tool {

// One JSON object each.
void append_json(std::string& out, const compactor::trace::Step& step);
void append_json(std::string& out, const compactor::trace::Conversation& conversation);
void append_json(std::string& out, const compactor::trace::Finding& finding);
void append_json(std::string& out, const compactor::trace::Entity& entity);
void append_json(std::string& out, const TraceSummary& summary);

/// The same for people.
class StoryText {
 public:
  explicit StoryText(const LineStyle& style)
      : colour_(style.colour),
        columns_(style.columns),
        opening_(style.time, style.dates, style.colour) {}

  void append(std::string& out, const compactor::trace::Step& step);
  void append(std::string& out, const compactor::trace::Finding& finding);
  void append(std::string& out, const compactor::trace::Entity& entity);
  void append(std::string& out, const ConversationsRow& row);
  void append(std::string& out, const TraceSummary& summary);

 private:
  void paint(std::string& out, std::string_view colour, std::string_view text) const;

  bool colour_;
  std::size_t columns_;
  LineOpening opening_;
};

}  // namespace tool
