// SPDX-License-Identifier: MIT
#include "serve/server/handshake_client.hpp"

#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"
#include "serve/client_calls.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {

constexpr Milliseconds look_again{60'000};
constexpr std::size_t most_followed = 1'000;

std::string notification(std::string_view method, std::string_view params) {
  std::string out;
  mcp::append_notification(out, method, params);
  out.pop_back();
  return out;
}

}  // namespace

HandshakeClient::HandshakeClient(McpServer& server, Notices& notices, std::shared_ptr<const auth::Principal> its_who)
    : who(std::move(its_who)), server_(server), notices_(notices) {
  server_.listen(this);
}

HandshakeClient::~HandshakeClient() {
  server_.forget(this);
  for (const std::string& uri : state.subscriptions()) server_.options.offers->unsubscribe(uri);
}

std::uint64_t HandshakeClient::ask(Reply& on, std::string_view method, std::string_view params, OnAnswer on_answer,
                                   std::string_view related_task) {
  const std::uint64_t tag = ++last_ask_;
  std::string out;
  const mcp::JsonSpan span(params.empty() ? "{}" : params);
  if (!state.ask(out, tag, method, span, related_task)) {
    on_answer(std::unexpected("too many requests to this client are not answered"));
    return tag;
  }
  asked_.emplace(tag, std::move(on_answer));
  out.pop_back();
  on.message(out);
  return tag;
}

void HandshakeClient::withdraw(std::uint64_t tag, Reply* on) {
  if (asked_.erase(tag) == 0) return;
  std::string out;
  state.withdraw(out, tag, "the request it belongs to is over");
  if (out.empty() || on == nullptr) return;
  out.pop_back();
  on->message(out);
}

void HandshakeClient::on_response(const mcp::Message& message) {
  const auto tag = state.take_answer(message);
  const auto found = tag ? asked_.find(*tag) : asked_.end();
  if (found == asked_.end()) return;
  const OnAnswer on_answer = std::move(found->second);
  asked_.erase(found);
  if (message.kind == mcp::Message::Kind::result) return on_answer(std::string(message.result.raw()));
  on_answer(std::unexpected("the client refused: " + mcp::member(message.error, "message").text()));
}

void HandshakeClient::follow(const TaskId& task, std::string progress_token) {
  if (following_ >= most_followed) return;  // a notice is a courtesy: tasks/get says the same
  ++following_;
  group_.spawn(follow_to_the_end(task, std::move(progress_token)));
}

Task<void> HandshakeClient::follow_to_the_end(TaskId task, std::string progress_token) {
  const std::string owner = who->owner;
  auto record = co_await server_.manager.check(task, owner);
  double last_progress = 0;
  while (record && record->status == TaskStatus::running) {
    const TaskRecord seen = *record;
    record = co_await server_.manager.await_change(task, seen, look_again, owner);
    if (!record) break;
    const bool grew = record->progress && record->progress != seen.progress && record->progress->value > last_progress;
    if (grew && !progress_token.empty()) {
      last_progress = record->progress->value;
      notices_.notice(notification("notifications/progress", progress_params(progress_token, *record->progress)));
    }
    if (record->status != seen.status || record->progress != seen.progress ||
        record->input_requests != seen.input_requests) {
      notices_.notice(notification("notifications/tasks/status", task_state_2025(server_, *record)));
    }
  }
  --following_;
}

Task<Answer> HandshakeClient::subscribe(std::string uri) {
  if (state.subscribed(uri)) co_return Answer::of("{}");
  auto subscribed = co_await server_.options.offers->subscribe(uri);
  if (!subscribed) {
    const bool unknown = subscribed.error().kind == RpcFailure::Kind::unknown_resource;
    co_return Answer::fault(
        static_cast<mcp::RpcCode>(unknown ? mcp::resource_not_found(state.revision()) : subscribed.error().code),
        subscribed.error().message, subscribed.error().data);
  }
  if (!state.subscribe(uri)) {
    server_.options.offers->unsubscribe(uri);
    co_return Answer::fault(mcp::RpcCode::internal_error, "this session has too many subscriptions: unsubscribe some");
  }
  co_return Answer::of("{}");
}

void HandshakeClient::unsubscribe(const std::string& uri) {
  if (!state.subscribed(uri)) return;
  state.unsubscribe(uri);
  server_.options.offers->unsubscribe(uri);
}

void HandshakeClient::on_list_changed(List list) {
  if (state.stage() != mcp::HandshakeSession::Stage::ready) return;
  switch (list) {
    case List::tools:
      notices_.notice(notification("notifications/tools/list_changed", {}));
      break;
    case List::prompts:
      notices_.notice(notification("notifications/prompts/list_changed", {}));
      break;
    case List::resources:
      notices_.notice(notification("notifications/resources/list_changed", {}));
  }
}

void HandshakeClient::on_resource_updated(std::string_view uri) {
  if (!state.subscribed(uri)) return;
  std::string params;
  JsonWriter(params).begin_object().field("uri", uri).end_object();
  notices_.notice(notification("notifications/resources/updated", params));
}

}  // namespace meantime::serve
