// SPDX-License-Identifier: MIT
#include "serve/client_calls.hpp"

#include "core/json_writer.hpp"

namespace meantime::serve {

ClientCall* ClientCalls::open(const mcp::Message& request) {
  auto call = std::make_unique<ClientCall>();
  call->owner = this;
  call->key = mcp::canonical_id(request.id);
  call->id = request.id.raw();
  call->progress_token = request.param.meta_progress_token.raw();
  const auto [at, added] = calls_.try_emplace(call->key, nullptr);
  if (!added) return nullptr;
  at->second = std::move(call);
  return at->second.get();
}

void ClientCalls::run(ClientCall& call, Task<Result<Outcome>> task) {
  call.task = std::move(task);
  if (call.task.done()) {
    answer(call);
  } else {
    call.task.on_done(&ClientCalls::ended, &call);
  }
}

// The coroutine is at its end and suspended for good: it may be destroyed here, with its call.
std::coroutine_handle<> ClientCalls::ended(void* argument) noexcept {
  auto& call = *static_cast<ClientCall*>(argument);
  call.owner->answer(call);
  return std::noop_coroutine();
}

void ClientCalls::answer(ClientCall& call) {
  AnswerStyle own = style;
  own.structured_envelope = call.structured_envelope;
  append_call_answer(out_.open(), call.id, call.task.take(), own);
  erase(call);
}

void ClientCalls::cancel(ClientCall& call) {
  erase(call);
}

void ClientCalls::erase(ClientCall& call) {
  if (call.upstream_call != 0) by_upstream_.erase(call.upstream_call);
  const auto at = calls_.find(call.key);
  // Out of the table first: what the dropped task does on its way out must not find it.
  const std::unique_ptr<ClientCall> gone = std::move(at->second);
  calls_.erase(at);
  if (calls_.empty() && on_idle_) on_idle_();
}

ClientCall* ClientCalls::find(const std::string& key) noexcept {
  const auto at = calls_.find(key);
  return at == calls_.end() ? nullptr : at->second.get();
}

ClientCall* ClientCalls::of_upstream(std::uint64_t upstream_call) noexcept {
  const auto at = by_upstream_.find(upstream_call);
  return at == by_upstream_.end() ? nullptr : at->second;
}

void ClientCalls::watch_upstream(ClientCall& call, std::uint64_t upstream_call) {
  call.upstream_call = upstream_call;
  by_upstream_.emplace(upstream_call, &call);
}

void ClientCalls::send_progress(const ClientCall& call, const Progress& progress) {
  if (call.progress_token.empty()) return;
  mcp::append_notification(out_.open(), "notifications/progress", progress_params(call.progress_token, progress));
}

std::string progress_params(std::string_view token, const Progress& progress) {
  std::string params;
  JsonWriter json(params);
  json.begin_object().key("progressToken").raw(token).field("progress", progress.value);
  if (progress.total) json.field("total", *progress.total);
  if (!progress.message.empty()) json.field("message", progress.message);
  json.end_object();
  return params;
}

}  // namespace meantime::serve
