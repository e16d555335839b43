#include "node/body_check.h"

#include <cctype>

#include "body/body_document.h"
#include "cli/failure.h"
#include "trace/role.h"

namespace tool {

namespace {

constexpr std::size_t most_warnings = 20;
// A long name is near to a type's by intent; of a short one ("ask", "Task") that may be chance.
constexpr std::size_t long_name = 10;

bool looks_like_type(std::string_view name) {
  return name.size() >= long_name ||
         (!name.empty() && std::isupper(static_cast<unsigned char>(name.front())) != 0);
}

/// SUBSCRIBE of a framework that has an id already.
bool subscribes_with_id(TypeCodec* types, std::string_view body) {
  const auto document = document_of(types, "mesos.scheduler.Call", body);
  if (!document) return false;
  const auto& call = document->body;
  return call.value("type", "") == "SUBSCRIBE" && call.contains("framework_id");
}

}  // namespace

std::string BodyCheck::trouble_of(std::string_view name, std::string_view body,
                                  BodyForm form) const {
  if (types_ == nullptr) return {};
  const auto type = types_->type_of(name);
  if (type.empty()) {
    if (form != BodyForm::json || !looks_like_type(name)) return {};
    const auto suggestion = types_->suggestion(name);
    return suggestion.empty() ? ""
                              : "it is not a known type, so the JSON goes as text; " + suggestion;
  }
  if (form == BodyForm::text && !body.empty())
    return "the body is text, not a " + type + ": a receiver drops it";
  const auto misfit = types_->misfit(name, body);
  if (misfit.empty()) return {};
  return (body.empty() ? "the body is empty: " : "the body is not a " + type + ": ") + misfit +
         "; a receiver drops it";
}

void BodyCheck::warn(std::string_view name, const std::string& trouble) {
  if (told_.size() > most_warnings) return;
  if (!told_.insert(std::string(name) + ": " + trouble).second) return;
  console_.warning(told_.size() > most_warnings ? "more such bodies are not told of"
                                                : std::string(name) + ": " + trouble);
}

void BodyCheck::check(std::string_view to, std::string_view name, std::string_view body,
                      BodyForm form) {
  const auto trouble = trouble_of(name, body, form);
  // What a receiver drops does it no harm.
  const auto fatal = types_ == nullptr || !trouble.empty() ? "" : types_->fatal(to, name, body);
  if (!fatal.empty() && !force_)
    throw Failure(Exit::usage, "fatal", std::string(name) + ": " + fatal + ", so it is not sent",
                  "--force sends it");
  if (!fatal.empty()) warn(name, fatal);
  if (!trouble.empty()) warn(name, trouble);
}

void BodyCheck::check_recorded(std::string_view to, std::string_view name, std::string_view body,
                               BodyForm form) {
  check(to, name, body, form);
  if (told_of_ghosts_ || compactor::trace::role_of(to) != compactor::trace::Role::master) return;
  const bool agent = name == "mesos.internal.RegisterSlaveMessage" ||
                     name == "mesos.internal.ReregisterSlaveMessage";
  const bool framework = name == "mesos.internal.ReregisterFrameworkMessage" ||
                         (name == "mesos.scheduler.Call" && subscribes_with_id(types_, body));
  if (!agent && !framework) return;
  told_of_ghosts_ = true;
  console_.note(std::string(name) + " goes to a master: where it leads a cluster, it takes " +
                (agent ? "an agent" : "a framework") + " for there that is not");
}

}  // namespace tool
