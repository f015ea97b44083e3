// SPDX-License-Identifier: MIT
// addresses.hpp: which addresses everybody can reach, and which only this machine or its network can.
#pragma once

#include <string>

struct sockaddr;

namespace meantime::http {

/// True for an IPv4 or IPv6 address of the public internet. False for every other family, and for IPv4 addresses that
/// stand inside IPv6 ones and are not public themselves.
[[nodiscard]] bool is_public(const sockaddr& address) noexcept;
/// The same for an address in numbers, as "192.0.2.1" or "fe80::1%eth0". False for what is none.
[[nodiscard]] bool is_public(const std::string& address) noexcept;

}  // namespace meantime::http
