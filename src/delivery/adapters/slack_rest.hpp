// SPDX-License-Identifier: MIT
// slack_rest.hpp: what Slack's bots and webhooks share: limits, and what its words mean.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "delivery/adapters/web.hpp"
#include "delivery/render/render.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

inline constexpr render::Limits slack_limits{
    .markup = render::Markup::mrkdwn,
    .unit = render::Unit::utf16,
    .hard = 40'000,
    .soft = 3'900,  // longer ones are hard to read, and some ways of showing them cut them off
    .takes_files = true,
};

struct SlackAnswer {
  SendAnswer answer;
  std::string error;         ///< Slack's word.
  boost::json::object said;  ///< Empty: it was no JSON.
};
/// An answer of the Web API, which says in its body whether it went well.
[[nodiscard]] SlackAnswer judge_slack(const http::Response& answer, WallTime now);
/// What an error word means; payload for one that is not known.
[[nodiscard]] SendVerdict slack_verdict(std::string_view error) noexcept;

}  // namespace meantime::delivery
