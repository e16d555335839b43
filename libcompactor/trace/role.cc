#include "trace/role.h"

#include <algorithm>
#include <array>

namespace compactor::trace {
namespace {

struct Known {
  std::string_view begin;  // of the id
  bool counted;            // the rest is a number in parentheses; else anything
  Role role;
  std::string_view name;
  std::string_view title;
};

constexpr std::array kKnown = {
    Known{"master", false, Role::master, "master", "master"},
    Known{"slave-observer", true, Role::slave_observer, "slave-observer", "master"},
    Known{"crammd5-authenticator-session", true, Role::auth_session, "auth-session", "master"},
    Known{"crammd5-authenticator_session", true, Role::auth_session, "auth-session", "master"},
    Known{"crammd5-authenticatee", true, Role::authenticatee, "authenticatee", "authenticatee"},
    Known{"crammd5_authenticatee", true, Role::authenticatee, "authenticatee", "authenticatee"},
    Known{"slave", true, Role::agent, "agent", "agent"},
    Known{"scheduler-", false, Role::scheduler, "scheduler", "scheduler"},
    Known{"scheduler", true, Role::scheduler, "scheduler", "scheduler"},
    Known{"executor", true, Role::executor, "executor", "executor"},
    Known{"log-replica", true, Role::log_replica, "log-replica", "log replica"},
    Known{"log-network", true, Role::log_network, "log-network", "master"},
    Known{"__req_res__", true, Role::req_res, "req-res", "master"},
};

bool is_count(std::string_view text) {
  return text.size() > 2 && text.front() == '(' && text.back() == ')' &&
         std::all_of(text.begin() + 1, text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
}

const Known* find(std::string_view pid) {
  const auto id = pid.substr(0, pid.rfind('@'));
  for (const Known& known : kKnown) {
    if (!id.starts_with(known.begin)) continue;
    const auto rest = id.substr(known.begin.size());
    const bool whole = known.counted ? is_count(rest) : known.begin.ends_with('-') || rest.empty();
    if (whole) return &known;
  }
  return nullptr;
}

}  // namespace

Role role_of(std::string_view pid) {
  const Known* known = find(pid);
  return known == nullptr ? Role::unknown : known->role;
}

std::string_view to_string(Role role) {
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                   [&](const Known& each) { return each.role == role; });
  return known == kKnown.end() ? std::string_view{} : known->name;
}

std::string_view title_of(std::string_view pid) {
  const Known* known = find(pid);
  return known == nullptr ? pid.substr(0, pid.rfind('@')) : known->title;
}

}  // namespace compactor::trace
