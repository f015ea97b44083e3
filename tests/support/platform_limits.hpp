// SPDX-License-Identifier: MIT
// platform_limits.hpp: limits as the platforms document them, for tests of rendering; each adapter has its own table.
#pragma once

#include <array>
#include <string_view>

#include "delivery/render/limits.hpp"

namespace meantime::test {

struct PlatformLimits {
  std::string_view name;
  render::Limits limits;
};

inline constexpr std::array<PlatformLimits, 8> platform_limits{{
    {"discord",
     {.markup = render::Markup::markdown,
      .unit = render::Unit::code_points,
      .hard = 2'000,
      .fence_language = true,
      .takes_files = true}},
    {"slack",
     {.markup = render::Markup::mrkdwn,
      .unit = render::Unit::utf16,
      .hard = 40'000,
      .soft = 3'900,
      .takes_files = true}},
    {"telegram",
     {.markup = render::Markup::entities,
      .unit = render::Unit::utf16,
      .hard = 4'096,
      .takes_files = true,
      .caption = 1'024}},
    {"matrix",
     {.markup = render::Markup::html,
      .unit = render::Unit::json_bytes,
      .hard = 58'000,
      .fence_language = true,
      .inner_fence = render::InnerFence::longer_marker,
      .takes_files = true}},
    {"mattermost",
     {.markup = render::Markup::markdown,
      .unit = render::Unit::code_points,
      .hard = 16'383,
      .fence_language = true,
      .inner_fence = render::InnerFence::longer_marker,
      .mentions = render::MentionGuard::zero_width_space,
      .takes_files = true}},
    {"teams", {.markup = render::Markup::entities, .unit = render::Unit::json_bytes, .hard = 28'000, .soft = 20'000}},
    {"ntfy", {.markup = render::Markup::plain, .unit = render::Unit::bytes, .hard = 4'096}},
    {"mail", {.markup = render::Markup::plain, .unit = render::Unit::bytes, .hard = 100'000, .takes_files = true}},
}};

}  // namespace meantime::test
