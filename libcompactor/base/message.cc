#include "compactor/message.h"

namespace compactor {

std::string_view to_string(Style style) {
  switch (style) {
    case Style::libprocess:
      return "libprocess";
    case Style::compactor:
      return "compactor";
    case Style::legacy:
      return "legacy";
  }
  return "unknown";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::accepted:
      return "accepted";
    case Outcome::no_such_process:
      return "no_such_process";
    case Outcome::not_handled:
      return "not_handled";
    case Outcome::refused:
      return "refused";
    case Outcome::no_answer:
      return "no_answer";
    case Outcome::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::resolve:
      return "resolve";
    case Fault::connect:
      return "connect";
    case Fault::closed:
      return "closed";
    case Fault::timed_out:
      return "timed_out";
    case Fault::not_http:
      return "not_http";
    case Fault::tls:
      return "tls";
    case Fault::stopped:
      return "stopped";
    case Fault::terminated:
      return "terminated";
  }
  return "unknown";
}

std::string_view to_string(SendResult result) {
  switch (result) {
    case SendResult::queued:
      return "queued";
    case SendResult::full:
      return "full";
    case SendResult::invalid:
      return "invalid";
    case SendResult::stopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view to_string(ExitReason reason) {
  switch (reason) {
    case ExitReason::closed:
      return "closed";
    case ExitReason::reset:
      return "reset";
    case ExitReason::refused:
      return "refused";
    case ExitReason::timed_out:
      return "timed_out";
    case ExitReason::unreachable:
      return "unreachable";
    case ExitReason::tls:
      return "tls";
  }
  return "unknown";
}

}  // namespace compactor
