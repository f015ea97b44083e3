// SPDX-License-Identifier: MIT
// suggest.hpp: "did you mean" for words that were mistyped.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace meantime {

/// The known word that `word` most likely meant; empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string> known);

}  // namespace meantime
