// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meantime/redis_store.hpp"

namespace meantime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RedisOptions read(std::string_view url) {
  auto options = parse_redis_url(url);
  if (options) return std::move(*options);
  ADD_FAILURE() << url << ": " << options.error().detail;
  return {};
}

TEST(RedisUrl, NamesHostPortDatabaseUserAndPassword) {
  const RedisOptions all = read("redis://bot:secret@10.0.0.5:7000/2");
  EXPECT_EQ(all.host, "10.0.0.5");
  EXPECT_EQ(all.port, 7000);
  EXPECT_EQ(all.database, 2U);
  EXPECT_EQ(all.username, "bot");
  EXPECT_EQ(all.password, "secret");
  EXPECT_EQ(all.key_prefix, "sg:");
  EXPECT_FALSE(all.tls.on);
  EXPECT_FALSE(all.legacy_results);
  for (const char* plain : {"redis://cache.internal", "redis://cache.internal/", "valkey://cache.internal:6379/0"}) {
    const RedisOptions options = read(plain);
    EXPECT_EQ(options.host, "cache.internal");
    EXPECT_EQ(options.port, 6379);
    EXPECT_EQ(options.database, 0U);
    EXPECT_EQ(options.username + options.password, "");
  }
  EXPECT_EQ(read("redis://:secret@h").password, "secret");
  EXPECT_EQ(read("redis://bot@h").username, "bot");
}

TEST(RedisUrl, PercentEscapesAreUndone) {
  const RedisOptions options = read("redis://b%40t:p%3A%2F%3F%23%5B%5D%25%20%C3%BC@h?prefix=%7Bapp%7D%3A&db=3");
  EXPECT_EQ(options.username, "b@t");
  EXPECT_EQ(options.password, "p:/?#[]% \xC3\xBC");
  EXPECT_EQ(options.key_prefix, "{app}:");
  EXPECT_EQ(options.database, 3U);
  EXPECT_EQ(read("redis://h?prefix=a%26b=c:").key_prefix, "a&b=c:") << "an escaped & is part of the value";
}

TEST(RedisUrl, AnIpv6AddressStandsInBrackets) {
  const RedisOptions options = read("redis://[2001:db8::5]:6380/1");
  EXPECT_EQ(options.host, "2001:db8::5");
  EXPECT_EQ(options.port, 6380);
  EXPECT_EQ(options.place(), "redis://[2001:db8::5]:6380/1");
  EXPECT_EQ(read("redis://[fe80::1%25eth0]").host, "fe80::1%eth0");
}

TEST(RedisUrl, RedissIsTlsWithItsCertificates) {
  const RedisOptions options =
      read("rediss://h?ca=/etc/ca.pem&cert=%2Fc.pem&key=/k.pem&server_name=cache&legacy_results=true");
  EXPECT_TRUE(options.tls.on);
  EXPECT_EQ(options.tls.ca_file, "/etc/ca.pem");
  EXPECT_EQ(options.tls.certificate_file, "/c.pem");
  EXPECT_EQ(options.tls.key_file, "/k.pem");
  EXPECT_EQ(options.tls.server_name, "cache");
  EXPECT_TRUE(options.legacy_results);
}

TEST(RedisUrl, AUnixSocketIsAPath) {
  for (const char* url : {"unix:///run/a%20b/../redis.sock?db=4", "redis+unix:///run/a%20b/../redis.sock?db=4"}) {
    const RedisOptions options = read(url);
    EXPECT_EQ(options.unix_socket, "/run/a b/../redis.sock");
    EXPECT_EQ(options.database, 4U);
    EXPECT_EQ(options.place(), "unix:///run/a%20b/../redis.sock?db=4");
  }
  const RedisOptions with_user = read("unix://bot:secret@/run/redis.sock");
  EXPECT_EQ(with_user.username, "bot");
  EXPECT_EQ(with_user.password, "secret");
  EXPECT_EQ(with_user.place(), "unix://bot@/run/redis.sock");
}

TEST(RedisUrl, ThePlaceNeverShowsThePasswordAndCanBeReadAgain) {
  for (const char* url : {"redis://bot:geheim@10.0.0.5:6379/2", "rediss://:geheim@h:1", "unix://b%40t:geheim@/r.sock",
                          "redis://[::1]", "redis://h?prefix=geheim"}) {
    const std::string place = read(url).place();
    EXPECT_THAT(place, Not(HasSubstr("geheim")));
    EXPECT_EQ(read(place).place(), place);
  }
  EXPECT_EQ(read("redis://bot:geheim@10.0.0.5/2").place(), "redis://bot@10.0.0.5:6379/2");
}

