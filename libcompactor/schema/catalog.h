// Where message types come from: those of Mesos, which are built in, and the user's own.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compactor/error.h"

namespace compactor::schema {

class OldSchemas;

/// A type, a schema file or a body that cannot be used. what() says what and where; hint(), unless
/// empty, says what to change.
class SchemaError : public Error {
 public:
  explicit SchemaError(const std::string& what, std::string hint = {})
      : Error(what), hint_(std::move(hint)) {}
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

/// Not a fault in what a source says: it is not there, or cannot be read.
class UnreadableSource : public SchemaError {
 public:
  using SchemaError::SchemaError;
};

/// What the user adds to the built-in types.
struct Sources {
  std::vector<std::string> import_dirs;  // -I DIR: where imports are looked for
  std::vector<std::string> protos;       // --proto FILE: .proto sources
  std::vector<std::string> protosets;    // --protoset FILE: what protoc -o writes
  std::vector<std::pair<std::string, std::string>> mailboxes;  // --type NAME=TYPE

  bool empty() const { return protos.empty() && protosets.empty() && mailboxes.empty(); }
};

/// Message types by name. The user's sources are read, and errors in them thrown, by the
/// constructor; of the built-in types only the files that a type needs are loaded, when it is first
/// asked for. A user's type wins over a built-in one of the same name. User files may import the
/// built-in ones (mesos/mesos.proto …) and Google's well-known ones without -I. Descriptors live as
/// long as the catalog. Not for two threads at once.
class Catalog {
 public:
  Catalog();
  /// Throws SchemaError; its text has one line FILE:LINE:COLUMN: … for each fault found in a
  /// source.
  explicit Catalog(const Sources& sources);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  /// The type of that full name; null when there is none. A type that Mesos no longer has is there
  /// as its last release with it had it.
  const google::protobuf::Descriptor* find(std::string_view type) const;
  /// The same; throws SchemaError with the nearest names as hint.
  const google::protobuf::Descriptor& get(std::string_view type) const;
  /// The type of the messages of that name: what --type says, else the type of the same name, else
  /// null.
  const google::protobuf::Descriptor* for_mailbox(std::string_view name) const;

  /// Full names, sorted, of all types that match the glob (see text/glob.h). Map entries are left
  /// out.
  std::vector<std::string> list(const std::string& glob = "*") const;
  /// At most three names that the misspelt one may have meant, all equally near.
  std::vector<std::string> suggest(std::string_view misspelt) const;

  /// Whether the type is one of Mesos, as it is built in.
  bool is_builtin(const google::protobuf::Descriptor& type) const;
  /// What the types of Mesos were in its earlier releases.
  OldSchemas& old_schemas() const;

  /// An empty message of that type, owned by the caller. The catalog must outlive it.
  std::unique_ptr<google::protobuf::Message> make(const google::protobuf::Descriptor& type) const;

 private:
  class Builtins;
  class UserTypes;
  Builtins& builtins() const;
  const std::vector<std::string>& names() const;

  mutable std::unique_ptr<Builtins> builtins_;
  std::unique_ptr<UserTypes> user_;
  mutable std::unique_ptr<OldSchemas> old_schemas_;
  std::map<std::string, std::string, std::less<>> mailboxes_;
  mutable std::vector<std::string> names_;
};

/// The message as bytes, maps in the order of their keys. Missing required fields are no error.
std::string bytes_of(const google::protobuf::Message& message);

}  // namespace compactor::schema
