// SPDX-License-Identifier: MIT
// redirects.hpp: the rules of a task's redirects, the same for every store.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "meantime/error.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// Same destination, platform and channel: one of them is enough.
[[nodiscard]] bool same_place(const Redirect& a, const Redirect& b) noexcept;

/// Puts `redirect` in the place of the one with the same destination, platform and channel, or at the end; answers
/// where it stands. Absent: there are max_redirects already.
[[nodiscard]] std::optional<std::size_t> put_redirect(std::vector<Redirect>& redirects, Redirect redirect);

/// Errors: invalid_argument (no destination, a name over 512 bytes or that is no UTF-8).
[[nodiscard]] Result<void> check_redirect(const Redirect& redirect);

}  // namespace meantime
