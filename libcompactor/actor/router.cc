#include "actor/router.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "wire/message.h"

namespace compactor {
namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";

/// The longest registered path that is the path itself or ends at one of its segments. The caller
/// gets a share in the handler: it may replace itself while it runs.
std::shared_ptr<const RouteHandler> longest_prefix(const Routes& routes, std::string_view path) {
  while (path.starts_with('/')) {
    if (const auto found = routes.find(path); found != routes.end()) return found->second;
    if (path == "/") return nullptr;
    path = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  }
  return nullptr;
}

}  // namespace

Router::Router(const Registry& registry, Reporter& reporter, std::string delegate)
    : registry_(registry), reporter_(reporter), delegate_(std::move(delegate)) {}

void Router::add(std::string path, RouteHandler handler) {
  if (!path.starts_with('/')) throw std::invalid_argument("a route must start with '/': " + path);
  // Holds the one before when the lock is gone: what its end calls is not ours.
  auto shared = std::make_shared<const RouteHandler>(std::move(handler));
  std::lock_guard lock(mutex_);
  routes_[std::move(path)].swap(shared);
}

std::vector<std::string> Router::paths() const {
  std::vector<std::string> paths;
  std::lock_guard lock(mutex_);
  for (const auto& [path, handler] : routes_) paths.push_back(path);
  return paths;
}

std::shared_ptr<const RouteHandler> Router::find(std::string_view path) const {
  std::lock_guard lock(mutex_);
  return longest_prefix(routes_, path);
}

HttpResponse Router::serve(const HttpRequest& request) const {
  const std::string_view path = request.path.substr(0, request.path.find_last_not_of('/') + 1);
  const std::size_t slash = path.find('/', 1);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view("/") : path.substr(slash);
  std::string decoded;
  // The processes are held while their handlers run: these may end them.
  if (!path.empty()) {
    const auto id = wire::decode_id(
        path.substr(1, slash == std::string_view::npos ? slash : slash - 1), decoded);
    if (const auto process = id ? registry_.find(*id) : nullptr) {
      if (const auto handler = longest_prefix(Registry::routes(*process), rest))
        return answer(*handler, request);
    }
  }
  const std::string_view whole = path.empty() ? std::string_view("/") : path;
  if (const auto handler = find(whole)) return answer(*handler, request);
  if (const auto process = delegate_.empty() ? nullptr : registry_.find(delegate_)) {
    if (const auto handler = longest_prefix(Registry::routes(*process), whole))
      return answer(*handler, request);
  }
  return {404, kPlainText, "404 Not Found."};
}

HttpResponse Router::answer(const RouteHandler& handler, const HttpRequest& request) const {
  try {
    return handler(request);
  } catch (...) {
    return {500, kPlainText, reporter_.threw("the route of " + std::string(request.path))};
  }
}

}  // namespace compactor
