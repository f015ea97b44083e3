// SPDX-License-Identifier: MIT
// server_program.hpp: the real `meantime serve` or `wrap`, spoken to on its standard streams.
#pragma once

#include <string>
#include <string_view>

#include "program.hpp"

namespace meantime::test {

class ServerProgramTest : public ProgramTest {
 protected:
  /// Writes a file into the test's folder; answers its path.
  [[nodiscard]] std::string file(const std::string& name, std::string_view text) const;
  /// Sends one request and answers its response.
  [[nodiscard]] boost::json::value ask(Program& server, int id, const std::string& method,
                                       const boost::json::value& params) const;
  /// The greeting of a client of 2025-06-18; request 1.
  boost::json::value greet(Program& server) const;
  /// Calls a tool; answers its text.
  [[nodiscard]] std::string call(Program& server, int id, std::string_view tool,
                                 const boost::json::object& arguments = {}) const;

  [[nodiscard]] static std::string text_of(const boost::json::value& answer);
};

}  // namespace meantime::test
