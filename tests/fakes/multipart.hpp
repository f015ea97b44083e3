// SPDX-License-Identifier: MIT
// multipart.hpp: reads multipart/form-data as strictly as a platform would. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace meantime::test {

struct Part {
  std::string name;
  std::string file_name;  ///< Empty: it is a field.
  std::string type;
  std::string bytes;
};

/// The parts in order, or what is wrong with them.
[[nodiscard]] std::expected<std::vector<Part>, std::string> read_multipart(std::string_view content_type,
                                                                           std::string_view body);
[[nodiscard]] const Part* find_part(const std::vector<Part>& parts, std::string_view name);

}  // namespace meantime::test
