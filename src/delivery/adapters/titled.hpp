// SPDX-License-Identifier: MIT
// titled.hpp: a rendered message with a title, a link and a mark beside it: pushes and mails. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "delivery/render/render.hpp"
#include "meantime/adapter.hpp"

namespace meantime::delivery {

struct Titled {
  render::Chunk chunk;
  std::string title;  ///< One line.
  std::string link;   ///< Where the whole can be read, or empty.
  bool failed = false;
};

/// As plan_chunks, each with a title.
[[nodiscard]] Result<std::vector<std::string>> plan_titled(const Message& message, const render::Limits& limits,
                                                           const std::string& link);

/// Errors: invalid_argument (it was not made by plan_titled).
[[nodiscard]] Result<Titled> unpack_titled(std::string_view packed);

}  // namespace meantime::delivery
