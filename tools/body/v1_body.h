// Bodies of Mesos' HTTP API (/api/v1 …): what type they are of, and which of its calls and events.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "body/body.h"

namespace tool {

/// Full name of the type of the calls that are sent to that URL, as in mesos.v1.scheduler.Call;
/// empty when it is not one of the API.
std::string call_type(std::string_view url);
/// The same of the events in the stream that comes from there.
std::string event_type(std::string_view url);

/// Which call or event that is: SUBSCRIBE, OFFERS …; empty when the body does not say. `bytes` are
/// JSON or protobuf, and may be only the beginning of it.
std::string kind_of(TypeCodec* types, const std::string& type, std::string_view bytes);

/// The whole of it. Also of a body of no known type (`type` is empty), if it is JSON.
std::optional<nlohmann::json> api_document(TypeCodec* types, const std::string& type,
                                           std::string_view bytes);

}  // namespace tool
