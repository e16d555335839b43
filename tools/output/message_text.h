// Messages, plain HTTP and connections as lines for people: one for each, which fits the terminal
// and says by itself what happened.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "body/body.h"
#include "output/events.h"
#include "output/line_opening.h"
#include "output/line_text.h"
#include "output/short_names.h"

namespace tool {

/// How messages are shown to people.
struct LineStyle {
  bool colour = false;
  std::size_t columns = columns_elsewhere;
  TimeStyle time = TimeStyle::absolute;
  bool dates = false;  // a line where another day begins, as long runs want it
  Naming naming = Naming::none;
  bool whole = false;  // nothing is cut or made shorter, URLs of calls and events are there too
};

/// One thread at a time.
class MessageText {
 public:
  MessageText(const LineStyle& style, const BodyView& bodies);

  void append(std::string& out, const MessageEvent& event);
  void append(std::string& out, const SeenMessageEvent& event);
  void append(std::string& out, const SeenAnswerEvent& event);
  void append(std::string& out, const GapEvent& event);
  void append(std::string& out, const ConnectionEvent& event);
  void append(std::string& out, const TlsEvent& event);
  void append(std::string& out, const SeenHttpEvent& event);
  void append(std::string& out, const HttpStreamEvent& event);

  /// From now on lines are made in another order than they are printed in: the legend and the
  /// opening, which depend on that order, are left out, and asked for when the line is printed.
  void leave_openings_out() { leaves_out_ = true; }
  /// Of the line that was appended last.
  NamesInLine last_names() const { return names_in_line_; }
  void append_legend(std::string& out, const NamesInLine& names);
  void append_opening(std::string& out, WallTime time) { opening_.append(out, time); }

  ShortNames& names() { return names_; }

 private:
  /// What stands behind the phrase.
  struct Tail {
    std::string marks{};    // as a BodyView has them; cut before the phrase is left too little
    std::string text{};     // the rest, of which nothing is cut
    std::size_t width = 0;  // of that
  };

  void begin(std::string& out, WallTime time, const NamesInLine& names);
  void begin_between(std::string& out, WallTime time, std::string_view from, std::string_view to);
  /// A short name, or the PID.
  std::string shown(std::uint32_t number, std::string_view pid) const;
  std::string shown_client(const HttpClient& client, std::string_view address) const;
  void append_api_body(std::string& out, std::string_view type, std::string_view bytes,
                       bool cut) const;
  std::string shown_server(std::string_view url, std::string_view address);
  std::string shortened(const std::string& says) const;
  /// The phrase as far as it fits between what the line has and the tail.
  void finish(std::string& out, std::string_view says, const Tail& tail);
  void add(Tail& tail, std::string_view colour, std::string_view text) const;
  void add_answer(Tail& tail, std::string_view kind, std::optional<int> status,
                  std::optional<std::chrono::nanoseconds> latency, bool uncertain,
                  std::string_view unanswered);
  bool is_slow(std::string_view kind, std::chrono::nanoseconds latency);
  void paint(std::string& out, std::string_view colour, std::string_view text) const;

  struct Usual {
    std::uint64_t count = 0;
    double mean_us = 0;
  };

  LineStyle style_;
  BodyView bodies_;
  LineOpening opening_;
  ShortNames names_;
  NamesInLine names_in_line_{};
  std::size_t begin_ = 0;  // of the line
  bool leaves_out_ = false;
  std::unordered_map<std::string, Usual> usual_;  // latencies, by the name of the message
};

}  // namespace tool
