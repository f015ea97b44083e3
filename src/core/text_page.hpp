// SPDX-License-Identifier: MIT
// text_page.hpp: cuts a long text into pages, so that a model is never handed three megabytes at once.
#pragma once

#include <cstdint>
#include <string_view>

#include "meantime/task.hpp"

namespace meantime {

/// The page of `text` that starts at character `offset_chars`, at most `limit_chars` long (0: to the end).
/// `text` is valid UTF-8; for other bytes the page is some part of them. An offset past the end gives an empty page.
[[nodiscard]] TextPage page_of(std::string_view text, std::uint64_t offset_chars, std::uint64_t limit_chars);

}  // namespace meantime
