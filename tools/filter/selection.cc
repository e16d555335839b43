#include "filter/selection.h"

namespace tool {

void add_head_options(CommandLine& line, Selection& selection) {
  line.list("--from", "GLOB", selection.from, "only from these: an id, host:port, or id@host:port");
  line.list("--to", "GLOB", selection.to, "only to these");
  line.list("--name", "GLOB", selection.name,
            "only of these names: StatusUpdate, Call/SUBSCRIBE, OFFERS");
}

void add_selection_options(CommandLine& line, Selection& selection) {
  add_head_options(line, selection);
  line.list("--match", "PATH=VALUE", selection.match,
            "only with this field, at any depth: state=TASK_LOST; also != ~ < <= > >=");
  line.list("--status", "CODE", selection.status, "only answered so: 202, 4xx, none");
  line.duration("--slower", selection.slower, "only answered later than that");
}

MessageFilter filter_of(const Selection& selection) {
  MessageFilter filter{.from = selection.from, .to = selection.to, .name = selection.name};
  for (const auto& match : selection.match) filter.fields.push_back(FieldMatch::parse(match));
  for (const auto& status : selection.status) filter.statuses.push_back(StatusMatch::parse(status));
  filter.slower = selection.slower;
  return filter;
}

}  // namespace tool
