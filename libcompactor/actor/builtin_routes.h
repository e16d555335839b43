// What every libprocess serves: /__processes__, /metrics/snapshot, /system/stats.json, /help.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compactor/http.h"

namespace compactor {

class ContextImpl;

std::vector<std::pair<std::string, RouteHandler>> builtin_routes(ContextImpl& impl);

}  // namespace compactor
