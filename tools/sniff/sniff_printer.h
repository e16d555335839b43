// What the capture room tells -> what sniff prints.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "capture/exchange.h"
#include "output/console.h"
#include "output/latency.h"
#include "sniff/diagram.h"
#include "sniff/filter_hint.h"
#include "sniff/sniff_filter.h"
#include "sniff/time_order.h"
#include "sniff/time_window.h"
#include "sniff/traffic.h"

namespace tool {

/// Counts for --stats: of all, by name, by pair. What is beyond the first thousand names or pairs
/// is counted as "(others)".
class SniffStatistics {
 public:
  void add(std::string_view from, std::string_view to, std::string_view name, std::size_t size,
           std::optional<int> status, std::optional<std::chrono::nanoseconds> latency,
           WallTime time);
  void print(Console& console) const;

 private:
  struct Row {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t smallest = 0;
    std::uint64_t largest = 0;
    std::map<int, std::uint64_t> outcomes{};
    std::unique_ptr<Latency> latency = std::make_unique<Latency>();

    void add(std::size_t size, std::optional<int> status,
             std::optional<std::chrono::nanoseconds> after);
  };
  using Key = std::pair<std::string, std::string>;
  using Rows = std::map<Key, Row>;

  static Row& row(Rows& rows, std::string_view first, std::string_view second);
  void print(Console& console, std::string_view table, const Rows& rows) const;

  Rows all_;
  Rows by_name_;
  Rows by_pair_;
  WallTime first_{};
  WallTime last_{};
};

struct PrinterOptions {
  MessageFilter filter;
  TimeWindow window{};
  TypeCodec* types = nullptr;
  std::uint64_t limit = 0;  // end after so many; 0: never
  bool statistics = false;
  bool silent = false;         // nothing is printed: it is only counted, and drawn
  bool connections = false;    // show when one is opened, and how it ends
  bool in_time_order = false;  // else as it is told
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
  void print_hints() const;

  bool wants(std::string_view from, std::string_view id, const compactor::capture::Endpoint& to,
             std::string_view name) override;
  bool on_message(const compactor::capture::SeenMessage& message) override;
  void on_answer(const compactor::capture::SeenAnswer& answer) override;
  void on_gap(const compactor::capture::SeenGap& gap) override;
  bool on_http(const compactor::capture::SeenHttp& http) override;
  void on_record(const compactor::capture::SeenRecord& record) override;
  void on_connection(const compactor::capture::ConnectionReport& report) override;
  void on_tls(const compactor::capture::ConnectionInfo& connection,
              compactor::capture::Side sender) override;

 private:
  /// The texts of a connection's ends, which are the same for each of its messages.
  struct Ends {
    std::uint64_t connection = 0;
    std::string source{};
    std::string destination{};
  };

  const Ends& ends(const compactor::capture::Seen& seen);
  void count_shown();
  bool accepts_body(const compactor::capture::SeenMessage& message);
  /// Any of the bodies may have the fields.
  bool accepts_http(const HttpSubject& subject, std::initializer_list<std::string_view> bodies);

  /// A message, for --stats.
  struct Sample {
    std::string from;
    std::string to;
    std::string name;
    std::size_t size = 0;
    std::optional<int> status;
    std::optional<std::chrono::nanoseconds> latency;
    WallTime time{};
  };

  /// `counts`: by it the run comes nearer to its limit.
  template <class Event>
  void print(const Event& event, bool counts) {
    if (!options_.in_time_order) {
      if (!options_.silent) console_.print(event);
      if (counts) count_shown();
      return;
    }
    const std::uint64_t tag = counts ? ++last_tag_ : 0;
    order_.add(event.time, tag, [&](std::string& out) { console_.render(out, event); });
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
  std::uint64_t last_tag_ = 0;               // of the lines in order_ that count
  std::map<std::uint64_t, Sample> samples_;  // of those of them that are messages
  std::uint64_t shown_ = 0;
  bool over_ = false;
  bool told_of_tls_ = false;
  bool told_of_sender_ = false;
  std::array<Ends, 64> ends_{};
  std::string to_;
};

}  // namespace tool
