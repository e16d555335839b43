#include "actor/response_queue.h"

#include <utility>

namespace compactor {
namespace {

void append_common(std::string& out, ResponseQueue::Common what, wire::Persist persist,
                   std::string_view date) {
  if (what == ResponseQueue::Common::accepted) {
    wire::append_accepted(out, date, persist);
  } else {
    wire::append_response(out, 404, "text/plain; charset=utf-8", "404 Not Found.", date, persist);
  }
}

}  // namespace

void ResponseQueue::add(Common what, wire::Persist persist) {
  if (!empty()) {
    Entry& last = entries_.back();
    if (last.count > 0 && last.what == what && last.persist == persist) {
      ++last.count;
      return;
    }
  }
  entries_.push_back({what, persist, 1, {}});
}

void ResponseQueue::add(std::string response) {
  stored_bytes_ += response.size();
  entries_.push_back({Common::accepted, wire::Persist::implied, 0, std::move(response)});
}

void ResponseQueue::fill(std::string& out, std::size_t limit, std::string_view date) {
  while (first_ < entries_.size() && out.size() < limit) {
    Entry& entry = entries_[first_];
    if (entry.count == 0) {
      out += entry.response;
      stored_bytes_ -= entry.response.size();
      entry.response = {};
      ++first_;
      continue;
    }
    const std::size_t before = out.size();
    append_common(out, entry.what, entry.persist, date);
    const std::size_t size = out.size() - before;
    while (--entry.count > 0 && out.size() < limit) out.append(out, before, size);
    if (entry.count == 0) ++first_;
  }
  if (first_ == entries_.size()) return clear();
  // A slow reader may never see the queue empty: what is done must not pile up in front.
  if (first_ > entries_.size() / 2) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void ResponseQueue::clear() {
  entries_.clear();
  if (entries_.capacity() > 16) entries_.shrink_to_fit();
  first_ = 0;
  stored_bytes_ = 0;
}

}  // namespace compactor
