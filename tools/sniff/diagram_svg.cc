#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "body/encoding.h"
#include "sniff/diagram.h"
#include "text/utf8.h"

namespace tool {

using compactor::text::utf8_length;

namespace {

// Pixels.
constexpr int margin = 16;
constexpr int behind_times = 20;  // which stand at the left
constexpr int head_height = 42;
constexpr int head_padding = 12;
constexpr int between_heads = 28;
constexpr int row_height = 36;
constexpr int arrow_at = 28;      // in its row
constexpr int beside_label = 16;  // room for the arrow's head
constexpr int loop_width = 28;    // of a message to oneself
constexpr int loop_height = 12;
constexpr int least_width = 320;
constexpr int tip = 8;  // length of an arrow's head

constexpr std::string_view paper = "#ffffff";
constexpr std::string_view ink = "#1f2328";
constexpr std::string_view faint = "#59636e";
constexpr std::string_view gap_ink = "#7d4e00";

/// In a monospaced font of 12 pixels. What takes three bytes may be a wide character.
int text_width(std::string_view text) {
  int columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    auto length = utf8_length(text.substr(at));
    columns += length > 2 ? 2 : 1;
    at += length;
  }
  return columns * 29 / 4 + 1;
}

/// Text that can be shown, as XML text or attribute.
std::string xml_escaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    // The two characters of UTF-8 that can be shown, and are none of XML.
    auto three = text.substr(at, 3);
    if (three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf") {
      out += "\xef\xbf\xbd";
      at += 2;
      continue;
    }
    switch (text[at]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += text[at];
    }
  }
  return out;
}

using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

std::string element(std::string_view name, Attributes attributes, std::string_view content = {}) {
  std::string out = '<' + std::string(name);
  for (const auto& [key, value] : attributes) {
    if (!value.empty()) out += ' ' + std::string(key) + "=\"" + value + '"';
  }
  if (content.empty()) return out + "/>\n";
  return out + '>' + std::string(content) + "</" + std::string(name) + ">\n";
}

std::string px(int value) {
  return std::to_string(value);
}

std::string text(int x, int y, std::string_view colour, std::string_view anchor,
                 std::string_view what, const char* size = "", const char* weight = "") {
  return element("text",
                 {{"x", px(x)},
                  {"y", px(y)},
                  {"fill", std::string(colour)},
                  {"text-anchor", std::string(anchor)},
                  {"font-size", size},
                  {"font-weight", weight}},
                 xml_escaped(what));
}

std::string box(int x, int y, int width, int height, std::string_view fill,
                std::string_view stroke = {}, const char* dash = "") {
  return element("rect", {{"x", px(x)},
                          {"y", px(y)},
                          {"width", px(width)},
                          {"height", px(height)},
                          {"rx", stroke.empty() ? "" : "4"},
                          {"fill", std::string(fill)},
                          {"stroke", std::string(stroke)},
                          {"stroke-dasharray", dash}});
}

struct Pen {
  std::string_view colour;
  const char* dash;
};

Pen pen_of(DiagramStep::Kind kind) {
  switch (kind) {
    case DiagramStep::Kind::failed:
      return {"#c62828", "7 4"};
    case DiagramStep::Kind::unanswered:
      return {"#9a6700", "3 4"};
    default:
      return {"#0b5cad", ""};
  }
}

std::string place(int x, int y) {
  return 'M' + px(x) + ' ' + px(y);
}

/// `way`: the rest of an SVG path that begins there.
std::string line(int x, int y, const std::string& way, Pen pen) {
  return element("path", {{"d", place(x, y) + way},
                          {"stroke", std::string(pen.colour)},
                          {"stroke-dasharray", pen.dash}});
}

/// Its point is there, and `back` from it its broad end.
std::string arrow_head(int x, int y, int back, Pen pen) {
  return element(
      "path", {{"d", place(x, y) + 'l' + px(back) + " -4v8z"}, {"fill", std::string(pen.colour)}});
}

/// Lays the lifelines out, then draws from top to bottom.
class SvgSheet {
 public:
  explicit SvgSheet(const DiagramPicture& picture) : picture_(picture) { lay_out(); }

  std::string draw() const;

 private:
  std::string offset_of(const DiagramStep& step) const;
  int head_width(std::size_t process) const;
  void lay_out();
  void make_room();
  void widen(std::size_t from, std::size_t to, int needed);

  std::string draw_heads(int y) const;
  std::string draw_lifelines(int bottom) const;
  std::string draw_steps(int& y) const;
  std::string draw_step(const DiagramStep& step, int y) const;
  std::string draw_arrow(const DiagramStep& step, int y) const;
  std::string draw_loop(const DiagramStep& step, int y) const;
  std::string draw_gap(const DiagramStep& step, int y) const;

  const DiagramPicture& picture_;
  std::vector<int> x_;  // of the lifelines
  int left_ = margin;   // where the times end
  int width_ = 0;
  WallTime first_{};  // message
};

