// SPDX-License-Identifier: MIT
// chunks.hpp: what adapters with rendered messages share: planning, notes, and the whole result as a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/render/render.hpp"
#include "meantime/adapter.hpp"

namespace meantime::delivery {

inline constexpr std::string_view repeated_note = "(possibly repeated)";
inline constexpr std::string_view no_file_note = "(the file could not be attached)";

/// What both notes add to a chunk, in any unit and markup.
inline constexpr std::size_t room_for_notes = 160;

/// A task's report as packed chunks, each with room for notes within `limits`. `link`: where the result can be read.
/// Errors: invalid_argument (limits that are too small).
[[nodiscard]] Result<std::vector<std::string>> plan_chunks(const Message& message, render::Limits limits,
                                                           std::string link = {});

/// Adds a line at the end, where no entity's offset changes. `note` needs no escaping.
void add_note(render::Chunk& chunk, std::string_view note);

/// The whole result, cleaned; its middle is left out when it has more than `max_bytes`. Errors: those of the store.
[[nodiscard]] Task<Result<std::string>> file_of(const Outgoing& message, std::size_t max_bytes);

/// All but letters, digits and `-._~` as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace meantime::delivery
