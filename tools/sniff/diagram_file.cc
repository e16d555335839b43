#include "sniff/diagram_file.h"

#include "cli/failure.h"

namespace tool {

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
  file_.write_whole(format_ == DiagramFormat::svg ? as_svg(picture) : as_mermaid(picture));
  if (picture.not_drawn == 0) return;
  console.warning("not all is in " + path_ + ": " + std::to_string(picture.not_drawn) +
                  " more than the " + std::to_string(Diagram::most_steps) + " messages and " +
                  std::to_string(Diagram::most_processes) + " processes that a diagram shows");
}

}  // namespace tool
