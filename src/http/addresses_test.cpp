// SPDX-License-Identifier: MIT
#include "http/addresses.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace meantime::http {
namespace {

TEST(Addresses, OfTheInternetArePublic) {
  for (const char* address : {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                              "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.169.0.0", "198.17.255.255",
                              "198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888",
                              "2a00::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"}) {
    EXPECT_TRUE(is_public(std::string(address))) << address;
  }
}

TEST(Addresses, OfThisMachineItsNetworkAndNobodyAreNot) {
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.255",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.8",
                              "192.0.2.1",
                              "192.88.99.1",
                              "192.168.0.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.1.1.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::7f00:1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a00:1",
                              "64:ff9b:1::1",
                              "100::1",
                              "2001::1",
                              "2001:1::1",
                              "2001:db8::1",
                              "2002:7f00:1::1",
                              "2002:a00:1::1",
                              "3fff::1",
                              "fc00::1",
                              "fd00::1",
                              "fe80::1",
                              "fe80::1%eth0",
                              "fec0::1",
                              "ff02::1",
                              "",
                              "localhost",
                              "1.1.1",
                              "0x7f.1",
                              "1.1.1.1 "}) {
    EXPECT_FALSE(is_public(std::string(address))) << address;
  }
  sockaddr_un file{};
  file.sun_family = AF_UNIX;
  EXPECT_FALSE(is_public(reinterpret_cast<const sockaddr&>(file)));
}

}  // namespace
}  // namespace meantime::http
