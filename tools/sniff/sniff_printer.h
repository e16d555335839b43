// What the capture room tells -> what sniff prints.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "body/v1_body.h"
#include "capture/exchange.h"
#include "filter/filter_hint.h"
#include "filter/message_filter.h"
#include "output/console.h"
#include "sniff/diagram.h"
#include "sniff/held_lines.h"
#include "sniff/sniff_statistics.h"
#include "sniff/time_order.h"
#include "sniff/time_window.h"
#include "sniff/traffic.h"

namespace tool {

struct PrinterOptions {
  MessageFilter filter;
  TimeWindow window{};
  TypeCodec* types = nullptr;
  std::uint64_t limit = 0;  // end after so many; 0: never
  bool statistics = false;
  bool http = false;           // plain HTTP is shown, not only counted
  bool silent = false;         // nothing is printed: it is only counted, and drawn
  bool has_keys = false;       // that open TLS
  bool connections = false;    // show when one is opened, and how it ends
  bool in_time_order = false;  // else as it is told
  bool legend_first = false;   // of all names, before the first line
  Diagram* diagram = nullptr;  // gets what is printed
};

/// One thread at a time.
class SniffPrinter : public Traffic {
 public:
  /// `done` is called when the limit is reached; nothing is printed from then on.
  SniffPrinter(Console& console, PrinterOptions options, std::function<void()> done);

  std::uint64_t shown() const override { return shown_; }
  void begin(WallTime first) override { options_.window.begin(first); }
  std::optional<WallTime> end() const override { return options_.window.end(); }
  const SniffStatistics& statistics() const { return statistics_; }
  void release(WallTime before) override;
  void release_all() override;
  /// At the end: when nothing was shown, what would have been by a filter like the one given.
  /// `by_types`: what is known without anything having passed.
  void print_hints(const std::vector<std::string>& by_types) const;

  bool wants(std::string_view from, std::string_view id, const compactor::capture::Endpoint& to,
             std::string_view name) override;
  bool on_message(const compactor::capture::SeenMessage& message) override;
  void on_answer(const compactor::capture::SeenAnswer& answer) override;
  void on_gap(const compactor::capture::SeenGap& gap) override;
  bool on_http(const compactor::capture::SeenHttp& http) override;
  void on_record(const compactor::capture::SeenRecord& record) override;
  void on_connection(const compactor::capture::ConnectionReport& report) override;
  void on_tls_begin(const compactor::capture::ConnectionInfo& connection,
                    compactor::capture::Side sender) override;
  void on_tls(const compactor::capture::SeenTls& tls) override;

 private:
  /// The texts of a connection's ends, which are the same for each of its messages.
  struct Ends {
    std::uint64_t connection = 0;
    std::string source{};
    std::string destination{};
  };

  void next_message();
  const Ends& ends(const compactor::capture::Seen& seen);
  void count_shown();
  /// What --status, --slower, --name and --match say of one that `wants` has let pass.
  bool accepts(const compactor::capture::SeenMessage& message, const std::string& kind);
  bool accepts_one(const std::vector<std::optional<BodyDocument>>& bodies, bool watched);
  std::string kind_of(const compactor::capture::SeenMessage& message);
  /// `documents` makes those of the bodies, any of which may have the fields. `answer`: null for an
  /// event, which asks for none.
  bool accepts_http(const HttpSubject& subject, const compactor::capture::Seen* answer,
                    const std::function<std::vector<std::optional<BodyDocument>>()>& documents);

  /// What is known of the client of a connection: its calls and events say.
  struct Talk {
    std::uint64_t connection = 0;
    std::string framework_id{};
    std::string executor_id{};
  };
  Talk& talk(std::uint64_t connection, const ApiBody& body);
  static HttpClient client_of(const Talk& talk, const compactor::capture::HttpHeaders& headers,
                              std::string_view source, std::string_view stream_id);
  static HttpEnd end_of(const HttpClient& client, std::string_view source);
  static HttpEnd server_of(std::string_view url, std::string_view destination);
  void count(const SeenHttpEvent& event);
  void count(const HttpStreamEvent& event);
  template <class Event>
  bool show(const Event& event);

  /// `counts`: by it the run comes nearer to its limit.
  template <class Event>
  void print(const Event& event, bool counts) {
    if (!options_.in_time_order) {
      if (!options_.silent) console_.print(event);
      if (counts) count_shown();
      return;
    }
    const std::uint64_t tag = counts ? ++last_tag_ : 0;
    order_.add(event.time, tag, [&](std::string& out) {
      console_.render(out, event);
      return console_.last_names();
    });
  }
  /// For what the conversation consists of: it stands in the diagram too.
  template <class Event>
  void draw(const Event& event) {
    if (options_.diagram != nullptr) options_.diagram->add(event);
  }
  bool is_in_window(WallTime time);
  void note_wrong_sender(std::string_view from, std::string_view source);
  void count(Sample sample);
  void print_lines(std::string_view text, std::span<const TimeOrder::Line> lines);
  void count_line(std::uint64_t tag);

  Console& console_;
  PrinterOptions options_;
  FilterHints hints_;
  std::function<void()> done_;
  SniffStatistics statistics_;
  TimeOrder order_{[this](std::string_view text, std::span<const TimeOrder::Line> lines) {
    print_lines(text, lines);
  }};
  HeldLines lines_;                          // what order_ has released
  std::uint64_t last_tag_ = 0;               // of the lines in order_ that count
  std::map<std::uint64_t, Sample> samples_;  // of them
  std::uint64_t shown_ = 0;
  std::uint64_t too_long_ = 0;  // messages of which --match could not be told
  bool over_ = false;
  bool told_of_tls_ = false;
  bool told_of_sender_ = false;
  std::array<Ends, 64> ends_{};
  std::array<Talk, 1024> talks_{};
  std::string to_;
};

}  // namespace tool
