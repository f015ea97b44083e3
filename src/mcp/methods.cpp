// SPDX-License-Identifier: MIT
#include "mcp/methods.hpp"

#include <array>
#include <string>
#include <utility>

namespace meantime::mcp {
namespace {

// Sorted by how often they come.
constexpr std::array<std::pair<Method, std::string_view>, 20> names{{
    {Method::tools_call, "tools/call"},
    {Method::tasks_get, "tasks/get"},
    {Method::tools_list, "tools/list"},
    {Method::ping, "ping"},
    {Method::tasks_result, "tasks/result"},
    {Method::resources_read, "resources/read"},
    {Method::prompts_get, "prompts/get"},
    {Method::server_discover, "server/discover"},
    {Method::initialize, "initialize"},
    {Method::resources_list, "resources/list"},
    {Method::resources_templates_list, "resources/templates/list"},
    {Method::prompts_list, "prompts/list"},
    {Method::completion_complete, "completion/complete"},
    {Method::subscriptions_listen, "subscriptions/listen"},
    {Method::tasks_update, "tasks/update"},
    {Method::tasks_cancel, "tasks/cancel"},
    {Method::tasks_list, "tasks/list"},
    {Method::resources_subscribe, "resources/subscribe"},
    {Method::resources_unsubscribe, "resources/unsubscribe"},
    {Method::logging_set_level, "logging/setLevel"},
}};

}  // namespace

Method method_named(std::string_view name) noexcept {
  for (const auto& [each, known] : names) {
    if (known == name) return each;
  }
  return Method::unknown;
}

Method method_of(JsonSpan method) {
  if (!method.is_string()) return Method::unknown;
  const std::string_view inside = method.raw().substr(1, method.raw().size() - 2);
  return inside.find('\\') == std::string_view::npos ? method_named(inside) : method_named(method.text());
}

std::string_view name_of(Method method) noexcept {
  for (const auto& [each, known] : names) {
    if (each == method) return known;
  }
  return {};
}

bool has_method(Revision revision, Method method) noexcept {
  switch (method) {
    case Method::unknown:
      return false;
    case Method::initialize:
    case Method::ping:
    case Method::resources_subscribe:
    case Method::resources_unsubscribe:
    case Method::logging_set_level:
      return family_of(revision) == Family::handshake;
    case Method::server_discover:
    case Method::subscriptions_listen:
    case Method::tasks_update:
      return family_of(revision) == Family::stateless;
    case Method::tasks_get:
    case Method::tasks_cancel:
      return revision >= Revision::r2025_11_25;
    case Method::tasks_list:
    case Method::tasks_result:
      return has_requested_tasks(revision);
    default:
      return true;
  }
}

std::string_view name_parameter(Method method) noexcept {
  switch (method) {
    case Method::tools_call:
    case Method::prompts_get:
      return "name";
    case Method::resources_read:
      return "uri";
    case Method::tasks_get:
    case Method::tasks_update:
    case Method::tasks_cancel:
      return "taskId";
    default:
      return {};
  }
}

bool needs_name_header(Method method) noexcept {
  return !name_parameter(method).empty();
}

JsonSpan named_by(Method method, const ParamSpans& param) noexcept {
  switch (method) {
    case Method::tools_call:
    case Method::prompts_get:
      return param.name;
    case Method::resources_read:
      return param.uri;
    case Method::tasks_get:
    case Method::tasks_update:
    case Method::tasks_cancel:
      return param.task_id;
    default:
      return {};
  }
}

}  // namespace meantime::mcp
