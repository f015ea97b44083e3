// SPDX-License-Identifier: MIT
// blocking_body.hpp: makes a coroutine tool of a blocking one.
#pragma once

#include "engine/blocking_pool.hpp"
#include "meantime/tool.hpp"

namespace meantime {

/// `body` on a thread of `pool`, its context reached through the loop. The pool outlives the tool.
[[nodiscard]] CoroutineBody on_pool(BlockingPool& pool, BlockingBody body);

}  // namespace meantime
