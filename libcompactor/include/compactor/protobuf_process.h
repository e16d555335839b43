// ProtobufProcess: mailboxes that are protobuf message types.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <utility>

#include "compactor/export.h"
#include "compactor/process.h"

namespace compactor {

/// A Process whose mailbox names are the full names of protobuf types, as everywhere in Mesos.
class COMPACTOR_API ProtobufProcess : public Process {
 public:
  using Process::Process;

 protected:
  using Process::install;
  using Process::send;

  /// Calls `handler(from, message)` for messages of type M. Missing required fields are accepted,
  /// an empty body is an empty message. A body that is no M is a warning and counted as a handler's
  /// exception; `handler` is not called.
  template <class M>
  void install(std::function<void(const Pid& from, const M& message)> handler) {
    install(std::string(M::descriptor()->full_name()),
            [handler = std::move(handler)](const Pid& from, std::string_view body) {
              M message;
              parse(body, message);
              handler(from, message);
            });
  }
  template <class M, class P>
  void install(void (P::*method)(const Pid& from, const M& message)) {
    install<M>([self = static_cast<P*>(this), method](const Pid& from, const M& message) {
      (self->*method)(from, message);
    });
  }

  /// Sends the message under the full name of its type. `invalid` when a required field is missing.
  SendResult send(const Pid& to, const google::protobuf::Message& message,
                  OnDelivery on_delivery = {});

 private:
  /// Throws Error when the bytes are no such message.
  static void parse(std::string_view body, google::protobuf::Message& message);
};

}  // namespace compactor
