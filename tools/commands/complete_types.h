// What completion knows of message types: their names, and the fields that --match may be about.
#pragma once

#include <string>
#include <vector>

namespace tool {

struct Candidate {
  std::string text;
  std::string description;
};
using Candidates = std::vector<Candidate>;

/// Types whose names begin as typed; if there are none, those that have it in them. The types that
/// are sent come first, and others only where none of these fits or with `all`.
Candidates type_candidates(const std::string& typed, bool all);

/// PATH=VALUE of --match, from the fields of the types that are sent.
Candidates match_candidates(const std::string& typed);

}  // namespace tool
