// SPDX-License-Identifier: MIT
// breaks.hpp: the best place to cut a text that is too long. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "delivery/render/fences.hpp"

namespace meantime::render {

/// The largest length <= `at_most` at which no grapheme cluster and no CRLF is cut; what people see as one character
/// stays one. When a single cluster is longer than `at_most` it is cut between characters. 0 only when not even one
/// character fits. `text` is valid UTF-8.
[[nodiscard]] std::size_t cluster_boundary(std::string_view text, std::size_t at_most);

/// Where to end a piece of `text`, at most `at_most` bytes long; more of it follows. In code: behind a line end, else
/// hard. In text: behind a blank line, a line end, a sentence, a space; never inside an entity (`&amp;`), a backslash
/// escape, a link, a mention or inline code that fits into `at_most`. > 0 when any character fits. Constant work
/// besides what lies in [0, at_most).
[[nodiscard]] std::size_t break_before(std::string_view text, std::size_t at_most, Block::Kind kind);

}  // namespace meantime::render
