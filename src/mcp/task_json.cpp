// SPDX-License-Identifier: MIT
#include "mcp/task_json.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "mcp/results.hpp"
#include "mcp/splice.hpp"

namespace meantime::mcp {
namespace {

constexpr std::array<std::string_view, 5> states{"working", "input_required", "completed", "failed", "cancelled"};
constexpr std::size_t max_key_bytes = 128;

void write_head(JsonWriter& json, const TaskView& task) {
  json.field("taskId", task.task_id).field("status", name_of(task.state));
  if (!task.status_message.empty()) json.field("statusMessage", task.status_message);
  json.field("createdAt", iso_time(task.created_at)).field("lastUpdatedAt", iso_time(task.last_updated_at));
}

void write_times(JsonWriter& json, const TaskView& task, std::string_view ttl, std::string_view interval) {
  json.key(ttl);
  if (task.ttl_ms) {
    json.value(*task.ttl_ms);
  } else {
    json.null();
  }
  if (task.poll_interval_ms) json.field(interval, *task.poll_interval_ms);
}

void write_flat(JsonWriter& json, const TaskView& task) {
  write_head(json, task);
  write_times(json, task, "ttlMs", "pollIntervalMs");
}

void write_outcome(JsonWriter& json, const TaskView& task) {
  if (task.state == TaskState::input_required) json.key("inputRequests").raw(input_requests_json(task.input_requests));
  if (task.state == TaskState::completed && !task.result.empty()) json.key("result").raw(task.result);
  if (task.state == TaskState::failed && !task.error.empty()) json.key("error").raw(task.error);
}

void write_requested(JsonWriter& json, const TaskView& task) {
  write_head(json, task);
  write_times(json, task, "ttl", "pollInterval");
}

// Reads {key: value} with keys that are all different.
template <class Take>
std::optional<std::string> read_map(JsonSpan map, std::string_view what, Take&& take) {
  if (!map.is_object()) return std::string(what) + " must be an object";
  std::optional<std::string> fault;
  std::set<std::string> seen;
  for_each_member(map, [&](JsonSpan key, JsonSpan value) {
    if (fault) return;
    std::string name = key.text();
    const std::string shown = std::string(what) + " '" + name.substr(0, 60) + "'";
    if (seen.size() >= max_input_requests) {
      fault = std::string(what) + " has more than " + std::to_string(max_input_requests) + " entries";
    } else if (name.empty() || name.size() > max_key_bytes) {
      fault = shown + ": a key has 1 to 128 bytes";
    } else if (!seen.insert(name).second) {
      fault = shown + " stands there twice";
    } else if (!value.is_object()) {
      fault = shown + " must be an object";
    } else {
      fault = take(std::move(name), value, shown);
    }
  });
  return fault;
}

}  // namespace

std::string_view name_of(TaskState state) noexcept {
  return states[static_cast<std::size_t>(state)];
}

std::optional<TaskState> parse_task_state(std::string_view text) noexcept {
  const auto found = std::ranges::find(states, text);
  if (found == states.end()) return std::nullopt;
  return static_cast<TaskState>(found - states.begin());
}

std::string created_task(const TaskView& task) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("resultType", "task");
  write_flat(json, task);
  json.end_object();
  return out;
}

std::string task_details(const TaskView& task) {
  std::string out;
  out.reserve(task.result.size() + task.error.size() + 320);
  JsonWriter json(out);
  json.begin_object().field("resultType", "complete");
  write_flat(json, task);
  write_outcome(json, task);
  json.end_object();
  return out;
}

std::string task_notice(const TaskView& task, std::string_view subscription_id) {
  std::string out;
  out.reserve(task.result.size() + task.error.size() + 320);
  JsonWriter json(out);
  json.begin_object();
  write_flat(json, task);
  write_outcome(json, task);
  json.key("_meta").begin_object().key(subscription_id_key).raw(subscription_id).end_object().end_object();
  return out;
}

