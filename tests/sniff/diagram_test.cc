// The diagram of a conversation: what is kept of it, and both ways in which it is drawn.
#include "sniff/diagram.h"

#include <doctest/doctest.h>

namespace sniff_diagram_test {

using namespace std::chrono_literals;
using tool::Diagram;
using tool::DiagramPicture;
using tool::SeenMessageEvent;
using tool::WallTime;

namespace {

const std::string client = "client@10.0.0.1:4000";
const std::string server = "server@10.0.0.2:5050";

struct Said {
  std::string_view from = client;
  std::string_view to = server;
  std::string_view name = "ping";
  std::chrono::nanoseconds after{0};
  std::optional<int> status = 202;
  std::uint64_t connection = 1;
  std::uint64_t seq = 1;
  bool partial = false;
};

SeenMessageEvent event(const Said& said) {
  return {.time = WallTime(said.after),
          .from = said.from,
          .to = said.to,
          .name = said.name,
          .size = 5,
          .status = said.status,
          .connection = said.connection,
          .seq = said.seq,
          .partial = said.partial};
}

tool::GapEvent gap(std::uint64_t connection, std::chrono::nanoseconds after = 0s) {
  return {.time = WallTime(after),
          .connection = connection,
          .direction = "request",
          .source = "10.0.0.1:40123",
          .destination = "10.0.0.2:5050",
          .bytes = 1448};
}

DiagramPicture picture_of(const std::vector<Said>& conversation) {
  Diagram diagram;
  for (const auto& said : conversation) diagram.add(event(said));
  return diagram.picture();
}

std::vector<std::string> labels(const DiagramPicture& picture) {
  std::vector<std::string> all;
  for (const auto& step : picture.steps) all.push_back(step.label);
  return all;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("an answer belongs to what it answers, and to nothing else that is drawn") {
  Diagram diagram;
  for (std::size_t i = 0; i < Diagram::most_processes - 1; ++i)
    diagram.add(event({.from = server, .to = "p" + std::to_string(i) + "@10.0.0.3:1", .seq = i}));
  // Between two more processes than are drawn, and then between two that are.
  diagram.add(event({.from = "x@1.1.1.1:1", .to = "y@1.1.1.1:1", .status = {}, .seq = 500}));
  diagram.add(event({.from = server, .to = server, .name = "drawn", .status = {}, .seq = 501}));
  diagram.add(tool::SeenAnswerEvent{{}, 1, 500, 404, 1ms});
  CHECK(diagram.picture().not_drawn == 1);
  CHECK(diagram.picture().steps.back().label == "drawn · 5 B · no answer");
  diagram.add(tool::SeenAnswerEvent{{}, 1, 501, 202, 1ms});
  CHECK(diagram.picture().steps.back().label == "drawn · 5 B");

  Diagram again;  // numbers that come again, as where two recordings are one
  again.add(event({.name = "first", .status = {}}));
  again.add(event({.name = "second", .status = 202}));
  again.add(tool::SeenAnswerEvent{{}, 1, 1, 404, 1ms});
  CHECK(labels(again.picture()) == Labels{"first · 5 B · no answer", "second · 5 B"});
}

TEST_CASE("who calls itself by a name without end is not drawn, but counted") {
  const auto picture = picture_of(
      {{.from = std::string(1'000'000, 'x') + "@1.1.1.1:1"}, {.to = std::string(257, 'y')}, {}});
  CHECK(picture.steps.size() == 1);
  CHECK(picture.not_drawn == 2);
}

TEST_CASE("a diagram is in the order of time, not in that in which it was told") {
  const auto picture = picture_of({{.from = server, .to = client, .name = "pong", .after = 2ms},
                                   {.name = "ping", .after = 1ms}});
  CHECK(labels(picture) == Labels{"ping · 5 B", "pong · 5 B"});
  REQUIRE(picture.processes.size() == 2);
  CHECK(picture.processes[0].id == "client");
  CHECK(picture.processes[1].address == "10.0.0.2:5050");
  CHECK(picture.steps[1].from == 1);
  CHECK(picture.steps[1].to == 0);
}

TEST_CASE("what was told at the same time keeps its order") {
  std::vector<Said> same;
  for (const char* name : {"c", "a", "b"}) same.push_back({.name = name});
  CHECK(labels(picture_of(same)) == Labels{"c · 5 B", "a · 5 B", "b · 5 B"});
}

TEST_CASE("a step says what became of the message") {
  using Kind = tool::DiagramStep::Kind;
  const auto picture = picture_of({{.status = 202},
                                   {.status = 404},
                                   {.status = 503},
                                   {.status = std::nullopt},
                                   {.name = "", .partial = true}});
  CHECK(labels(picture) == Labels{"ping · 5 B", "ping · 5 B · 404", "ping · 5 B · 503",
                                  "ping · 5 B · no answer", "(no name) · 5 B · partial"});
  const std::vector<Kind> kinds{Kind::accepted, Kind::failed, Kind::failed, Kind::unanswered,
                                Kind::accepted};
  for (std::size_t i = 0; i < kinds.size(); ++i) CHECK(picture.steps[i].kind == kinds[i]);
}

TEST_CASE("an answer that comes later counts, once, and for its message only") {
  Diagram diagram;
  diagram.add(event({.name = "late", .status = std::nullopt, .connection = 3, .seq = 7}));
  diagram.add(event({.name = "lost", .status = std::nullopt, .connection = 3, .seq = 8}));
  diagram.add(tool::SeenAnswerEvent{.connection = 3, .seq = 7, .status = 404});
  diagram.add(tool::SeenAnswerEvent{.connection = 3, .seq = 7, .status = 202});
  diagram.add(tool::SeenAnswerEvent{.connection = 4, .seq = 8, .status = 202});
  CHECK(labels(diagram.picture()) == Labels{"late · 5 B · 404", "lost · 5 B · no answer"});
}

TEST_CASE("a gap lies between those who talk on its connection at that time") {
  Diagram diagram;
  diagram.add(event({.to = "far@10.0.0.3:1", .after = 1ms, .connection = 1}));
  diagram.add(gap(2, 2ms));
  diagram.add(event({.from = server, .to = client, .after = 3ms, .connection = 2}));
  diagram.add(event({.from = server, .to = server, .after = 4ms, .connection = 2}));
  diagram.add(gap(2, 5ms));
  diagram.add(gap(9, 6ms));
  const auto steps = diagram.picture().steps;
  REQUIRE(steps.size() == 6);
  CHECK(steps[1].label == "gap of 1448 bytes not captured");
  CHECK(steps[1].from == 0);
  CHECK(steps[1].to == 2);
  CHECK(steps[4].from == 2);
  CHECK(steps[4].to == 2);
  // Nothing was seen of that connection: it might concern all.
  CHECK(steps[5].label == "gap of 1448 bytes not captured, 10.0.0.1:40123 → 10.0.0.2:5050");
  CHECK(steps[5].from == 0);
  CHECK(steps[5].to == 2);
}

TEST_CASE("messages beyond the limit are counted, not drawn") {
  Diagram diagram;
  for (std::size_t i = 0; i < Diagram::most_steps; ++i) diagram.add(event({}));
  CHECK(diagram.picture().not_drawn == 0);
  diagram.add(event({.name = "too-late"}));
  diagram.add(event({.name = "too-late"}));
  diagram.add(gap(1));
  const auto picture = diagram.picture();
  CHECK(picture.steps.size() == Diagram::most_steps);
  CHECK(picture.not_drawn == 3);
  for (const auto& drawn : {tool::as_svg(picture), tool::as_mermaid(picture)}) {
    CHECK(has(drawn, "and 3 more not drawn"));
    CHECK(count(drawn, "ping · 5 B") == Diagram::most_steps);
    CHECK_FALSE(has(drawn, "too-late"));
  }
}

TEST_CASE("processes beyond the limit are not drawn, those known still are") {
  Diagram diagram;
  for (std::size_t i = 0; i + 1 < Diagram::most_processes; ++i) {
    const auto from = "p" + std::to_string(i) + "@10.0.0.1:4000";
    diagram.add(event({.from = from}));
  }
  diagram.add(event({.from = "one-more@10.0.0.1:4000"}));
  diagram.add(event({.name = "known"}));  // from another one, too
  diagram.add(event({.from = server, .to = "p0@10.0.0.1:4000", .name = "known"}));
  const auto picture = diagram.picture();
  CHECK(picture.processes.size() == Diagram::most_processes);
  CHECK(picture.not_drawn == 2);
  CHECK(picture.steps.back().label == "known · 5 B");
}

TEST_CASE("long texts are cut with … and the whole PID stays in the title") {
  const std::string id(100, 'i'), name(100, 'n'), pid = id + "@10.0.0.1:4000";
  const auto picture = picture_of({{.from = pid, .name = name}});
  CHECK(picture.processes[0].id == std::string(43, 'i') + "…");
  CHECK(picture.processes[0].pid == pid);
  CHECK(picture.steps[0].label == std::string(63, 'n') + "… · 5 B");
  CHECK(has(tool::as_svg(picture), "<title>" + pid + "</title>"));
  const std::string just(64, 'n');
  CHECK(picture_of({{.name = just}}).steps[0].label == just + " · 5 B");
  // Characters are cut, never their bytes.
  std::string wide;
  for (int i = 0; i < 70; ++i) wide += "é";
  CHECK(picture_of({{.name = wide}}).steps[0].label == wide.substr(0, 126) + "… · 5 B");
}

TEST_CASE("a sender that is none, and one without an address, have a lifeline") {
  const auto picture = picture_of({{.from = ""}, {.from = "garbage"}, {.from = "a@b@c:1"}});
  CHECK(picture.processes[0].id == "(no sender)");
  CHECK(picture.processes[2].id == "garbage");
  CHECK(picture.processes[2].address.empty());
  CHECK(picture.processes[3].id == "a@b");
  CHECK(has(tool::as_mermaid(picture), " as garbage\n"));
}

TEST_CASE("SVG: an arrow for each message, with its time; a dash where it failed") {
  const auto svg = tool::as_svg(picture_of({{.name = "fine", .after = 5s},
                                            {.name = "bad", .after = 5s + 1500us, .status = 404},
                                            {.name = "lost", .after = 6s, .status = {}}}));
  for (const char* part :
       {">fine · 5 B</text>", ">bad · 5 B · 404</text>", ">lost · 5 B · no answer</text>",
        ">+0.000000 s</text>", ">+0.001500 s</text>", ">+1.000000 s</text>",
        "stroke=\"#c62828\" stroke-dasharray=\"7 4\"",
        "stroke=\"#9a6700\" stroke-dasharray=\"3 4\"", ">client</text>", ">10.0.0.1:4000</text>"}) {
    CAPTURE(part);
    CHECK(has(svg, part));
  }
  CHECK(count(svg, "stroke=\"#0b5cad\"/>") == 1);
  CHECK(has(svg, "<rect x=\"0\" y=\"0\""));  // its own background
}

TEST_CASE("SVG: arrows point to the receiver, a message to oneself is a loop") {
  const auto there = tool::as_svg(picture_of({{.from = "a@h:1", .to = "b@h:1"}}));
  const auto back = tool::as_svg(
      picture_of({{.from = "a@h:1", .to = "b@h:1"}, {.from = "b@h:1", .to = "a@h:1"}}));
  CHECK(count(there, "l-8 -4v8z") == 1);
  CHECK(count(there, "l8 -4v8z") == 0);
  CHECK(count(back, "l8 -4v8z") == 1);
  const auto self = tool::as_svg(picture_of({{.from = "a@h:1", .to = "a@h:1"}}));
  CHECK(has(self, "h28v12H"));
  CHECK(count(self, "l8 -4v8z") == 1);
}

TEST_CASE("SVG: words have room, and a lifeline between does not cross them") {
  const std::string name(60, 'm');
  const auto wide = picture_of({{.from = "a@h:1", .to = "b@h:1", .name = name}});
  const auto svg = tool::as_svg(wide);
  const auto width = std::stoi(svg.substr(svg.find("width=\"") + 7));
  CHECK(width > 66 * 7);
  CHECK_FALSE(has(svg, "height=\"16\""));
  const auto far = tool::as_svg(picture_of({{.from = "a@h:1", .to = "b@h:1"},
                                            {.from = "b@h:1", .to = "c@h:1"},
                                            {.from = "c@h:1", .to = "a@h:1"}}));
  CHECK(count(far, "height=\"16\"") == 1);
}

TEST_CASE("SVG: a gap is marked with its bytes, also where there is nobody") {
  Diagram diagram;
  diagram.add(gap(1));
  const auto alone = tool::as_svg(diagram.picture());
  CHECK(has(alone, ">gap of 1448 bytes not captured, 10.0.0.1:40123 → 10.0.0.2:5050</text>"));
  CHECK(has(alone, "no message seen"));
  diagram.add(event({}));
  CHECK(has(tool::as_svg(diagram.picture()), ">gap of 1448 bytes not captured</text>"));
  CHECK(has(tool::as_svg(Diagram().picture()), "no message seen"));
}

TEST_CASE("SVG: nothing of a peer's is markup, or raw") {
  const std::string hostile = "<script>&\"';\n\x1b[31m\xff\x01\xc2\x9b\xef\xbf\xbe";
  const auto pid = hostile + "@" + hostile;
  const auto svg = tool::as_svg(picture_of({{.from = pid, .name = hostile}}));
  const std::string shown = "&lt;script&gt;&amp;&quot;';\\n\\x1b[31m\\xff\\x01\\x9b\xef\xbf\xbd";
  CHECK(has(svg, ">" + shown + " · 5 B</text>"));
  CHECK(has(svg, "<title>" + shown + "@" + shown + "</title>"));
  CHECK_FALSE(has(svg, "<script"));
  for (const char* raw : {"\x1b", "\xff", "\x01", "\xc2\x9b", "\xef\xbf\xbe"}) {
    CAPTURE(raw);
    CHECK_FALSE(has(svg, raw));
  }
}

TEST_CASE("Mermaid: participants, arrows, crosses and notes") {
  Diagram diagram;
  diagram.add(event({}));
  diagram.add(event({.from = server, .to = client, .name = "pong", .status = 404}));
  diagram.add(event({.name = "lost", .status = {}}));
  diagram.add(gap(1));
  diagram.add(event({.to = client, .name = "self", .connection = 2}));
  diagram.add(gap(2));
  CHECK(tool::as_mermaid(diagram.picture()) ==
        "sequenceDiagram\n"
        "    participant p1 as client<br/>10.0.0.1:4000\n"
        "    participant p2 as server<br/>10.0.0.2:5050\n"
        "    p1->>p2: ping · 5 B\n"
        "    p2-xp1: pong · 5 B · 404\n"
        "    p1--xp2: lost · 5 B · no answer\n"
        "    Note over p1,p2: gap of 1448 bytes not captured\n"
        "    p1->>p1: self · 5 B\n"
        "    Note over p1: gap of 1448 bytes not captured\n");
  CHECK(has(tool::as_mermaid(Diagram().picture()), "participant p1 as no message seen\n"));
}

TEST_CASE("Mermaid: nothing of a peer's is syntax") {
  const std::string hostile = "<b>&\"#;\nend %%{init}%% wrap:$\xff";
  const auto source =
      tool::as_mermaid(picture_of({{.from = hostile + "@host:5;0", .name = hostile}}));
  const std::string shown =
      "#60;b#62;#38;#34;#35;#59;#92;nend #37;#37;#123;init#125;#37;#37; wrap#58;#36;#92;xff";
  CHECK(source ==
        "sequenceDiagram\n"
        "    participant p1 as " +
            shown +
            "<br/>host#58;5#59;0\n"
            "    participant p2 as server<br/>10.0.0.2:5050\n"
            "    p1->>p2: " +
            shown + " · 5 B\n");
}

}  // namespace sniff_diagram_test
