// SPDX-License-Identifier: MIT
#include "http/addresses.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace meantime::http {
namespace {

struct Range4 {
  std::uint32_t first;
  unsigned bits;
};

// The IANA special-purpose registry's, and what it leaves to multicast and the future.
constexpr std::array not_public{
    Range4{0x00000000, 8},   // this network
    Range4{0x0A000000, 8},   // private
    Range4{0x64400000, 10},  // shared by carriers
    Range4{0x7F000000, 8},   // loopback
    Range4{0xA9FE0000, 16},  // link-local, and clouds' metadata
    Range4{0xAC100000, 12},  // private
    Range4{0xC0000000, 24},  // protocol assignments
    Range4{0xC0000200, 24},  // documentation
    Range4{0xC0586300, 24},  // 6to4 relays
    Range4{0xC0A80000, 16},  // private
    Range4{0xC6120000, 15},  // benchmarks
    Range4{0xC6336400, 24},  // documentation
    Range4{0xCB007100, 24},  // documentation
    Range4{0xE0000000, 4},   // multicast
    Range4{0xF0000000, 4},   // reserved, broadcast
};

bool is_public_v4(std::uint32_t address) noexcept {
  return std::ranges::none_of(not_public,
                              [&](const Range4& range) { return (address ^ range.first) >> (32 - range.bits) == 0; });
}

std::uint32_t v4_at(const std::uint8_t* bytes) noexcept {
  return static_cast<std::uint32_t>(bytes[0]) << 24U | static_cast<std::uint32_t>(bytes[1]) << 16U |
         static_cast<std::uint32_t>(bytes[2]) << 8U | bytes[3];
}

bool is_public_v6(const in6_addr& address) noexcept {
  const std::uint8_t* bytes = address.s6_addr;
  static constexpr std::uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes, nat64, sizeof nat64) == 0) return is_public_v4(v4_at(bytes + 12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_public_v4(v4_at(bytes + 2));    // 6to4
  if ((bytes[0] & 0xe0U) != 0x20) return false;                                       // global unicast is 2000::/3
  if (bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] & 0xfeU) == 0) return false;  // 2001::/23: Teredo and others
  if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8) return false;  // documentation
  if (bytes[0] == 0x3f && bytes[1] == 0xff && (bytes[2] & 0xf0U) == 0) return false;               // documentation
  return true;
}

}  // namespace

bool is_public(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return is_public_v4(v4_at(v6.sin6_addr.s6_addr + 12));
    return is_public_v6(v6.sin6_addr);
  }
  return false;
}

bool is_public(const std::string& address) noexcept {
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  const std::string number = address.substr(0, address.find('%'));
  if (::inet_pton(AF_INET, number.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    return is_public(reinterpret_cast<const sockaddr&>(v4));
  }
  if (::inet_pton(AF_INET6, number.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    return is_public(reinterpret_cast<const sockaddr&>(v6));
  }
  return false;
}

}  // namespace meantime::http
