// Plain HTTP on a Context: what a route is given and gives back.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace compactor {

/// A plain request. Every view is valid only during the call that hands it out.
struct HttpRequest {
  std::string_view method;
  std::string_view path;   // the whole path as it came, without query
  std::string_view query;  // behind '?', as it came
  std::string_view body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

using RouteHandler = std::function<HttpResponse(const HttpRequest&)>;

}  // namespace compactor
