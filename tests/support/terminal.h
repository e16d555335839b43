// A program on a pseudo-terminal: what a person at a keyboard sees.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "support/harness.h"

namespace e2e {

class Terminal {
 public:
  /// `columns` is the width that the program is told.
  explicit Terminal(const Arguments& command, const Environment& environment = {},
                    unsigned short columns = 100);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys);
  /// Reads until `text` has come, and returns all up to its end. Fails the test when it does not
  /// come.
  std::string until(const std::string& text);
  /// Reads to the end of the program and returns it.
  std::string rest();

 private:
  bool read_more();

  pid_t pid_ = -1;
  int fd_ = -1;
  std::string got_;
};

}  // namespace e2e
