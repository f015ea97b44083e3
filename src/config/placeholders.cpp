// SPDX-License-Identifier: MIT
#include "config/placeholders.hpp"

#include <cstdlib>

#include "config/store_settings.hpp"

namespace meantime::config {

std::expected<std::string, std::string> fill_in(std::string_view text, std::string_view open, const FillIn& fill) {
  std::string out;
  while (true) {
    const std::size_t at = text.find(open);
    if (at == std::string_view::npos) break;
    const std::size_t inner = at + open.size();
    const std::size_t close = text.find('}', inner);
    if (close == std::string_view::npos) break;
    auto value = fill(text.substr(inner, close - inner));
    if (!value) return value;
    out += text.substr(0, at);
    out += *value;
    text.remove_prefix(close + 1);
  }
  out += text;
  return out;
}

std::expected<std::string, std::string> variable(std::string_view name) {
  const std::string text(name.substr(0, 256));
  const char* value = text.find('\0') == std::string::npos ? std::getenv(text.c_str()) : nullptr;
  if (value != nullptr) return value;
  return std::unexpected("the environment variable '" + text + "' is not set: set it before the start");
}

std::expected<std::string, std::string> secret_from(const std::filesystem::path& file) {
  auto secret = read_password(file);
  if (!secret) return std::unexpected(std::move(secret.error().detail));
  return std::move(*secret);
}

}  // namespace meantime::config
