// Who answers a plain HTTP request.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actor/registry.h"
#include "actor/reporter.h"
#include "compactor/http.h"

namespace compactor {

/// A request goes to the longest route of the process that its first segment names, else to the
/// longest route of the Context, else to the longest of the process that is the delegate. Knows no
/// sockets. Loop only, unless a function says otherwise.
class Router {
 public:
  /// `delegate` is the id of a process, or empty.
  Router(const Registry& registry, Reporter& reporter, std::string delegate);

  /// A route of the Context. The last one of a path counts. Throws std::invalid_argument when the
  /// path does not begin with '/'. Any thread.
  void add(std::string path, RouteHandler handler);
  /// The paths of the Context's routes.
  std::vector<std::string> paths() const;

  /// 404 when there is no route, 500 when the handler throws.
  HttpResponse serve(const HttpRequest& request) const;

 private:
  std::shared_ptr<const RouteHandler> find(std::string_view path) const;
  HttpResponse answer(const RouteHandler& handler, const HttpRequest& request) const;

  const Registry& registry_;
  Reporter& reporter_;
  const std::string delegate_;
  mutable std::mutex mutex_;
  Routes routes_;  // guarded by it
};

}  // namespace compactor
