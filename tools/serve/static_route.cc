#include "serve/static_route.h"

#include <array>
#include <filesystem>
#include <utility>

#include "body/body.h"
#include "cli/failure.h"

namespace tool {

namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 8> content_types{{
    {".html", "text/html; charset=utf-8"},
    {".htm", "text/html; charset=utf-8"},
    {".txt", "text/plain; charset=utf-8"},
    {".json", "application/json"},
    {".js", "text/javascript"},
    {".css", "text/css"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
}};

const char* content_type(std::string_view file) {
  for (const auto& [ending, type] : content_types) {
    if (file.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

/// Only a regular file: reading a FIFO would hold up everything else.
std::string read_regular(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    throw Failure(Exit::local, "file",
                  "cannot serve " + file + ": " + (error ? error.message() : "no regular file"));
  }
  return read_file(file);
}

}  // namespace

StaticRoute parse_route(std::string_view text) {
  auto equals = text.find('=');
  if (equals == std::string_view::npos || !text.starts_with('/') || equals + 1 == text.size()) {
    throw Failure(Exit::usage, "usage", "--route \"" + std::string(text) + "\" does not read",
                  "PATH=FILE, as in /index.html=./index.html");
  }
  StaticRoute route{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  read_regular(route.file);
  return route;
}

compactor::RouteHandler serve_file(const StaticRoute& route) {
  // Whatever the method: libprocess' own files are answered to POST as well.
  return [file = route.file](const compactor::HttpRequest& /*request*/) {
    compactor::HttpResponse response;
    try {
      response.body = read_regular(file);
      response.content_type = content_type(file);
    } catch (const Failure&) {
      response.status = 404;
      response.body = "404 Not Found.\n";
    }
    return response;
  };
}

}  // namespace tool
