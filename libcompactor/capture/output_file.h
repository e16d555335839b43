// Files that are written: opened so that nothing else is harmed, also by root in somebody's folder.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_error.h"

namespace compactor::capture {

/// The output is also an input, or another output.
class FileInUse : public CaptureError {
 public:
  explicit FileInUse(const std::string& path)
      : CaptureError(Kind::file, path + " is read or written for something else at the same time") {
  }
};

/// What a regular file is, whatever the names by which it is reached.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

/// Of an open file; nothing when it is not a regular one.
std::optional<FileId> file_id(int descriptor);

/// A file that is to be written from its start; made when it is not there. What it holds stays
/// until empty() is called: what comes before may fail. Owns the descriptor.
class OutputFile {
 public:
  /// Throws FileInUse when it is one of `in_use`, CaptureError when it cannot be written. As root
  /// it follows a symbolic link only where the link is root's own: in a folder where others may
  /// write, a link could lead to any file of the system.
  explicit OutputFile(const std::string& path, const std::vector<FileId>& in_use = {});
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;

  /// Cuts a regular file to nothing. Throws CaptureError.
  void empty();
  /// Empties it and writes these bytes, and no others. Throws CaptureError.
  void write_whole(std::string_view bytes);
  int descriptor() const { return descriptor_; }
  /// The caller owns it then.
  int release();
  std::optional<FileId> id() const { return file_id(descriptor_); }

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace compactor::capture
