// SPDX-License-Identifier: MIT
#include "delivery/adapters/slack_rest.hpp"

#include <boost/json.hpp>

#include "delivery/adapters/said.hpp"

namespace meantime::delivery {
namespace {

namespace json = boost::json;

constexpr WordVerdict words[] = {
    {"ratelimited", SendVerdict::retry_after},
    {"rate_limited", SendVerdict::retry_after},
    {"service_unavailable", SendVerdict::retry_backoff},
    {"request_timeout", SendVerdict::retry_backoff},
    {"team_added_to_org", SendVerdict::retry_backoff},
    {"org_login_required", SendVerdict::retry_backoff},
    {"message_limit_exceeded", SendVerdict::retry_backoff},
    {"rollup_error", SendVerdict::retry_backoff},
    // Slack says of these that some of it may have been done.
    {"internal_error", SendVerdict::unknown},
    {"fatal_error", SendVerdict::unknown},
    {"channel_not_found", SendVerdict::target_gone},
    {"channel_is_archived", SendVerdict::target_gone},
    {"not_in_channel", SendVerdict::target_gone},
    {"is_archived", SendVerdict::target_gone},
    {"restricted_action*", SendVerdict::target_gone},
    {"action_prohibited", SendVerdict::target_gone},
    {"posting_to_*", SendVerdict::target_gone},
    {"messages_tab_disabled", SendVerdict::target_gone},
    {"cannot_reply_to_message", SendVerdict::target_gone},
    {"ekm_access_denied", SendVerdict::target_gone},
    {"no_permission", SendVerdict::target_gone},
    {"user_not_found", SendVerdict::target_gone},
    {"invalid_auth", SendVerdict::auth},
    {"not_authed", SendVerdict::auth},
    {"token_expired", SendVerdict::auth},
    {"token_revoked", SendVerdict::auth},
    {"account_inactive", SendVerdict::auth},
    {"missing_scope", SendVerdict::auth},
    {"not_allowed_token_type", SendVerdict::auth},
    {"two_factor_setup_required", SendVerdict::auth},
    {"accesslimited", SendVerdict::auth},
    {"team_access_not_granted", SendVerdict::auth},
    {"team_not_found", SendVerdict::auth},
    {"no_service*", SendVerdict::target_gone},
    {"no_active_hooks", SendVerdict::target_gone},
    {"invalid_token", SendVerdict::auth},
    {"team_disabled", SendVerdict::auth},
};

std::string words_of(const json::object& said, const std::string& error) {
  std::string out = error;
  if (const std::string needed = text_at(said, "needed"); !needed.empty()) out += ": the token needs " + needed;
  const json::value* more = said.if_contains("response_metadata");
  const json::value* messages =
      more != nullptr && more->is_object() ? more->get_object().if_contains("messages") : nullptr;
  if (messages != nullptr && messages->is_array() && !messages->get_array().empty() &&
      messages->get_array()[0].is_string()) {
    out += ": ";
    out += messages->get_array()[0].get_string();
  }
  return out;
}

}  // namespace

SendVerdict slack_verdict(std::string_view error) noexcept {
  return verdict_of(words, error).value_or(SendVerdict::payload);
}

SlackAnswer judge_slack(const http::Response& answer, WallTime now) {
  SlackAnswer out;
  auto said = object_of(answer);
  if (said) {
    out.said = std::move(*said);
    out.error = text_at(out.said, "error");
  }
  const json::value* ok = out.said.if_contains("ok");
  if (answer.status == 200) {
    if (ok == nullptr || !ok->is_bool()) {
      out.answer = not_understood(answer);
    } else if (!ok->get_bool()) {
      out.answer = {.verdict = slack_verdict(out.error),
                    .detail = "it answered: " + cited(words_of(out.said, out.error))};
    }
  } else {
    out.answer = by_status(answer, now, out.error.empty() ? std::string{} : words_of(out.said, out.error));
    // An error's own word counts more than the status, but not more than a limit or trouble.
    if (!out.error.empty() && answer.status != 429 && answer.status < 500) {
      out.answer.verdict = slack_verdict(out.error);
    }
  }
  if (out.answer.verdict == SendVerdict::retry_after) {
    constexpr Milliseconds usual{1'000};
    out.answer.after = retry_after(answer, now).value_or(usual);
  }
  return out;
}

}  // namespace meantime::delivery
