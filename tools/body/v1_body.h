// Bodies of Mesos' HTTP API (/api/v1 …): what type they are of, and which of its calls and events.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "body/body.h"
#include "body/body_document.h"

namespace tool {

/// Full name of the type of the calls that are sent to that URL, as in mesos.v1.scheduler.Call;
/// empty when it is not one of the API.
std::string call_type(std::string_view url);
/// The same of the events in the stream that comes from there.
std::string event_type(std::string_view url);
/// The same of an answer that is no stream; empty where there are none.
std::string response_type(std::string_view url);

/// Whether bodies of that Content-Type are of the types of the API: JSON or protobuf. What refuses
/// a call is plain text.
bool is_api_type(std::string_view content_type);

/// Of a URL, without its query.
inline std::string_view path_of(std::string_view url) {
  return url.substr(0, url.find_first_of("?#"));
}
/// The id of the process that serves a URL: the first part of its path. `/api/v1/scheduler` is the
/// master's. Empty where the URL does not say.
std::string_view server_id(std::string_view url);

/// The bytes, or what the first record of a RecordIO stream is.
std::string_view first_record(std::string_view bytes);

/// Which call or event that is: SUBSCRIBE, OFFERS …; empty when the body does not say. `bytes` are
/// JSON or protobuf, and may be only the beginning of it.
std::string kind_of(TypeCodec* types, const std::string& type, std::string_view bytes);
/// The same of a message, by the schema that its body fits best.
std::string kind_of_message(TypeCodec* types, const std::string& name, std::string_view bytes);

/// The whole of it. Also of a body of no known type (`type` is empty), if it is JSON. With what its
/// bytes hold, which of JSON takes as long as to send it.
std::optional<BodyDocument> api_document(TypeCodec* types, const std::string& type,
                                         std::string_view bytes);

/// A call, an event or an answer.
struct ApiBody {
  std::string type{};
  std::string kind{};
  std::optional<BodyDocument> document{};
  std::string framework_id{};  // where it says
  std::string executor_id{};
};

/// With a type that is empty, nothing is read. `cut`: the rest of it is missing, so that only its
/// kind can be told. The document of JSON is only as it came.
ApiBody read_api_body(TypeCodec* types, std::string type, std::string_view bytes, bool cut = false);

}  // namespace tool
