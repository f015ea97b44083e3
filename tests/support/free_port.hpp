// SPDX-License-Identifier: MIT
// free_port.hpp: a TCP port of 127.0.0.1 that nobody listens on.
#pragma once

#include <cstdint>

#include "support/descriptor.hpp"

namespace meantime::test {

/// Free at this moment: who uses it must try another one when somebody was quicker. From below the range in which the
/// kernel finds ports for outgoing connections, so that one that is given up for a moment, by a server that restarts,
/// is not taken by a passer-by. Errors: throws std::runtime_error when all are taken.
[[nodiscard]] std::uint16_t free_port();

/// A socket bound to 127.0.0.1:`port`, not listening yet; empty when the port is taken.
[[nodiscard]] Descriptor bound_socket(std::uint16_t port);

}  // namespace meantime::test
