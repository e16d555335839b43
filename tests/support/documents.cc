#include "support/documents.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "support/place.h"

namespace e2e {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & '\xc0') != '\x80'; }));
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  REQUIRE_MESSAGE(in, "no file ", file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

namespace {

Settings with_compactor_in_path() {
  const std::string program = COMPACTOR_PROGRAM;
  Settings settings;
  settings.environment["PATH"] = program.substr(0, program.rfind('/')) + ":" + std::getenv("PATH");
  return settings;
}

std::string in_folder(const std::string& script) {
  return "folder=$(mktemp -d)\ncd \"$folder\"\n"
         "trap 'set +e; kill $(jobs -p) 2>/dev/null; wait; rm -r \"$folder\"' EXIT\n"
         "set -eo pipefail\n" +
         script;
}

}  // namespace

Result run_in_folder(const std::string& script) {
  auto settings = with_compactor_in_path();
  settings.program = "bash";
  return run({"-c", in_folder(script)}, settings);
}

Result run_apart(const std::string& script) {
  auto settings = with_compactor_in_path();
  settings.program = "unshare";
  Arguments arguments = place::unshare_arguments();
  arguments.insert(arguments.end(), {"bash", "-c", "ip link set lo up\n" + in_folder(script)});
  return run(arguments, settings);
}

}  // namespace e2e
