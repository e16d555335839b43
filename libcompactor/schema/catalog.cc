#include "schema/catalog.h"

#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "schema/builtin.h"
#include "schema/old_schema.h"
#include "schema/wire_format.h"
#include "text/glob.h"
#include "text/nearest.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;
namespace fs = std::filesystem;

/// Full names of the messages of a file, nested ones too, without map entries.
void add_names(const std::string& scope, const pb::DescriptorProto& message,
               std::vector<std::string>& names) {
  if (message.options().map_entry()) return;
  const std::string name = scope.empty() ? message.name() : scope + "." + message.name();
  names.push_back(name);
  for (const auto& nested : message.nested_type()) add_names(name, nested, names);
}

void add_names(const pb::FileDescriptorProto& file, std::vector<std::string>& names) {
  for (const auto& message : file.message_type()) add_names(file.package(), message, names);
}

/// Google's own types (Timestamp, Any …) as they stand in libprotobuf.
pb::DescriptorPoolDatabase& well_known_files() {
  static pb::DescriptorPoolDatabase database(*pb::DescriptorPool::generated_pool());
  return database;
}

std::string read_file(const std::string& path, const std::string& option) {
  constexpr std::size_t largest = 64 << 20;  // of Mesos as a whole it is 0.3 MB
  const std::string which = option + " " + path + ": ";
  if (fs::is_directory(path)) throw UnreadableSource(which + "is a directory");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(largest + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.is_open() || file.bad()) {
    throw UnreadableSource(which + std::strerror(errno));
  }
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.size() > largest) throw SchemaError(which + "too large for a set of descriptors");
  return bytes;
}

/// Gathers the faults of user files, as FILE:LINE:COLUMN: lines.
class Faults : public pb::compiler::MultiFileErrorCollector,
               public pb::DescriptorPool::ErrorCollector {
 public:
  explicit Faults(pb::compiler::DiskSourceTree& tree) : tree_(tree) {}

  void AddError(const std::string& file, int line, int column,
                const std::string& message) override {
    std::string disk;
    std::string text = tree_.VirtualFileToDiskFile(file, &disk) ? disk : file;
    if (line >= 0) text += ':' + std::to_string(line + 1) + ':' + std::to_string(column + 1);
    text_ += (text_.empty() ? "" : "; ") + text + ": " + message;
  }
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation location, const std::string& message) override {
    AddError(file, -1, 0, location == IMPORT ? message : element + ": " + message);
  }

  std::string take() { return std::exchange(text_, {}); }

 private:
  pb::compiler::DiskSourceTree& tree_;
  std::string text_;
};

}  // namespace

/// The built-in files, found by file or by symbol without building anything.
class Catalog::Builtins {
 public:
  Builtins() {
    for_each_field(builtin_protoset(), [this](const WireField& file) {
      database_.Add(file.bytes.data(), static_cast<int>(file.bytes.size()));
    });
  }

  pb::DescriptorDatabase& database() { return merged_; }
  const pb::Descriptor* find(const std::string& type) const {
    return pool_.FindMessageTypeByName(type);
  }
  const pb::DescriptorPool& pool() const { return pool_; }
  pb::DynamicMessageFactory& factory() { return factory_; }

  void add_all_names(std::vector<std::string>& names) {
    std::vector<std::string> files;
    database_.FindAllFileNames(&files);
    for (const std::string& name : files) {
      pb::FileDescriptorProto file;
      if (database_.FindFileByName(name, &file)) add_names(file, names);
    }
  }

 private:
  pb::EncodedDescriptorDatabase database_;
  pb::MergedDescriptorDatabase merged_{&database_, &well_known_files()};
  pb::DescriptorPool pool_{&merged_};
  pb::DynamicMessageFactory factory_{&pool_};
};

/// The user's files, with the built-in ones behind them. A pool of its own, so that a type that is
/// also built in stands beside it instead of clashing.
class Catalog::UserTypes : private pb::DescriptorDatabase {
 public:
  UserTypes(const Sources& sources, pb::DescriptorDatabase& behind) : behind_(behind) {
    tree_database_.RecordErrorsTo(&faults_);
    for (const std::string& dir : sources.import_dirs) tree_.MapPath("", dir);
    for (const std::string& path : sources.protosets) read_protoset(path);
    std::vector<std::string> roots = set_files_;
    for (const std::string& path : sources.protos) roots.push_back(name_of(path, sources));
    for (const std::string& root : roots) load(root);
  }

