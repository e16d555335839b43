// The file that a diagram goes to: opened before anything is captured, written at the end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capture/output_file.h"
#include "output/console.h"
#include "sniff/diagram.h"

namespace tool {

enum class DiagramFormat { svg, mermaid };

/// By the end of its name. Failure (exit 2) for any but .svg and .mmd.
DiagramFormat diagram_format(const std::string& path);

class DiagramFile {
 public:
  /// Opens it, as OutputFile does. Throws CaptureError.
  DiagramFile(const std::string& path, const std::vector<compactor::capture::FileId>& in_use);

  std::optional<compactor::capture::FileId> id() const { return file_.id(); }

  /// Warns when not all is in it. Throws CaptureError when it cannot be written.
  void write(const Diagram& diagram, Console& console);

 private:
  std::string path_;
  DiagramFormat format_;
  compactor::capture::OutputFile file_;
};

}  // namespace tool
