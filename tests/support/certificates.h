// Certificates for tests, made by openssl(1) when they are first asked for. One folder of them goes
// with the test program.
#pragma once

#include <string>

namespace certificates {

/// The path of NAME.pem, or NAME.key, of one of these:
///   ca, otherca    authorities
///   node           by ca, for localhost and 127.0.0.1
///   named          by ca, for localhost alone
///   numbered       by ca, for 127.0.0.1 alone
///   elsewhere      by ca, for else.where and 10.9.9.9
///   stranger       by otherca, for localhost and 127.0.0.1
///   wild           by ca, for *.cluster.example
///   expired, soon  by ca, for 127.0.0.1: ended yesterday, ends in ten days
///   curve          by ca, for 127.0.0.1, not of RSA
std::string file(const std::string& name);

}  // namespace certificates
