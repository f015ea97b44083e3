// SPDX-License-Identifier: MIT
// task_methods.cpp: tasks as 2026-07-28's extension and 2025-11-25 have them, on the same records.
#include <set>

#include "core/json_writer.hpp"
#include "mcp/task_json.hpp"
#include "serve/call_answer.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {

constexpr Milliseconds cancel_shows_within{7'000};  // longer than a tool's grace: then it has ended
constexpr std::uint32_t tasks_a_page = 50;

// One text for what is unknown, foreign and expired.
Answer unknown_task() {
  return Answer::fault(mcp::RpcCode::invalid_params,
                       "Task not found: it is unknown or has expired; tasks/get takes the taskId of a call's answer");
}

Answer of_error(const Error& error) {
  if (error.code == errc::not_found) return unknown_task();
  return Answer::fault(mcp::RpcCode::internal_error, error.detail);
}

// A failure of the protocol's own kind, where 2026-07-28 has `failed`: all else is a result, if one with isError.
bool failed_as_a_call(const TaskRecord& record) {
  return record.media_type == MediaType::mcp_error ||
         (record.reason != EndReason::tool_error && record.reason != EndReason::finished);
}

mcp::TaskState state_of(const TaskRecord& record, mcp::Family family) {
  if (record.status == TaskStatus::running) {
    return record.input_requests.empty() ? mcp::TaskState::working : mcp::TaskState::input_required;
  }
  if (record.status == TaskStatus::completed) return mcp::TaskState::completed;
  if (record.reason == EndReason::cancelled) return mcp::TaskState::cancelled;
  if (family == mcp::Family::stateless && !failed_as_a_call(record)) return mcp::TaskState::completed;
  return mcp::TaskState::failed;
}

std::string message_of(const TaskRecord& record) {
  if (record.status == TaskStatus::failed) return record.error;
  if (!record.progress) return {};
  std::string text;
  JsonWriter(text).value(record.progress->value);
  if (record.progress->total) JsonWriter(text += '/').value(*record.progress->total);
  if (!record.progress->message.empty()) text += ": " + record.progress->message;
  return text;
}

// What is shown of a record; the texts that the view refers to live here.
struct Shown {
  Shown(const McpServer& server, const TaskRecord& record, mcp::Family family)
      : id(record.task_id.text()), message(message_of(record)) {
    const WallTime now = server.clock.wall_now();
    view.task_id = id;
    view.state = state_of(record, family);
    view.status_message = message;
    view.created_at = record.created_at;
    view.last_updated_at = record.ended_at.value_or(now);
    // Kept from its end on; while it runs at least that long from now.
    view.ttl_ms = (server.manager.options().retention + record.elapsed(now)).count();
    view.poll_interval_ms = server.options.poll_interval.count();
    if (view.state == mcp::TaskState::input_required) view.input_requests = record.input_requests;
  }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;

  const std::string id;
  const std::string message;
  mcp::TaskView view;
};

std::string running_text(const Backgrounded& task) {
  return "Tool '" + task.tool_name + "' runs as a task in the background. Go on with other work; its result will come.";
}

std::string error_of(const TaskRecord& record) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("code", static_cast<int>(mcp::RpcCode::internal_error));
  json.field("message", record.error.empty() ? std::string(name_of(record.reason)) : record.error).end_object();
  return out;
}

// What the call would have answered: a raw CallToolResult, or a raw error object.
struct CallEnd {
  bool is_error = false;
  std::string json;
};

Task<Result<CallEnd>> end_of(McpServer& server, TaskRecord record) {
  std::string text;
  if (record.result_bytes > 0) {
    auto whole = co_await server.manager.read_result(record.task_id, 0, 0);
    if (!whole) co_return std::unexpected(std::move(whole.error()));
    text = std::move(whole->text);
  }
  if (record.media_type == MediaType::mcp_error && !text.empty()) co_return CallEnd{true, std::move(text)};
  if (record.media_type == MediaType::mcp_result && !text.empty() && !record.result_cut) {
    co_return CallEnd{false, std::move(text)};
  }
  if (record.status == TaskStatus::completed) co_return CallEnd{false, text_result(text, false)};
  if (failed_as_a_call(record)) co_return CallEnd{true, error_of(record)};
  std::string shown = record.error;
  if (!text.empty()) shown += "\n" + text;
  co_return CallEnd{false, text_result(shown, true)};
}

std::optional<TaskId> id_of(const std::string& text) {
  const auto id = TaskId::parse(text);
  return id ? std::optional(*id) : std::nullopt;
}

Task<Result<TaskRecord>> look_up(McpServer& server, std::string id, std::string owner) {
  const auto task = id_of(id);
  if (!task) co_return fail(errc::not_found, "serve.task");
  co_return co_await server.manager.check(*task, owner);
}

}  // namespace

namespace {

// As `to_json` writes it, with what it ended with inlined.
template <class ToJson>
Task<Result<std::string>> with_its_end(McpServer& server, TaskRecord record, ToJson to_json) {
  Shown shown(server, record, mcp::Family::stateless);
  CallEnd ended;
  if (shown.view.state == mcp::TaskState::completed || shown.view.state == mcp::TaskState::failed) {
    auto end = co_await end_of(server, record);
    if (!end) co_return std::unexpected(std::move(end.error()));
    ended = std::move(*end);
    (ended.is_error ? shown.view.error : shown.view.result) = ended.json;
  }
  co_return to_json(shown.view);
}

}  // namespace