std::string created_requested_task(const TaskView& task, std::string_view immediate_response) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("task").begin_object();
  write_requested(json, task);
  json.end_object();
  if (!immediate_response.empty()) {
    json.key("_meta").begin_object();
    json.field("io.modelcontextprotocol/model-immediate-response", immediate_response).end_object();
  }
  json.end_object();
  return out;
}

std::string requested_task(const TaskView& task) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_requested(json, task);
  json.end_object();
  return out;
}

std::string related_task(std::string_view task_id) {
  std::string out;
  JsonWriter(out).begin_object().field("taskId", task_id).end_object();
  return out;
}

std::string input_requests_json(std::span<const InputRequest> requests) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const InputRequest& each : requests) {
    json.key(each.key).begin_object().field("method", each.method).key("params");
    const JsonSpan params(each.params.empty() ? std::string_view("{}") : std::string_view(each.params));
    // An id for a URL is of the handshake family; an upstream of that family may have given one.
    if (each.method == "elicitation/create" && member(params, "elicitationId")) {
      json.raw(without_member(params, "elicitationId"));
    } else {
      json.raw(params.raw());
    }
    json.end_object();
  }
  json.end_object();
  return out;
}

std::expected<std::vector<InputRequest>, std::string> read_input_requests(JsonSpan requests) {
  std::vector<InputRequest> out;
  auto fault = read_map(requests, "inputRequests",
                        [&](std::string key, JsonSpan value, const std::string& shown) -> std::optional<std::string> {
                          const JsonSpan method = member(value, "method");
                          const JsonSpan params = member(value, "params");
                          if (!method.is_string()) return shown + ": 'method' must be a string";
                          if (params && !params.is_object()) return shown + ": 'params' must be an object";
                          out.push_back({std::move(key), method.text(), std::string(params ? params.raw() : "{}")});
                          return std::nullopt;
                        });
  if (fault) return std::unexpected(std::move(*fault));
  return out;
}

std::string input_responses_json(std::span<const InputResponse> responses) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const InputResponse& each : responses) json.key(each.key).raw(each.result);
  json.end_object();
  return out;
}

std::expected<std::vector<InputResponse>, std::string> read_input_responses(JsonSpan responses) {
  std::vector<InputResponse> out;
  auto fault = read_map(responses, "inputResponses",
                        [&](std::string key, JsonSpan value, const std::string&) -> std::optional<std::string> {
                          out.push_back({std::move(key), std::string(value.raw())});
                          return std::nullopt;
                        });
  if (fault) return std::unexpected(std::move(*fault));
  return out;
}

std::string input_required_result(std::span<const InputRequest> requests, std::string_view request_state) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("resultType", "input_required");
  if (!requests.empty()) json.key("inputRequests").raw(input_requests_json(requests));
  if (!request_state.empty()) json.field("requestState", request_state);
  json.end_object();
  return out;
}

std::expected<TaskReport, std::string> read_task_report(JsonSpan task) {
  TaskReport out;
  JsonSpan status;
  const auto number = [](JsonSpan value) -> std::optional<std::int64_t> {
    const auto whole = value.integer();
    return whole && *whole >= 0 ? whole : std::nullopt;
  };
  for_each_member(task, [&](JsonSpan key, JsonSpan value) {
    if (key.is("taskId")) {
      out.task_id = value;
    } else if (key.is("status")) {
      status = value;
    } else if (key.is("statusMessage")) {
      out.status_message = value;
    } else if (key.is("ttlMs") || key.is("ttl")) {
      out.ttl_ms = number(value);
    } else if (key.is("pollIntervalMs") || key.is("pollInterval")) {
      out.poll_interval_ms = number(value);
    } else if (key.is("result")) {
      out.result = value;
    } else if (key.is("error")) {
      out.error = value;
    } else if (key.is("inputRequests")) {
      out.input_requests = value;
    }
  });
  if (!out.task_id.is_string()) return std::unexpected("a task without a 'taskId'");
  const auto state = status.is_string() ? parse_task_state(status.text()) : std::nullopt;
  if (!state) return std::unexpected("a task whose 'status' is none: " + std::string(status.raw().substr(0, 60)));
  out.state = *state;
  return out;
}

}  // namespace meantime::mcp