TEST(RedisUrl, WhatIsWrongIsSaidWithTheRemedyAndWithoutThePassword) {
  const std::string far(20'000, 'x');
  const std::vector<std::pair<std::string, const char*>> mistakes{
      {"", "begins with redis://"},
      {"geheim", "begins with redis://"},
      {"10.0.0.5:6379", "begins with redis://"},
      {"http://bot:geheim@h", "begins with redis://"},
      {"redis:/h", "begins with redis://"},
      {"REDIS//h", "begins with redis://"},
      {"redis://", "no host"},
      {"redis:///2", "no host"},
      {"redis://bot:geheim@", "no host"},
      {"redis://bot:geheim@/2", "no host"},
      {"redis://:6379", "no host"},
      {"redis://bot:geheim@h:port", "number from 1 to 65535"},
      {"redis://bot:geheim@h:0", "number from 1 to 65535"},
      {"redis://bot:geheim@h:65536", "number from 1 to 65535"},
      {"redis://bot:geheim@h:-1", "number from 1 to 65535"},
      {"redis://bot:geheim@h:99999999999999999999", "number from 1 to 65535"},
      {"redis://bot:geheim@h/two", "database"},
      {"redis://bot:geheim@h/-1", "database"},
      {"redis://bot:geheim@h/4294967296", "database"},
      {"redis://bot:geheim@h/1/2", "database"},
      {"redis://bot:geheim@h/1?db=2", "two databases"},
      {"redis://bot:geheim@h?db=", "database"},
      {"redis://bot:ge@heim@h", "%40"},
      {"redis://bot:geheim/geheim@h", "%2F"},
      {"redis://bot:12?geheim@h", "%3F"},
      {"redis://bot:ge#heim@h", "%23"},
      {"redis://bot:geheim%@h", "%25"},
      {"redis://bot:geheim%2@h", "%25"},
      {"redis://bot:geheim%zz@h", "%25"},
      {"redis://bot:geheim%00@h", "control character"},
      {"redis://bot:geheim%0a@h", "control character"},
      {"redis://bot:geh eim@h", "%20"},
      {"redis://bot:geheim@h\n", "control character"},
      {std::string("redis://bot:geheim\0@h", 21), "control character"},
      {"redis://bot:geheim@h?geheim=1", "known are: prefix, db"},
      {"redis://bot:geheim@h?prefix", "key=value"},
      {"redis://bot:geheim@h?=x", "key=value"},
      {"redis://bot:geheim@h?prefix=", "empty prefix"},
      {"redis://bot:geheim@h?prefix=a&prefix=b", "twice"},
      {"redis://bot:geheim@h?prefix=a%00b", "control character"},
      {"redis://bot:geheim@h?legacy_results=1", "true or false"},
      {"redis://bot:geheim@h?ca=/ca.pem", "rediss://"},
      {"unix:///r.sock?server_name=x", "rediss://"},
      {"rediss://bot:geheim@h?cert=/c.pem", "go together"},
      {"unix://", "which socket?"},
      {"unix:///", "which socket?"},
      {"unix://bot:geheim@", "which socket?"},
      {"unix://run/redis.sock", "three slashes"},
      {"unix:///" + std::string(107, 'x'), "107"},
      {"redis://[::1", "IPv6"},
      {"redis://[::1]]", "the URL of a Redis"},
      {"redis://[nonsense]", "IPv6"},
      {"redis://2001:db8::5", "the URL of a Redis"},
      {"redis://bot:geheim@h,h2", "host"},
      {"redis://bot:geheim@h%2Fx", "host"},
      {"redis://bot:geheim@%30", "host"},
      {"redis://" + far, "16 KiB"},
  };
  for (const auto& [url, expected] : mistakes) {
    const auto options = parse_redis_url(url);
    ASSERT_FALSE(options) << url;
    EXPECT_EQ(options.error().code, errc::invalid_argument);
    EXPECT_THAT(options.error().detail, HasSubstr(expected)) << url;
    EXPECT_THAT(options.error().detail, Not(HasSubstr("geheim"))) << url;
    EXPECT_THAT(options.error().op, Not(HasSubstr("geheim"))) << url;
  }
}

}  // namespace
}  // namespace meantime
