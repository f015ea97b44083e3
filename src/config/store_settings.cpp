// SPDX-License-Identifier: MIT
#include "config/store_settings.hpp"

#include "config/read_file.hpp"

namespace meantime::config {

Result<StoreSettings> parse_store(std::string_view text) {
  StoreSettings out;
  if (text == "memory") {
    out.kind = StoreSettings::Kind::memory;
    return out;
  }
  constexpr std::string_view sqlite = "sqlite:";
  if (text.starts_with(sqlite)) {
    text.remove_prefix(sqlite.size());
  } else if (text.find("://") != std::string_view::npos || text.starts_with("redis:") || text.starts_with("rediss:")) {
    auto options = parse_redis_url(text);
    if (!options) return std::unexpected(std::move(options.error()));
    out.kind = StoreSettings::Kind::redis;
    out.redis = std::move(*options);
    return out;
  }
  if (text.empty() || text.find('\0') != std::string_view::npos) {
    return fail(errc::invalid_argument, "store",
                "a store is named by the path of an SQLite file, a URL as redis://10.0.0.5:6379/0, or \"memory\"");
  }
  out.path = text;
  return out;
}

Result<std::string> read_password(const std::filesystem::path& file) {
  constexpr std::size_t longest = 64U << 10U;
  auto text = read_file(file, longest);
  if (!text) return fail(errc::invalid_argument, "store", "password file " + file.string() + ": " + text.error());
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->empty() || text->find_first_of("\r\n") != std::string::npos || text->find('\0') != std::string::npos) {
    return fail(errc::invalid_argument, "store",
                "password file " + file.string() + ": it must hold the password and nothing else, on one line");
  }
  return std::move(*text);
}

}  // namespace meantime::config
