// What the place where the tests run can do. A container without privileges, or without a name for
// itself, cannot do all that some tests need: these are skipped, each by its name and with the
// reason, and counted at the end of ./dev test. With CI set in the environment a skip is a failure,
// as nobody would see it there.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace place {

/// Why it cannot be done here; nothing when it can.
using Lack = std::optional<std::string>;

/// A network of its own for a child process, and a mount table.
Lack own_network();
/// The arguments of unshare(1) for that.
std::vector<std::string> unshare_arguments();
/// To run a program as nobody.
Lack another_user();
/// To see the packets of the loopback interface.
Lack live_capture();
/// The name `localhost`.
Lack localhost();
/// Ports that nobody may bind but root.
Lack privileged_ports();

/// Notes that the test that runs is skipped. False when that must not be: the test has to fail.
bool skip(const std::string& reason);

/// The exit status of a test program of which every test that was chosen is skipped (ctest's
/// SKIP_RETURN_CODE).
inline constexpr int kAllSkipped = 77;

}  // namespace place

/// At the beginning of a test: the rest is skipped where `lack` is one.
#define NEEDS(lack)                                                            \
  do {                                                                         \
    if (const place::Lack lacking_here = (lack)) {                             \
      if (!place::skip(*lacking_here)) FAIL("cannot be run: ", *lacking_here); \
      return;                                                                  \
    }                                                                          \
  } while (false)
