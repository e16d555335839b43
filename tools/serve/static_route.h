// serve --route PATH=FILE
#pragma once

#include <string>
#include <string_view>

#include "compactor/http.h"

namespace tool {

struct StaticRoute {
  std::string path;
  std::string file;
};

/// Throws Failure: exit 2 for a text that is no PATH=FILE, 6 for a file that cannot be read.
StaticRoute parse_route(std::string_view text);

/// Reads the file at each request, so that a change of it is seen; 404 when it is gone meanwhile.
compactor::RouteHandler serve_file(const StaticRoute& route);

}  // namespace tool
