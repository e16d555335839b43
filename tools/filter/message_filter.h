// Which messages, and which plain HTTP, are of interest: --from, --to, --name, --match, --status,
// --slower. Of several of one kind one has to match; of different kinds all.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "body/body_document.h"
#include "filter/field_match.h"

namespace tool {

/// An end of a message. A glob with an `@` is for the whole of ID@ADDRESS:PORT, one that ends in a
/// colon and a port for ADDRESS:PORT, any other for the id.
bool pid_matches(const std::string& glob, std::string_view pid);

/// A name, and SUBSCRIBE … where the body says which call or event it is, else "". A glob is for
/// the name, for NAME/KIND, or for KIND. What begins with `mesos.` may be named from any of its
/// dots on, and without the word Message at its end.
bool name_matches(const std::string& glob, std::string_view name, std::string_view kind = {});

/// Whether messages of that name are told apart by what their bodies say: calls and events.
bool has_kinds(std::string_view name);

/// `202`, `4xx`, `none`.
class StatusMatch {
 public:
  /// Throws Failure (exit 2).
  static StatusMatch parse(const std::string& text);
  bool matches(std::optional<int> status) const;

 private:
  int lowest_ = 0;
  int highest_ = 0;  // 0: no answer
};

/// One end of plain HTTP.
struct HttpEnd {
  std::string_view address{};           // address:port
  std::vector<std::string_view> ids{};  // that it may be known by
};

/// A plain request, or an event that came as the answer to one, as far as filters are about it.
struct HttpSubject {
  HttpEnd from{};
  HttpEnd to{};
  std::string_view url{};
  std::string type{};  // of the body, as in mesos.v1.scheduler.Call
  std::string kind{};  // SUBSCRIBE …
};

struct MessageFilter {
  std::vector<std::string> from{};  // globs
  std::vector<std::string> to{};
  std::vector<std::string> name{};
  std::vector<FieldMatch> fields{};
  std::vector<StatusMatch> statuses{};
  std::optional<std::chrono::nanoseconds> slower{};

  bool by_head() const { return !from.empty() || !to.empty() || !name.empty(); }
  bool by_answer() const { return !statuses.empty() || slower; }
  bool any() const { return by_head() || by_answer() || !fields.empty(); }

  /// By what is known before the body: where the name alone does not decide, it is accepted, and
  /// accepts_kind() decides later.
  bool accepts_head(std::string_view sender, std::string_view receiver,
                    std::string_view message) const;
  /// Whether the kind is needed to decide by the name.
  bool asks_for_kind(std::string_view message) const;
  bool accepts_kind(std::string_view message, std::string_view kind) const;
  bool has_status(std::optional<int> status) const;
  bool is_slow(std::optional<std::chrono::nanoseconds> latency) const {
    return !slower || (latency && *latency > *slower);
  }
  bool accepts_answer(std::optional<int> status,
                      std::optional<std::chrono::nanoseconds> latency) const;
  /// Names are the path, the type, type/kind, and the kind.
  bool accepts_http(const HttpSubject& subject) const;
  /// What `fields` say of a body. One that could not be read matches nothing.
  struct Fields {
    bool accepted = false;
    bool too_long = false;  // for one of them, which does not match then
    std::vector<FieldMatch::Verdict> verdicts{};
  };
  Fields judge_body(const std::optional<BodyDocument>& body) const;
  bool accepts_body(const std::optional<BodyDocument>& body) const {
    return judge_body(body).accepted;
  }
};

/// As --from and --to are compared with them: `id@address:port`, or without ids `@address:port`.
std::vector<std::string> pids_of(const HttpEnd& end);

}  // namespace tool
