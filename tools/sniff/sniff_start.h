// What sniff says when it begins to listen: on what, and as whom.
#pragma once

#include <string>
#include <vector>

namespace tool {

/// "as nobody, no longer root (-Z)", "as alice": the user that this process is now. `was_root`: it
/// began as root.
std::string as_whom(bool was_root);

/// What of the traffic of an interface is captured, for people: "lo, port 5050, filter
/// host 10.0.0.5".
std::string captured_from(const std::string& interface, const std::vector<std::string>& ports,
                          const std::vector<std::string>& filter);

}  // namespace tool
