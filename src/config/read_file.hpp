// SPDX-License-Identifier: MIT
// read_file.hpp: a small regular file, whole.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>

namespace meantime::config {

/// The content; never waits (as a pipe would make it) and never reads more than `max_bytes`.
/// The unexpected side says what is wrong and what to do, to follow the file's name.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::filesystem::path& file,
                                                                std::size_t max_bytes);

}  // namespace meantime::config
