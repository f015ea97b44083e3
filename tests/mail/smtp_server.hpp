// SPDX-License-Identifier: MIT
// smtp_server.hpp: a real mail server on loopback as a child process: STARTTLS with a certificate of the test's own
// authority, user `bot`, password `s3cret`. What it does with a letter is said by the receiver's name.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>

#include "support/certificates.hpp"
#include "support/child.hpp"
#include "support/descriptor.hpp"

namespace meantime::test {

class SmtpServer {
 public:
  /// `how`: "starttls", "tls" from the first byte on, or "plain" without a login. Errors: throws std::runtime_error.
  explicit SmtpServer(const Certificates& certificates, const std::string& how = "starttls");
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// The next letter that came, waited for: {from, to, user, tls, headers, texts, files, ...}.
  [[nodiscard]] boost::json::object letter();
  /// Whether one came that nobody asked for.
  [[nodiscard]] bool has_letter() const;

 private:
  std::string line();
  Descriptor in_;
  Descriptor out_;
  Child child_;
  std::string read_;
  std::uint16_t port_ = 0;
};

}  // namespace meantime::test
