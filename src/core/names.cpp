// SPDX-License-Identifier: MIT
// names.cpp: the one place where enumerators become the words of the wire, and back.
#include <array>
#include <utility>

#include "meantime/adapter.hpp"
#include "meantime/error.hpp"
#include "meantime/outbox.hpp"
#include "meantime/task.hpp"
#include "meantime/telemetry.hpp"
#include "meantime/tool.hpp"

namespace meantime {
namespace {

template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<errc, 11> errc_names{{{errc::invalid_argument, "invalid_argument"},
                                      {errc::not_found, "not_found"},
                                      {errc::overloaded, "overloaded"},
                                      {errc::unavailable, "unavailable"},
                                      {errc::draining, "draining"},
                                      {errc::already_final, "already_final"},
                                      {errc::cancelled, "cancelled"},
                                      {errc::timed_out, "timed_out"},
                                      {errc::corrupt, "corrupt"},
                                      {errc::unsupported, "unsupported"},
                                      {errc::internal, "internal"}}};
constexpr Names<TaskStatus, 3> status_names{
    {{TaskStatus::running, "running"}, {TaskStatus::completed, "completed"}, {TaskStatus::failed, "failed"}}};
constexpr Names<EndReason, 7> reason_names{{{EndReason::none, "none"},
                                            {EndReason::finished, "finished"},
                                            {EndReason::tool_error, "tool_error"},
                                            {EndReason::cancelled, "cancelled"},
                                            {EndReason::lost, "lost"},
                                            {EndReason::timed_out, "timed_out"},
                                            {EndReason::interrupted, "interrupted"}}};
constexpr Names<RedirectOn, 3> redirect_names{
    {{RedirectOn::always, "always"}, {RedirectOn::completed, "completed"}, {RedirectOn::failed, "failed"}}};
constexpr Names<DeliveryState, 6> delivery_names{{{DeliveryState::waiting, "waiting"},
                                                  {DeliveryState::sending, "sending"},
                                                  {DeliveryState::delivered, "delivered"},
                                                  {DeliveryState::suppressed, "suppressed"},
                                                  {DeliveryState::partial, "partial"},
                                                  {DeliveryState::dead, "dead"}}};
constexpr Names<SendVerdict, 8> verdict_names{{{SendVerdict::arrived, "arrived"},
                                               {SendVerdict::retry_now, "retry_now"},
                                               {SendVerdict::retry_after, "retry_after"},
                                               {SendVerdict::retry_backoff, "retry_backoff"},
                                               {SendVerdict::auth, "auth"},
                                               {SendVerdict::target_gone, "target_gone"},
                                               {SendVerdict::payload, "payload"},
                                               {SendVerdict::unknown, "unknown_outcome"}}};
constexpr Names<MediaType, 3> media_names{{{MediaType::text, "text/plain"},
                                           {MediaType::mcp_result, "application/vnd.mcp.call-tool-result+json"},
                                           {MediaType::mcp_error, "application/vnd.mcp.json-rpc-error+json"}}};
constexpr Names<LogLevel, 8> level_names{{{LogLevel::debug, "debug"},
                                          {LogLevel::info, "info"},
                                          {LogLevel::notice, "notice"},
                                          {LogLevel::warning, "warning"},
                                          {LogLevel::error, "error"},
                                          {LogLevel::critical, "critical"},
                                          {LogLevel::alert, "alert"},
                                          {LogLevel::emergency, "emergency"}}};
constexpr Names<TaskEvent::Phase, 5> phase_names{{{TaskEvent::Phase::inline_, "inline"},
                                                  {TaskEvent::Phase::backgrounded, "backgrounded"},
                                                  {TaskEvent::Phase::completed, "completed"},
                                                  {TaskEvent::Phase::failed, "failed"},
                                                  {TaskEvent::Phase::redirect_delivered, "redirect_delivered"}}};

template <class Enum, std::size_t N>
constexpr std::string_view find_name(const Names<Enum, N>& names, Enum value) noexcept {
  for (const auto& [each, name] : names) {
    if (each == value) return name;
  }
  return "unknown";
}

template <class Enum, std::size_t N>
constexpr std::optional<Enum> find_value(const Names<Enum, N>& names, std::string_view text) noexcept {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(errc code) noexcept {
  return find_name(errc_names, code);
}
std::string_view name_of(TaskStatus status) noexcept {
  return find_name(status_names, status);
}
std::string_view name_of(EndReason reason) noexcept {
  return find_name(reason_names, reason);
}
std::string_view name_of(TaskEvent::Phase phase) noexcept {
  return find_name(phase_names, phase);
}
std::string_view name_of(RedirectOn on) noexcept {
  return find_name(redirect_names, on);
}
std::optional<RedirectOn> parse_redirect_on(std::string_view text) noexcept {
  return find_value(redirect_names, text);
}
std::string_view name_of(DeliveryState state) noexcept {
  return find_name(delivery_names, state);
}
std::optional<DeliveryState> parse_delivery_state(std::string_view text) noexcept {
  return find_value(delivery_names, text);
}
std::string_view name_of(SendVerdict verdict) noexcept {
  return find_name(verdict_names, verdict);
}
std::string_view name_of(LogLevel level) noexcept {
  return find_name(level_names, level);
}
std::optional<LogLevel> parse_log_level(std::string_view text) noexcept {
  return find_value(level_names, text);
}
std::string_view name_of(MediaType type) noexcept {
  return find_name(media_names, type);
}
std::optional<MediaType> parse_media_type(std::string_view text) noexcept {
  return find_value(media_names, text);
}
std::optional<TaskStatus> parse_status(std::string_view text) noexcept {
  return find_value(status_names, text);
}
std::optional<EndReason> parse_reason(std::string_view text) noexcept {
  return find_value(reason_names, text);
}

}  // namespace meantime
