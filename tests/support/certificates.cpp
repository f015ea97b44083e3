// SPDX-License-Identifier: MIT
#include "support/certificates.hpp"

#include <vector>

#include "support/child.hpp"

namespace meantime::test {
namespace {

std::vector<std::string> new_certificate(const std::string& key, const std::string& certificate,
                                         const std::string& subject) {
  return {"openssl", "req",     "-x509", "-newkey", "ec",        "-pkeyopt", "ec_paramgen_curve:prime256v1",
          "-nodes",  "-keyout", key,     "-out",    certificate, "-days",    "2",
          "-subj",   subject};
}

}  // namespace

Certificates::Certificates() {
  run_program(new_certificate(file("ca.key"), file("ca.crt"), "/CN=meantime test authority"));
  sign("server", "/CN=meantime test server", "DNS:localhost,IP:127.0.0.1");
  sign("client", "/CN=meantime test client", "DNS:client.invalid");
}

void Certificates::sign(const std::string& name, const std::string& subject, const std::string& names) const {
  auto arguments = new_certificate(file((name + ".key").c_str()), file((name + ".crt").c_str()), subject);
  for (const auto& more :
       {std::string("-CA"), file("ca.crt"), std::string("-CAkey"), file("ca.key"), std::string("-addext"),
        "subjectAltName=" + names, std::string("-addext"), std::string("basicConstraints=critical,CA:FALSE")}) {
    arguments.push_back(more);
  }
  run_program(arguments);
}

}  // namespace meantime::test
