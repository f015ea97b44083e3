// SPDX-License-Identifier: MIT
// multipart.hpp: writes multipart/form-data. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meantime::delivery {

/// Fields and files in the order they were added. Names are written literally: ASCII without quotes and line ends.
class Multipart {
 public:
  Multipart& field(std::string name, std::string value, std::string type = {});
  Multipart& file(std::string name, std::string file_name, std::string type, std::string bytes);

  /// The body; `content_type` becomes its header's value. No part holds the boundary.
  [[nodiscard]] std::string body(std::string& content_type) const;

 private:
  struct Part {
    std::string head;
    std::string bytes;
  };
  std::vector<Part> parts_;
};

/// By a file's name: text/plain or application/json.
[[nodiscard]] std::string_view media_type_of(std::string_view file_name) noexcept;

}  // namespace meantime::delivery
