// Processes whose mailboxes are protobuf types.
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_protobuf_process_test {

using namespace actors;
using google::protobuf::DescriptorProto;
using NamePart = google::protobuf::UninterpretedOption::NamePart;  // has required fields

namespace {

class Typed : public ProtobufProcess {
 public:
  explicit Typed(std::string id) : ProtobufProcess(std::move(id)) {
    install(&Typed::on_descriptor);
    install<NamePart>([this](const Pid&, const NamePart& part) {
      seen.add(part.has_is_extension() ? "whole" : "incomplete");
    });
    install("raw", [this](const Pid&, std::string_view body) { seen.add(std::string(body)); });
  }
  using ProtobufProcess::send;
  Log<std::string> seen;

 private:
  void on_descriptor(const Pid& from, const DescriptorProto& message) {
    seen.add(from.id + " " + message.name());
  }
};

}  // namespace

TEST_CASE("a message goes out under the full name of its type and arrives as one") {
  Context here(loopback()), there(loopback());
  const auto sender = spawned<Typed>(here, "sender"), target = spawned<Typed>(there, "target");
  DescriptorProto message;
  message.set_name("hello");
  CHECK(sender->send(target->pid(), message) == SendResult::queued);
  CHECK(sender->send(target->pid(), "raw", "bytes") == SendResult::queued);
  CHECK(target->seen.wait(2) == std::vector<std::string>{"sender hello", "bytes"});
}

TEST_CASE("missing required fields are not sent, and accepted on receipt; empty is empty") {
  Context context(loopback());
  const auto p = spawned<Typed>(context, "p");
  CHECK(p->send(p->pid(), NamePart()) == SendResult::invalid);
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("p", "google.protobuf.UninterpretedOption.NamePart", "") +
             raw::message("p", "google.protobuf.DescriptorProto", ""));
  CHECK(peer.read_statuses(2) == std::vector{202, 202});
  CHECK(p->seen.wait(2) == std::vector<std::string>{"incomplete", "peer "});
}

TEST_CASE("a body that is no such message is a warning and counted; the handler is not called") {
  Context context(loopback());
  const auto p = spawned<Typed>(context, "p");
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("p", "google.protobuf.DescriptorProto", "\xff\xff\xff"));
  CHECK(peer.read_status() == 202);
  CHECK(p->seen.now().empty());
  CHECK(context.statistics().handler_exceptions == 1);
  CHECK(watcher(context).warnings.wait(1)[0].find("is no google.protobuf.DescriptorProto") !=
        std::string::npos);
}

}  // namespace actor_protobuf_process_test
