// SPDX-License-Identifier: MIT
// inputs.cpp: what running tasks ask of their callers, and what they were answered.
#include <algorithm>

#include "core/inputs.hpp"
#include "store/messages.hpp"
#include "store/redis/redis_store.hpp"

namespace meantime::store::redis {
namespace {

// The fields of a hash, in the order in which they were asked.
std::vector<AskedInput> read_inputs(ReplyView hash) {
  std::vector<StoredInput> found;
  std::string_view key;
  bool is_key = true;
  for (const ReplyView each : hash) {
    if (is_key) {
      key = each.text();
    } else if (auto input = parse_input(key, each.text())) {
      found.push_back(std::move(*input));
    }
    is_key = !is_key;
  }
  std::ranges::sort(found, {}, &StoredInput::place);
  std::vector<AskedInput> out;
  out.reserve(found.size());
  for (StoredInput& each : found) out.push_back(std::move(each.asked));
  return out;
}

}  // namespace

Task<Result<void>> RedisStore::ask_input(RunToken run, std::vector<InputRequest> requests) {
  const TaskId id = run.task_id;
  ScriptCall call(Script::ask);
  call.key(keys_.task(id)).key(keys_.inputs(id)).arg(worker_).arg(run.attempt);
  call.arg(max_input_requests).arg(max_input_keys);
  call.arg(std::chrono::ceil<std::chrono::seconds>(running_expiry).count()).arg(keys_.changed(id));
  for (const InputRequest& request : requests) call.arg(request.key).arg(open_input_text(request));
  auto reply = co_await this->run(call, "store.ask_input");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const std::string_view word = reply->view().text();
  constexpr std::string_view used = "used ";
  if (word == "gone") co_return no_such_task("store.ask_input", id);
  if (word == "over") co_return run_is_over(id);
  if (word == "full") co_return std::unexpected(too_many_inputs());
  if (word.starts_with(used)) co_return std::unexpected(input_key_used(std::string(word.substr(used.size()))));
  if (word != "ok") co_return std::unexpected(out_of_step("store.ask_input"));
  co_return Result<void>{};
}

Task<Result<std::uint32_t>> RedisStore::answer_input(TaskId task, std::vector<InputResponse> responses) {
  ScriptCall call(Script::answer);
  call.key(keys_.task(task)).key(keys_.inputs(task)).arg(task.text()).arg(keys_.ours()).arg(worker_);
  call.arg(keys_.changed(task));
  for (const InputResponse& response : responses) call.arg(response.key).arg(response.result);
  auto reply = co_await run(call, "store.answer_input");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (reply->view().integer() < 0) co_return no_such_task("store.answer_input", task);
  co_return static_cast<std::uint32_t>(reply->view().integer());
}

Task<Result<std::vector<InputResponse>>> RedisStore::input_responses(TaskId task) {
  Request request;
  request.push("HGET", keys_.task(task), "status");
  request.push("HGETALL", keys_.inputs(task));
  auto replies = co_await ask(std::move(request), "store.input_responses", "TL");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  const ReplyView status = (*replies)[0].view();
  if (status.is_null()) co_return no_such_task("store.input_responses", task);
  if (status.text() != name_of(TaskStatus::running)) co_return std::vector<InputResponse>();
  co_return responses_of(read_inputs((*replies)[1].view()));
}

Task<Result<void>> RedisStore::add_open_inputs(std::vector<TaskRecord*> asking) {
  if (asking.empty()) co_return Result<void>{};
  Request request;
  for (const TaskRecord* record : asking) request.push("HGETALL", keys_.inputs(record->task_id));
  auto replies = co_await ask(std::move(request), "store.find", "L");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  for (std::size_t i = 0; i < asking.size(); ++i) {
    asking[i]->input_requests = open_inputs(read_inputs((*replies)[i].view()));
  }
  co_return Result<void>{};
}

}  // namespace meantime::store::redis
