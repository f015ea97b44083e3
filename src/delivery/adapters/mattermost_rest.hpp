// SPDX-License-Identifier: MIT
// mattermost_rest.hpp: what Mattermost's bots and webhooks share: limits, and what an answer means.
#pragma once

#include "delivery/adapters/web.hpp"
#include "delivery/render/render.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

inline constexpr render::Limits mattermost_limits{
    .markup = render::Markup::markdown,
    .unit = render::Unit::code_points,
    .hard = 16'383,
    .fence_language = true,
    .inner_fence = render::InnerFence::longer_marker,
    .mentions = render::MentionGuard::zero_width_space,
    .takes_files = true,
};

/// An answer that is no success; 2xx is `arrived`.
[[nodiscard]] SendAnswer judge_mattermost(const http::Response& answer, WallTime now);

/// An id of Mattermost's: 26 characters a-z and 0-9.
[[nodiscard]] bool is_mattermost_id(std::string_view text) noexcept;

}  // namespace meantime::delivery
