// The conversation that sniff saw as a sequence diagram: a lifeline for each process, an arrow for
// each message, a mark where bytes were never captured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "output/events.h"

namespace tool {

/// A lifeline. All texts can be shown: nothing of a peer's is raw in them.
struct DiagramProcess {
  std::string pid;  // whole
  std::string id;   // this and the address are cut to what can be read
  std::string address;
};

/// One line of the diagram.
struct DiagramStep {
  enum class Kind { accepted, failed, unanswered, gap };

  Kind kind = Kind::accepted;
  WallTime time{};
  std::size_t from = 0;  // numbers of lifelines; of a gap the two that it lies between
  std::size_t to = 0;
  std::string label;  // can be shown
};

/// What a renderer draws: lifelines in the order in which they first say or hear something, steps
/// in the order of time.
struct DiagramPicture {
  std::vector<DiagramProcess> processes;
  std::vector<DiagramStep> steps;
  std::uint64_t not_drawn = 0;
};

/// A self-contained SVG document.
std::string as_svg(const DiagramPicture& picture);
/// Source of a Mermaid sequenceDiagram.
std::string as_mermaid(const DiagramPicture& picture);

/// Keeps what is to be drawn, up to a limit: what comes later is only counted.
class Diagram {
 public:
  static constexpr std::size_t most_steps = 2000;
  static constexpr std::size_t most_processes = 100;

  void add(const SeenMessageEvent& message);
  void add(const SeenHttpEvent& http);
  void add(const HttpStreamEvent& event);
  /// To a message, or a request, that was added without an answer. Of one that is not drawn it is
  /// passed over.
  void add(const SeenAnswerEvent& answer);
  void add(const GapEvent& gap);

  DiagramPicture picture() const;

 private:
  /// A message, or a gap.
  struct Kept {
    bool gap = false;
    WallTime time{};
    std::uint64_t connection = 0;
    std::uint64_t seq = 0;
    std::size_t from = 0;  // in processes_
    std::size_t to = 0;
    std::string text{};  // the name; of a gap, where it is
    std::uint64_t size = 0;
    std::optional<int> status{};
    bool partial = false;
    bool uncertain = false;
  };
  using Ends = std::pair<std::size_t, std::size_t>;

  bool has_room();
  std::optional<std::size_t> number_of(std::string_view pid);
  std::optional<std::size_t> number_of_server(std::string_view url, std::string_view address);
  std::optional<std::size_t> number_of_client(const HttpClient& client, std::string_view address);
  void keep(std::optional<std::size_t> from, std::optional<std::size_t> to, Kept kept);
  std::vector<Kept> in_time() const;
  std::vector<DiagramProcess> number_lifelines(std::vector<Kept>& sorted) const;
  static DiagramStep step_of(const Kept& message);
  static DiagramStep step_of(const Kept& gap, std::optional<Ends> known, std::size_t lifelines);

  std::vector<std::string> processes_;
  std::vector<Kept> kept_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t>
      unanswered_;  // connection and seq -> place in kept_
  std::uint64_t not_drawn_ = 0;
};

}  // namespace tool
