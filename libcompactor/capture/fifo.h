// A queue that takes no memory while it is empty: there is one for each of many idle connections.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace compactor::capture {

template <class T>
class Fifo {
 public:
  bool empty() const { return front_ == items_.size(); }
  std::size_t size() const { return items_.size() - front_; }

  T& front() { return items_[front_]; }
  const T& front() const { return items_[front_]; }
  T& back() { return items_.back(); }

  void push_back(T item) { items_.push_back(std::move(item)); }

  void pop_front() {
    items_[front_] = T();
    ++front_;
    if (empty()) {
      items_.clear();
      front_ = 0;
      if (items_.capacity() > kKept) items_.shrink_to_fit();
    } else if (front_ >= kKept && front_ * 2 > items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(front_));
      front_ = 0;
    }
  }

  auto begin() { return items_.begin() + static_cast<std::ptrdiff_t>(front_); }
  auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(front_); }
  auto end() { return items_.end(); }
  auto end() const { return items_.end(); }

 private:
  static constexpr std::size_t kKept = 16;

  std::vector<T> items_;
  std::size_t front_ = 0;  // the first that has not been taken out
};

}  // namespace compactor::capture
