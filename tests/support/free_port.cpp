// SPDX-License-Identifier: MIT
#include "support/free_port.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <random>
#include <stdexcept>

namespace meantime::test {

std::uint16_t free_port() {
  constexpr unsigned first = 10'000;
  constexpr unsigned last = 32'000;
  std::random_device dice;
  std::uniform_int_distribution<unsigned> any(first, last);
  for (int tries = 0; tries < 1'000; ++tries) {
    const auto port = static_cast<std::uint16_t>(any(dice));
    if (const auto socket = bound_socket(port); socket && listen(socket.get(), 1) == 0) return port;
  }
  throw std::runtime_error("no port of this machine is free");
}

Descriptor bound_socket(std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  return bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? std::move(socket) : Descriptor();
}

}  // namespace meantime::test
