#include "net/handshakes.h"

#include <utility>

namespace compactor {

bool Handshakes::start(std::shared_ptr<const tls::Config> config, Transport client,
                       const std::string& ip, Done done) {
  const bool full = under_way_.size() >= most_ && !under_way_.empty();
  if (full) {
    under_way_.front()->cancel();
    under_way_.pop_front();
  }
  auto handshake = std::make_shared<Handshake>(network_, limit_, std::move(config),
                                               tls::Role::server, std::move(client), ip, "");
  const auto at = under_way_.insert(under_way_.end(), handshake);
  handshake->start(
      [this, at, done = std::move(done)](Transport ready, const tls::Failure& failure) {
        under_way_.erase(at);
        done(std::move(ready), failure);
      });
  return !full;
}

void Handshakes::cancel_all() {
  for (const auto& handshake : std::exchange(under_way_, {})) handshake->cancel();
}

}  // namespace compactor
