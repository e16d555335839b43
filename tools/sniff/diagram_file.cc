#include "sniff/diagram_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "cli/failure.h"

namespace tool {

namespace {

Failure cannot_write_diagram(const std::string& path) {
  return {Exit::local, "file", path + ": cannot write: " + std::strerror(errno)};
}

/// False with errno.
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

}  // namespace

DiagramFormat diagram_format(const std::string& path) {
  if (path.ends_with(".svg")) return DiagramFormat::svg;
  if (path.ends_with(".mmd")) return DiagramFormat::mermaid;
  throw Failure(Exit::usage, "usage",
                "--diagram \"" + path + "\" is neither an .svg nor an .mmd file",
                "FILE.svg is a picture, FILE.mmd the source of one for Mermaid");
}

DiagramFile::DiagramFile(const std::string& path,
                         const std::vector<compactor::capture::FileId>& in_use)
    : path_(path), format_(diagram_format(path)), file_(path, in_use) {}

void DiagramFile::write(const Diagram& diagram, Console& console) {
  const auto picture = diagram.picture();
  file_.empty();
  if (!write_all(file_.descriptor(),
                 format_ == DiagramFormat::svg ? as_svg(picture) : as_mermaid(picture))) {
    throw cannot_write_diagram(path_);
  }
  if (picture.not_drawn == 0) return;
  console.warning("not all is in " + path_ + ": " + std::to_string(picture.not_drawn) +
                  " more than the " + std::to_string(Diagram::most_steps) + " messages and " +
                  std::to_string(Diagram::most_processes) + " processes that a diagram shows");
}

}  // namespace tool
