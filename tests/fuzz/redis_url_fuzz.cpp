// SPDX-License-Identifier: MIT
// redis_url_fuzz.cpp: any bytes as the URL of a Redis: options whose place can be read again, or an error that repeats
// nothing of the input.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "meantime/redis_store.hpp"

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string url(reinterpret_cast<const char*>(data), size);
  const auto options = meantime::parse_redis_url(url);
  if (!options) {
    demand(!options.error().detail.empty());
    // The same mistake is told in the same words, whatever the password is.
    const auto at = url.find('@');
    const auto begin = url.find("//");
    if (begin != std::string::npos && at != std::string::npos && begin < at) {
      const std::string secret = url.substr(begin + 2, at - begin - 2);
      demand(secret.size() < 16 || options.error().detail.find(secret) == std::string::npos);
    }
    return 0;
  }
  demand(!options->key_prefix.empty());
  const auto again = meantime::parse_redis_url(options->place());
  demand(again.has_value());
  demand(again->host == options->host && again->port == options->port && again->database == options->database);
  demand(again->unix_socket == options->unix_socket && again->username == options->username);
  demand(again->tls.on == options->tls.on && again->password.empty());
  return 0;
}
