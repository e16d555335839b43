// One direction of a connection, in pieces of any size -> its records.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "decrypt/record.h"

namespace compactor::decrypt {

class RecordCutter {
 public:
  /// Takes bytes from the front until a record is complete. False when all have been taken, or
  /// broken(). The payload of a record is valid until the next call, and as long as `bytes`.
  bool next(std::string_view& bytes, Record& record);

  /// What stood there begins no record. Nothing is taken any more.
  bool broken() const { return broken_; }
  /// The next byte begins a record.
  bool is_between() const { return held_.empty() || handed_out_; }
  std::size_t memory() const { return held_.size(); }

 private:
  std::size_t size_of(std::string_view bytes);
  void hold(std::string_view& bytes, std::size_t size);

  std::string held_;         // the beginning of a record
  bool handed_out_ = false;  // … which has been completed since
  bool broken_ = false;
};

}  // namespace compactor::decrypt
