// A connection that speaks TLS, from how it is told to how it is printed.
#pragma once

#include <string_view>

#include "capture/exchange.h"
#include "output/events.h"

namespace tool {

/// The texts of both ends, and those of `tls`, must outlive it.
inline TlsEvent tls_event(const compactor::capture::SeenTls& tls, std::string_view client,
                          std::string_view server) {
  TlsEvent event;
  event.time = tls.time;
  event.connection = tls.connection.number;
  event.source = client;
  event.destination = server;
  event.version = tls.version;
  event.server_name = tls.server_name;
  event.cipher = tls.cipher;
  event.bytes = tls.bytes;
  event.opened = tls.opened;
  event.reason = tls.reason;
  return event;
}

}  // namespace tool
