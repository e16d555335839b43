// Whether a body that is about to be sent is one that its receiver can read.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "body/body.h"
#include "output/console.h"

namespace tool {

/// Warns of bodies that are sent as they are although a receiver drops them: they are not of the
/// type that the name of the message says, or lack fields that it requires. Each trouble is told
/// once for each name, and of no more than a few names: a batch may hold a million of them.
class BodyCheck {
 public:
  /// Both must outlive it; `types` may be null, then nothing is known to be wrong.
  BodyCheck(TypeCodec* types, Console& console) : types_(types), console_(console) {}

  void check(std::string_view name, std::string_view body, BodyForm form);

 private:
  std::string trouble_of(std::string_view name, std::string_view body, BodyForm form) const;

  TypeCodec* types_;
  Console& console_;
  std::set<std::string> told_;
};

}  // namespace tool
