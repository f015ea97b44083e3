// SPDX-License-Identifier: MIT
#include "mcp/subscriptions.hpp"

#include <optional>

#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/results.hpp"

namespace meantime::mcp {
namespace {

using Names = std::set<std::string, std::less<>>;

std::optional<std::string> read_names(JsonSpan list, std::string_view what, Names& out) {
  if (!list.is_array()) return std::string(what) + " must be an array of strings";
  std::optional<std::string> fault;
  for_each_element(list, [&](JsonSpan each) {
    if (fault) return;
    if (!each.is_string()) {
      fault = std::string(what) + " must be an array of strings";
    } else if (out.size() >= max_subscription_entries) {
      fault = std::string(what) + " has more than " + std::to_string(max_subscription_entries) + " entries";
    } else {
      out.insert(each.text());
    }
  });
  return fault;
}

void write_names(JsonWriter& json, std::string_view key, const Names& names) {
  if (names.empty()) return;
  json.key(key).begin_array();
  for (const std::string& each : names) json.value(each);
  json.end_array();
}

}  // namespace

std::expected<SubscriptionFilter, std::string> read_filter(JsonSpan notifications) {
  if (!notifications.is_object()) return std::unexpected("'notifications' must be an object that says what to send");
  SubscriptionFilter out;
  std::optional<std::string> fault;
  const auto read_flag = [&](JsonSpan value, std::string_view what, bool& flag) {
    const auto set = value.boolean();
    if (!set) fault = "'" + std::string(what) + "' must be true or false";
    flag = set.value_or(false);
  };
  for_each_member(notifications, [&](JsonSpan key, JsonSpan value) {
    if (fault) return;
    if (key.is("toolsListChanged")) {
      read_flag(value, "toolsListChanged", out.tools_list_changed);
    } else if (key.is("promptsListChanged")) {
      read_flag(value, "promptsListChanged", out.prompts_list_changed);
    } else if (key.is("resourcesListChanged")) {
      read_flag(value, "resourcesListChanged", out.resources_list_changed);
    } else if (key.is("resourceSubscriptions")) {
      fault = read_names(value, "'resourceSubscriptions'", out.resources);
    } else if (key.is("taskIds")) {
      fault = read_names(value, "'taskIds'", out.tasks);
    }
  });
  if (fault) return std::unexpected(std::move(*fault));
  return out;
}

std::string to_json(const SubscriptionFilter& filter) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  if (filter.tools_list_changed) json.field("toolsListChanged", true);
  if (filter.prompts_list_changed) json.field("promptsListChanged", true);
  if (filter.resources_list_changed) json.field("resourcesListChanged", true);
  write_names(json, "resourceSubscriptions", filter.resources);
  write_names(json, "taskIds", filter.tasks);
  json.end_object();
  return out;
}

SubscriptionFilter honoured(SubscriptionFilter asked, const ServerCapabilities& server) {
  asked.tools_list_changed &= server.tools_list_changed;
  asked.prompts_list_changed &= server.prompts_list_changed;
  asked.resources_list_changed &= server.resources_list_changed;
  if (!server.resources_subscribe) asked.resources.clear();
  if (!server.tasks) asked.tasks.clear();
  return asked;
}

void Subscription::append(std::string& out, std::string_view method, std::string_view members) const {
  std::string params = "{";
  params += members;
  if (!members.empty()) params += ',';
  params += R"("_meta":{)";
  append_json_string(params, subscription_id_key);
  params += ':';
  params += id_;
  params += "}}";
  append_notification(out, method, params);
}

void Subscription::append_acknowledged(std::string& out) const {
  append(out, "notifications/subscriptions/acknowledged", "\"notifications\":" + to_json(filter_));
}

bool Subscription::append_tools_changed(std::string& out) const {
  if (filter_.tools_list_changed) append(out, "notifications/tools/list_changed", {});
  return filter_.tools_list_changed;
}

bool Subscription::append_prompts_changed(std::string& out) const {
  if (filter_.prompts_list_changed) append(out, "notifications/prompts/list_changed", {});
  return filter_.prompts_list_changed;
}

bool Subscription::append_resources_changed(std::string& out) const {
  if (filter_.resources_list_changed) append(out, "notifications/resources/list_changed", {});
  return filter_.resources_list_changed;
}

bool Subscription::append_resource_updated(std::string& out, std::string_view uri) const {
  if (!filter_.resources.contains(uri)) return false;
  std::string members = "\"uri\":";
  append_json_string(members, uri);
  append(out, "notifications/resources/updated", members);
  return true;
}

bool Subscription::append_task(std::string& out, std::string_view task_id, std::string_view params) const {
  if (!filter_.tasks.contains(task_id)) return false;
  append_notification(out, "notifications/tasks", params);
  return true;
}

void Subscription::append_end(std::string& out, std::string_view server_info) const {
  const std::array entries{MetaEntry{subscription_id_key, id_}};
  append_finished_result(out, id_, JsonSpan("{}"), ResultShape{},
                         {.family = Family::stateless, .server_info = server_info, .meta = entries});
}

}  // namespace meantime::mcp
