// SPDX-License-Identifier: MIT
#include "config/read_file.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace meantime::config {

std::expected<std::string, std::string> read_file(const std::filesystem::path& file, std::size_t max_bytes) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(file, ec)) {
    return std::unexpected(std::filesystem::exists(file, ec) ? "is no regular file: name another"
                                                             : "there is no such file: create it, or correct the path");
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return std::unexpected("cannot be read (" + std::generic_category().message(errno) + "): check its permissions");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_bytes) {
    return std::unexpected(
        "is larger than " +
        (max_bytes >> 20U != 0 ? std::to_string(max_bytes >> 20U) + " MB" : std::to_string(max_bytes >> 10U) + " KB") +
        ", too large for what it should be");
  }
  return text;
}

}  // namespace meantime::config
