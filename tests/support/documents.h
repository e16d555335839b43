// What the documents show is run: their text, and a place where commands do no harm.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/harness.h"

namespace e2e {

std::vector<std::string> lines_of(const std::string& text);
/// That a line of UTF-8 takes.
std::size_t columns_of(const std::string& line);
/// Fails the test when there is no such file.
std::string contents(const std::filesystem::path& file);

/// bash runs that in an empty folder of its own, with `compactor` in its PATH. It ends at the first
/// command that fails, and so does what it started.
Result run_in_folder(const std::string& script);
/// The same in a network and a mount table of its own, where every port is free. Needs
/// place::own_network().
Result run_apart(const std::string& script);

}  // namespace e2e
