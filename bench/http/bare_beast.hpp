// SPDX-License-Identifier: MIT
// bare_beast.hpp: the limit: an echo server that is nothing but Asio, Beast's parser and one buffer a connection.
#pragma once

#include <cstdint>
#include <functional>

namespace meantime::bench {

/// Listens on 127.0.0.1, says on which port, and serves until the process ends.
void run_bare_beast(const std::function<void(std::uint16_t)>& listening);

}  // namespace meantime::bench