  const pb::Descriptor* find(const std::string& type) {
    const pb::Descriptor* found = pool_.FindMessageTypeByName(type);
    faults_.take();  // a built-in file that clashes with the user's is no fault: its types come
                     // from elsewhere
    return found;
  }
  const pb::DescriptorPool& pool() const { return pool_; }
  pb::DynamicMessageFactory& factory() { return factory_; }
  const std::vector<std::string>& names() const { return names_; }

 private:
  void read_protoset(const std::string& path) {
    const pb::LogSilencer quiet;  // what it logs is thrown here
    pb::FileDescriptorSet set;
    if (!set.ParseFromString(read_file(path, "--protoset")) || set.file_size() == 0) {
      throw SchemaError("--protoset " + path + ": not a set of descriptors",
                        "make one with: protoc --include_imports --descriptor_set_out=FILE …");
    }
    for (const auto& file : set.file()) {
      if (std::find(set_files_.begin(), set_files_.end(), file.name()) != set_files_.end())
        continue;
      if (!set_database_.Add(file)) {
        throw SchemaError("--protoset " + path + ": " + file.name() +
                          " defines what another file of the set defines too");
      }
      set_files_.push_back(file.name());
    }
  }

  /// The name under which a --proto file is imported: its path below an import directory.
  std::string name_of(const std::string& path, const Sources& sources) {
    std::string name;
    std::string shadow;
    if (fs::is_regular_file(path)) {
      if (sources.import_dirs.empty()) tree_.MapPath("", directory(path));
      switch (tree_.DiskFileToVirtualFile(path, &name, &shadow)) {
        case pb::compiler::DiskSourceTree::SUCCESS:
          return name;
        case pb::compiler::DiskSourceTree::SHADOWED:
          throw SchemaError("--proto " + path + " is hidden by " + shadow,
                            "change the order of the -I options");
        case pb::compiler::DiskSourceTree::CANNOT_OPEN:
          throw UnreadableSource("--proto " + path + ": " + std::strerror(errno));
        case pb::compiler::DiskSourceTree::NO_MAPPING:
          throw SchemaError("--proto " + path + " is in none of the -I directories",
                            "add -I " + directory(path));
      }
    }
    const std::unique_ptr<pb::io::ZeroCopyInputStream> found(tree_.Open(path));
    if (!found) {
      throw UnreadableSource("--proto " + path + ": no such file",
                             "give a path, or a name below one of the -I directories");
    }
    return path;
  }

  static std::string directory(const std::string& path) {
    const std::string parent = fs::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
  }

  void load(const std::string& root) {
    const pb::FileDescriptor* file = pool_.FindFileByName(root);
    const std::string faults = faults_.take();
    if (file == nullptr) {
      const bool import = faults.find("was not found or had errors") != std::string::npos;
      throw SchemaError(faults.empty() ? root + ": cannot be loaded" : faults,
                        !import
                            ? ""
                            : "add the folder that the import starts from with -I DIR (a protoset: "
                              "make it with --include_imports)");
    }
    pb::FileDescriptorProto proto;
    file->CopyTo(&proto);
    add_names(proto, names_);
  }

