// What every libprocess serves: /__processes__, /metrics/snapshot, /system/stats.json, /help.
#pragma once

#include "actor/counters.h"
#include "actor/registry.h"
#include "actor/router.h"

namespace compactor {

/// They answer with what is in these, which must live as long as the routes.
void add_builtin_routes(Router& router, const Registry& registry, const Counters& counters);

}  // namespace compactor
