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
    std::string other = url;
    const auto begin = url.find("//");
    const auto end = url.find('@');
    if (begin != std::string::npos && end != std::string::npos && url.find('%') == std::string::npos) {
      for (std::size_t i = begin + 2; i < end; ++i) {
        if ((other[i] | 0x20) >= 'a' && (other[i] | 0x20) <= 'z') other[i] = 'x';
      }
    }
    const auto again = meantime::parse_redis_url(other);
    demand(!again.has_value() && again.error().detail == options.error().detail);
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
