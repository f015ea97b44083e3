// SPDX-License-Identifier: MIT
// certificates.hpp: an authority of the test's own, and what it signed: for TLS between a test and its servers.
#pragma once

#include <filesystem>
#include <string>

#include "support/temp_folder.hpp"

namespace meantime::test {

/// PEM files made anew by the openssl program (some 50 ms). The server's certificate names localhost and 127.0.0.1.
class Certificates {
 public:
  /// Errors: throws std::runtime_error with what openssl says.
  Certificates();

  [[nodiscard]] std::string ca() const { return file("ca.crt"); }
  [[nodiscard]] std::string server_certificate() const { return file("server.crt"); }
  [[nodiscard]] std::string server_key() const { return file("server.key"); }
  [[nodiscard]] std::string client_certificate() const { return file("client.crt"); }
  [[nodiscard]] std::string client_key() const { return file("client.key"); }

 private:
  [[nodiscard]] std::string file(const char* name) const { return (folder_.path() / name).string(); }
  void sign(const std::string& name, const std::string& subject, const std::string& names) const;
  TempFolder folder_;
};

}  // namespace meantime::test
