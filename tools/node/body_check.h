// Whether a body that is about to be sent is one that its receiver can read.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "body/body.h"
#include "output/console.h"

namespace tool {

/// Refuses what makes its receiver abort, and warns of bodies that are sent as they are although a
/// receiver drops them: they are not of the type that the name of the message says, or lack fields
/// that it requires. Each trouble is told once for each name, and of no more than a few names: a
/// batch may hold a million of them.
class BodyCheck {
 public:
  /// Both must outlive it; `types` may be null, then nothing is known to be wrong. `force`: nothing
  /// is refused, only warned of.
  BodyCheck(TypeCodec* types, Console& console, bool force = false)
      : types_(types), console_(console), force_(force) {}

  /// `to`: the PID that it goes to; empty where that is not known yet. Throws Failure (exit 2) for
  /// what its receiver aborts on.
  void check(std::string_view to, std::string_view name, std::string_view body, BodyForm form);
  /// The same of a message that was recorded: that it may admit somebody to a master who is not
  /// there, is said once.
  void check_recorded(std::string_view to, std::string_view name, std::string_view body,
                      BodyForm form);

 private:
  void warn(std::string_view name, const std::string& trouble);
  std::string trouble_of(std::string_view name, std::string_view body, BodyForm form) const;

  TypeCodec* types_;
  Console& console_;
  bool force_;
  bool told_of_ghosts_ = false;
  std::set<std::string> told_;
};

}  // namespace tool
