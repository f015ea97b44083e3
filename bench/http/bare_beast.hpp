// SPDX-License-Identifier: MIT
// bare_beast.hpp: the limits: an echo server that is nothing but Asio, Beast's parser and one buffer a connection, and
// a gateway of as little.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace meantime::bench {

/// Listens on 127.0.0.1, says on which port, and serves until the process ends.
void run_bare_beast(const std::function<void(std::uint16_t)>& listening);

/// The same as a gateway: each body goes as a line to `program`, and the lines that come back are the answers, in
/// order.
void run_bare_gateway(const std::string& program, const std::function<void(std::uint16_t)>& listening);

}  // namespace meantime::bench