  // As the database of pool_: the user's sources, then the set, then what is behind.
  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* file) override {
    const std::unique_ptr<pb::io::ZeroCopyInputStream> in_tree(tree_.Open(name));
    if (in_tree) return tree_database_.FindFileByName(name, file);
    return set_database_.FindFileByName(name, file) || behind_.FindFileByName(name, file);
  }
  bool FindFileContainingSymbol(const std::string& symbol, pb::FileDescriptorProto* file) override {
    return set_database_.FindFileContainingSymbol(symbol, file) ||
           (behind_.FindFileContainingSymbol(symbol, file) && !is_users(file->name()));
  }
  bool FindFileContainingExtension(const std::string& type, int number,
                                   pb::FileDescriptorProto* file) override {
    return set_database_.FindFileContainingExtension(type, number, file);
  }
  bool is_users(const std::string& name) {
    const std::unique_ptr<pb::io::ZeroCopyInputStream> in_tree(tree_.Open(name));
    pb::FileDescriptorProto ignored;
    return in_tree || set_database_.FindFileByName(name, &ignored);
  }

  pb::DescriptorDatabase& behind_;
  pb::compiler::DiskSourceTree tree_;
  Faults faults_{tree_};
  pb::compiler::SourceTreeDescriptorDatabase tree_database_{&tree_};
  pb::SimpleDescriptorDatabase set_database_;
  std::vector<std::string> set_files_;
  std::vector<std::string> names_;
  pb::DescriptorPool pool_{this, tree_database_.GetValidationErrorCollector()};
  pb::DynamicMessageFactory factory_{&pool_};
};

Catalog::Catalog() = default;
Catalog::~Catalog() = default;

Catalog::Catalog(const Sources& sources) {
  for (const std::string& dir : sources.import_dirs) {
    if (!fs::is_directory(dir)) throw UnreadableSource("-I " + dir + ": no such directory");
  }
  if (!sources.protos.empty() || !sources.protosets.empty()) {
    user_ = std::make_unique<UserTypes>(sources, builtins().database());
  }
  for (const auto& [name, type] : sources.mailboxes) {
    get(type);
    mailboxes_[name] = type;
  }
}

Catalog::Builtins& Catalog::builtins() const {
  if (!builtins_) builtins_ = std::make_unique<Builtins>();
  return *builtins_;
}

const pb::Descriptor* Catalog::find(std::string_view type) const {
  const std::string name(type);
  if (user_) {
    if (const pb::Descriptor* found = user_->find(name)) return found;
  }
  if (const pb::Descriptor* found = builtins().find(name)) return found;
  return type.starts_with("mesos.") ? old_schemas().find_last(type) : nullptr;
}

bool Catalog::is_builtin(const pb::Descriptor& type) const {
  return type.file()->pool() == &builtins().pool();
}

OldSchemas& Catalog::old_schemas() const {
  if (!old_schemas_) old_schemas_ = std::make_unique<OldSchemas>();
  return *old_schemas_;
}

const pb::Descriptor& Catalog::get(std::string_view type) const {
  if (const pb::Descriptor* found = find(type)) return *found;
  throw SchemaError("unknown type " + std::string(type), text::did_you_mean(suggest(type)));
}

const pb::Descriptor* Catalog::for_mailbox(std::string_view name) const {
  const auto mapped = mailboxes_.find(name);
  return find(mapped == mailboxes_.end() ? name : mapped->second);
}

const std::vector<std::string>& Catalog::names() const {
  if (names_.empty()) {
    std::vector<std::string> all = user_ ? user_->names() : std::vector<std::string>{};
    builtins().add_all_names(all);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    names_ = std::move(all);
  }
  return names_;
}

std::vector<std::string> Catalog::list(const std::string& glob) const {
  std::vector<std::string> matching;
  for (const std::string& name : names()) {
    if (text::glob_matches(glob, name)) matching.push_back(name);
  }
  return matching;
}

std::vector<std::string> Catalog::suggest(std::string_view misspelt) const {
  return text::nearest(misspelt, names());
}

std::unique_ptr<pb::Message> Catalog::make(const pb::Descriptor& type) const {
  if (old_schemas_ && old_schemas_->release_of(type) >= 0) return old_schemas_->make(type);
  auto& factory =
      user_ && type.file()->pool() == &user_->pool() ? user_->factory() : builtins().factory();
  return std::unique_ptr<pb::Message>(factory.GetPrototype(&type)->New());
}

std::string bytes_of(const pb::Message& message) {
  const pb::LogSilencer quiet;  // it complains of strings that are not UTF-8, and writes them
  std::string bytes;
  pb::io::StringOutputStream stream(&bytes);
  pb::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&out);
  out.Trim();
  return bytes;
}

}  // namespace compactor::schema
