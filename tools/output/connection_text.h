// A connection that was opened, or ended, in words.
#pragma once

#include <string>

#include "output/events.h"

namespace tool {

/// `opened`, `closed by 10.0.0.5:40212` …
std::string connection_state(const ConnectionEvent& event);
/// What else there is to say of it, with what parts it from its state.
void append_connection_details(std::string& out, const ConnectionEvent& event);
/// `TLSv1.2`, or that it is TLS.
std::string tls_version(const TlsEvent& event);
/// What else there is to say, with what parts it from the version.
std::string tls_details(const TlsEvent& event);

}  // namespace tool
