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

/// What the note about repetition and without_file() add to a chunk, in any unit and markup.
inline constexpr std::size_t room_for_notes = 280;

/// A task's report as packed chunks, each with room for notes within `limits`. `link`: where the result can be read.
/// Errors: invalid_argument (limits that are too small).
[[nodiscard]] Result<std::vector<std::string>> plan_chunks(const Message& message, render::Limits limits,
                                                           std::string link = {});

/// Where a person can read the result: `link` with `{task_id}` filled in; empty: nowhere.
[[nodiscard]] std::string link_to(std::string_view link, const Message& message);

/// Adds a line at the end, where no entity's offset changes. `note` needs no escaping.
void add_note(render::Chunk& chunk, std::string_view note);

/// The platform did not take the file: the line that names it goes, and another one says how the whole is read.
void without_file(render::Chunk& chunk, const Outgoing& message);

/// The whole result, cleaned; its middle is left out when it has more than `max_bytes`. Errors: those of the store.
[[nodiscard]] Task<Result<std::string>> file_of(const Outgoing& message, std::size_t max_bytes);

/// All but letters, digits and `-._~` as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace meantime::delivery