Task<Result<std::string>> task_notice(McpServer& server, TaskRecord record, std::string subscription) {
  return with_its_end(server, std::move(record), [subscription = std::move(subscription)](const mcp::TaskView& view) {
    return mcp::task_notice(view, subscription);
  });
}

std::string task_state_2025(McpServer& server, const TaskRecord& record) {
  return mcp::requested_task(Shown(server, record, mcp::Family::handshake).view);
}

Task<Answer> created_task(Work& work, Backgrounded task) {
  auto record = co_await work.server.manager.check(task.task_id, work.info.who->owner);
  if (!record) co_return of_error(record.error());
  co_return Answer::of(mcp::created_task(Shown(work.server, *record, mcp::Family::stateless).view), Answer::Kind::task);
}

Task<Answer> get_task(Work& work, std::string id) {
  auto record = co_await look_up(work.server, std::move(id), work.info.who->owner);
  if (!record) co_return of_error(record.error());
  auto state = co_await with_its_end(work.server, std::move(*record), mcp::task_details);
  if (!state) co_return of_error(state.error());
  co_return Answer::of(std::move(*state));
}

Task<Answer> update_task(Work& work, std::string id, mcp::JsonSpan given) {
  auto responses = mcp::read_input_responses(given);
  if (!responses) co_return Answer::fault(mcp::RpcCode::invalid_params, "Invalid params: " + responses.error());
  const auto task = id_of(id);
  if (!task) co_return unknown_task();
  auto answered =
      co_await work.server.manager.answer_input(*task, std::move(*responses), std::string(work.info.who->owner));
  if (!answered) co_return of_error(answered.error());
  co_return Answer::of("{}");
}

Task<Answer> cancel_task(Work& work, std::string id) {
  const auto task = id_of(id);
  if (!task) co_return unknown_task();
  auto asked = co_await work.server.manager.cancel(*task, std::string(work.info.who->owner));
  // One that has ended gets the same acknowledgement.
  if (!asked && asked.error().code != errc::already_final) co_return of_error(asked.error());
  co_return Answer::of("{}");
}

Task<Answer> created_task_2025(Work& work, Backgrounded task) {
  auto record = co_await work.server.manager.check(task.task_id, work.info.who->owner);
  if (!record) co_return of_error(record.error());
  co_return Answer::of(
      mcp::created_requested_task(Shown(work.server, *record, mcp::Family::handshake).view, running_text(task)));
}

Task<Answer> get_task_2025(Work& work, std::string id) {
  auto record = co_await look_up(work.server, std::move(id), work.info.who->owner);
  if (!record) co_return of_error(record.error());
  co_return Answer::of(task_state_2025(work.server, *record));
}

namespace {

// Puts what the task wants to the client, on the stream of the request that waits for it. Each key once.
void ask_for_task(Work& work, const TaskRecord& record, std::set<std::string>& asked) {
  for (const InputRequest& request : record.input_requests) {
    if (!work.info.session->state.can_ask(request.method, mcp::JsonSpan(request.params))) continue;
    if (!asked.insert(request.key).second) continue;
    work.ask_for(record.task_id, request);
  }
}

}  // namespace

// Blocks until the task has ended. While it waits for input, this request's stream is where the client is asked.
Task<Answer> task_result_2025(Work& work, std::string id) {
  McpServer& server = work.server;
  const std::string owner = work.info.who->owner;
  auto record = co_await look_up(server, std::move(id), owner);
  std::set<std::string> asked;
  while (record && record->status == TaskStatus::running) {
    ask_for_task(work, *record, asked);
    record =
        co_await server.manager.await_change(record->task_id, *record, server.manager.options().await_timeout, owner);
  }
  if (!record) co_return of_error(record.error());
  auto end = co_await end_of(server, *record);
  if (!end) co_return of_error(end.error());
  if (end->is_error) co_return Answer::raw_fault(std::move(end->json));
  Answer answer = Answer::of(std::move(end->json));
  answer.related_task = mcp::related_task(record->task_id.text());
  co_return answer;
}

Task<Answer> list_tasks_2025(Work& work, std::string cursor) {
  ListQuery query;
  query.user_id = work.info.who->owner;
  query.limit = tasks_a_page;
  if (!cursor.empty()) {
    query.after = id_of(cursor);
    if (!query.after) {
      co_return Answer::fault(mcp::RpcCode::invalid_params, "Invalid params: 'cursor' is none that tasks/list gave");
    }
  }
  auto listed = co_await work.server.manager.list(std::move(query));
  if (!listed) co_return of_error(listed.error());
  std::string result;
  JsonWriter json(result);
  json.begin_object().key("tasks").begin_array();
  for (const TaskRecord& record : listed->tasks) json.raw(task_state_2025(work.server, record));
  json.end_array();
  if (listed->next) json.field("nextCursor", listed->next->text());
  json.end_object();
  co_return Answer::of(std::move(result));
}

// The answer leaves when the task stands as cancelled.
Task<Answer> cancel_task_2025(Work& work, std::string id) {
  const auto task = id_of(id);
  if (!task) co_return unknown_task();
  const std::string owner = work.info.who->owner;
  auto asked = co_await work.server.manager.cancel(*task, owner);
  if (!asked) {
    if (asked.error().code != errc::already_final) co_return of_error(asked.error());
    co_return Answer::fault(mcp::RpcCode::invalid_params, "Cannot cancel: the task has ended already");
  }
  auto awaited = co_await work.server.manager.await_task(*task, cancel_shows_within, owner);
  if (!awaited) co_return of_error(awaited.error());
  co_return Answer::of(task_state_2025(work.server, awaited->record));
}

}  // namespace meantime::serve
