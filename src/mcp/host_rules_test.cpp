// SPDX-License-Identifier: MIT
#include "mcp/host_rules.hpp"

#include <gtest/gtest.h>

namespace meantime::mcp {
namespace {

TEST(HostRules, NamesOfThisMachineAreAllowedWithAnyPort) {
  const HostRules rules;
  for (const std::string_view host :
       {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:3000"}) {
    EXPECT_TRUE(rules.host_allowed(host)) << host;
    EXPECT_TRUE(rules.origin_allowed("http://" + std::string(host))) << host;
    EXPECT_TRUE(rules.origin_allowed("https://" + std::string(host))) << host;
  }
}

TEST(HostRules, ForeignAndStrangeNamesAreRefused) {
  const HostRules rules;
  for (const std::string_view host :
       {"evil.example", "localhost.evil.example", "evil.example:80", "127.0.0.1.evil.example", "", ":80",
        "localhost:", "localhost:80:80", "localhost:123456", "localhost:8o", "localhost@evil.example", "evil@localhost",
        "localhost/path", "[::1", "[::1]x", "::1", "localhost,evil.example", "local host", "0.0.0.0"}) {
    EXPECT_FALSE(rules.host_allowed(host)) << host;
    EXPECT_FALSE(rules.origin_allowed("http://" + std::string(host))) << host;
    EXPECT_TRUE(rules.refuse(host, std::nullopt)) << host;
  }
  EXPECT_FALSE(rules.host_allowed(std::nullopt));
  for (const std::string_view origin : {"null", "localhost", "file://", "ftp://localhost", "http:/localhost",
                                        "http://localhost/", "HTTP://evil.example", ""}) {
    EXPECT_FALSE(rules.origin_allowed(origin)) << origin;
    EXPECT_TRUE(rules.refuse("localhost", origin)) << origin;
  }
}

TEST(HostRules, NoOriginIsNoBrowser) {
  EXPECT_TRUE(HostRules().origin_allowed(std::nullopt));
  EXPECT_EQ(HostRules().refuse("localhost:3000", std::nullopt), std::nullopt);
}

TEST(HostRules, WhatIsListedIsAllowed) {
  const HostRules rules({"mcp.Example.com", "other.example:8443"}, {"https://app.example.com/", "null"});
  EXPECT_TRUE(rules.host_allowed("mcp.example.com"));
  EXPECT_TRUE(rules.host_allowed("MCP.example.com:443"));
  EXPECT_TRUE(rules.host_allowed("other.example:8443"));
  EXPECT_FALSE(rules.host_allowed("other.example"));
  EXPECT_FALSE(rules.host_allowed("other.example:80"));
  EXPECT_TRUE(rules.origin_allowed("https://app.example.com"));
  EXPECT_FALSE(rules.origin_allowed("http://app.example.com"));
  EXPECT_FALSE(rules.origin_allowed("https://app.example.com:444"));
  EXPECT_TRUE(rules.origin_allowed("null"));
  EXPECT_TRUE(rules.host_allowed("localhost"));
  const HostRules open({"*"}, {"*"});
  EXPECT_TRUE(open.host_allowed("anything.example:1") && open.origin_allowed("https://anything.example"));
  EXPECT_FALSE(open.host_allowed("not a host"));
}

}  // namespace
}  // namespace meantime::mcp
