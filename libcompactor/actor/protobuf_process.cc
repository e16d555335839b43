#include "compactor/protobuf_process.h"

#include <limits>

namespace compactor {

SendResult ProtobufProcess::send(const Pid& to, const google::protobuf::Message& message,
                                 OnDelivery on_delivery) {
  if (!message.IsInitialized()) return SendResult::invalid;
  return Process::send(to, message.GetDescriptor()->full_name(), message.SerializeAsString(),
                       std::move(on_delivery));
}

void ProtobufProcess::parse(std::string_view body, google::protobuf::Message& message) {
  const bool fits = body.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max());
  if (!fits || !message.ParsePartialFromArray(body.data(), static_cast<int>(body.size()))) {
    throw Error("a body of " + std::to_string(body.size()) + " bytes is no " +
                message.GetDescriptor()->full_name());
  }
}

}  // namespace compactor
