// The file that a diagram goes to: opened before anything is captured, written at the end.
#pragma once

#include <fstream>
#include <string>

#include "console.h"
#include "diagram.h"

namespace tool {

enum class DiagramFormat { svg, mermaid };

/// By the end of its name. Failure (exit 2) for any but .svg and .mmd.
DiagramFormat diagram_format(const std::string& path);

class DiagramFile {
 public:
  /// Failure (exit 6) when it cannot be written.
  explicit DiagramFile(const std::string& path);

  /// Warns when not all is in it. Failure (exit 6) when it cannot be written.
  void write(const Diagram& diagram, Console& console);

 private:
  std::string path_;
  DiagramFormat format_;
  std::ofstream file_;
};

}  // namespace tool