std::string SvgSheet::offset_of(const DiagramStep& step) const {
  auto after = std::chrono::duration<double>(step.time - first_).count();
  std::array<char, 32> text{};
  auto length = std::snprintf(text.data(), text.size(), "+%.6f s", after);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

int SvgSheet::head_width(std::size_t process) const {
  const auto& head = picture_.processes[process];
  return std::max(text_width(head.id), text_width(head.address)) + 2 * head_padding;
}

void SvgSheet::lay_out() {
  auto is_message = [](const DiagramStep& step) { return step.kind != DiagramStep::Kind::gap; };
  auto first = std::find_if(picture_.steps.begin(), picture_.steps.end(), is_message);
  if (first != picture_.steps.end()) {
    first_ = first->time;
    left_ += text_width(offset_of(picture_.steps.back())) + behind_times;
  }
  int x = left_;
  for (std::size_t i = 0; i < picture_.processes.size(); ++i) {
    int half = head_width(i) / 2;
    x_.push_back(x + half);
    x += 2 * half + between_heads;
  }
  width_ = std::max(x - between_heads + margin, least_width);
  make_room();
}

/// Columns become as wide as what stands between them, the near ones first: what spans several may
/// have room enough by then.
void SvgSheet::make_room() {
  std::map<std::pair<std::size_t, std::size_t>, int> needed;  // by distance and left lifeline
  for (const auto& step : picture_.steps) {
    auto [left, right] = std::minmax(step.from, step.to);
    int width = text_width(step.label) + 2 * beside_label;
    if (left == right) width += loop_width;
    auto& most = needed[{std::max<std::size_t>(right - left, 1), left}];
    most = std::max(most, width);
  }
  for (const auto& [place, width] : needed) widen(place.second, place.second + place.first, width);
}

void SvgSheet::widen(std::size_t from, std::size_t to, int needed) {
  if (to >= x_.size()) {  // behind the last one, or there are none
    int left = x_.empty() ? left_ : x_[from];
    width_ = std::max(width_, left + needed + margin);
    return;
  }
  int missing = needed - (x_[to] - x_[from]);
  if (missing <= 0) return;
  auto columns = static_cast<int>(to - from);
  int each = (missing + columns - 1) / columns;
  for (auto i = from + 1; i < x_.size(); ++i)
    x_[i] += each * std::min(static_cast<int>(i - from), columns);
  width_ += each * columns;
}

std::string SvgSheet::draw_heads(int y) const {
  std::string out;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    const auto& process = picture_.processes[i];
    int width = head_width(i);
    out += "<g>" + element("title", {}, xml_escaped(process.pid));
    out += box(x_[i] - width / 2, y, width, head_height, "#eef3f8", "#8aa2b8");
    out += text(x_[i], y + 18, ink, "middle", process.id, "", "bold");
    out += text(x_[i], y + 34, faint, "middle", process.address) + "</g>\n";
  }
  return out;
}

std::string SvgSheet::draw_arrow(const DiagramStep& step, int y) const {
  const auto pen = pen_of(step.kind);
  int from = x_[step.from];
  int to = x_[step.to];
  int middle = (from + to) / 2;
  int back = from < to ? -tip : tip;
  std::string out;
  auto [left, right] = std::minmax(step.from, step.to);
  if (right - left > 1) {  // the lifelines between do not cross the words
    int width = text_width(step.label);
    out += box(middle - width / 2, y - 19, width, 16, paper);
  }
  out += text(middle, y - 7, pen.colour, "middle", step.label);
  return out + line(from, y, 'H' + px(to + back), pen) + arrow_head(to, y, back, pen);
}

std::string SvgSheet::draw_loop(const DiagramStep& step, int y) const {
  const auto pen = pen_of(step.kind);
  int x = x_[step.from];
  auto way = 'h' + px(loop_width) + 'v' + px(loop_height) + 'H' + px(x + tip);
  return text(x + loop_width + 8, y - 2, pen.colour, "start", step.label) +
         line(x, y - loop_height, way, pen) + arrow_head(x, y, tip, pen);
}

std::string SvgSheet::draw_gap(const DiagramStep& step, int y) const {
  int left = left_;
  int right = width_ - margin;
  if (step.from != step.to) {
    left = x_[step.from];
    right = x_[step.to];
  }
  return box(left, y - 20, right - left, 22, "#fff8c5", "#bf8700", "4 3") +
         text((left + right) / 2, y - 5, gap_ink, "middle", step.label);
}

std::string SvgSheet::draw_step(const DiagramStep& step, int y) const {
  if (step.kind == DiagramStep::Kind::gap) return draw_gap(step, y);
  return text(left_ - behind_times, y + 4, faint, "end", offset_of(step), "11") +
         (step.from == step.to ? draw_loop(step, y) : draw_arrow(step, y));
}

std::string SvgSheet::draw_lifelines(int bottom) const {
  std::string out;
  for (int x : x_) out += line(x, margin + head_height, 'V' + px(bottom), {"#afb8c1", ""});
  return out;
}

/// Moves `y` on to behind the last row.
std::string SvgSheet::draw_steps(int& y) const {
  std::string out;
  for (const auto& step : picture_.steps) {
    out += draw_step(step, y + arrow_at);
    y += row_height;
  }
  auto say = [&](const std::string& words) {
    int width = text_width(words);
    out += box((width_ - width) / 2, y + arrow_at - 19, width, 16, paper);
    out += text(width_ / 2, y + arrow_at - 7, faint, "middle", words);
    y += row_height;
  };
  if (picture_.processes.empty()) say("no message seen");
  if (picture_.not_drawn != 0) say("and " + std::to_string(picture_.not_drawn) + " more not drawn");
  return out;
}

std::string SvgSheet::draw() const {
  int y = margin + head_height;
  const auto steps = draw_steps(y);
  int bottom = y + 12;
  int height = bottom + head_height + margin;
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + px(width_) + "\" height=\"" +
         px(height) + "\" viewBox=\"0 0 " + px(width_) + ' ' + px(height) +
         "\" font-family=\"monospace\" font-size=\"12\" fill=\"none\">\n" +
         box(0, 0, width_, height, paper) + draw_lifelines(bottom) + steps + draw_heads(margin) +
         draw_heads(bottom) + "</svg>\n";
}

}  // namespace

std::string as_svg(const DiagramPicture& picture) {
  return SvgSheet(picture).draw();
}

}  // namespace tool
