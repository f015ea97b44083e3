// SPDX-License-Identifier: MIT
// methods.hpp: what each method does. One file a group: tool_methods, task_methods (both forms), offer_methods,
// listening; dispatch.cpp chooses. A coroutine reads the request before it first suspends: its text goes after that.
#pragma once

#include <memory>
#include <string>

#include "meantime/coroutine.hpp"
#include "serve/server/answer.hpp"
#include "serve/server/work.hpp"

namespace meantime::serve {

[[nodiscard]] Task<Answer> dispatch(Work& work, const mcp::ServerRequest& request, const mcp::HttpHead* head);

[[nodiscard]] Task<Answer> done(Answer answer);
[[nodiscard]] inline Task<Answer> refused(mcp::RpcCode code, std::string message, std::string data = {}) {
  return done(Answer::fault(code, std::move(message), std::move(data)));
}

// tool_methods.cpp
[[nodiscard]] Task<Answer> initialize(Work& work, const mcp::ServerRequest& request);
[[nodiscard]] Task<Answer> list_tools(Work& work, std::string cursor);
[[nodiscard]] Task<Answer> call_tool(Work& work, const mcp::ServerRequest& request, const mcp::HttpHead* head);
[[nodiscard]] mcp::ServerCapabilities capabilities(const McpServer& server);
[[nodiscard]] std::string instructions(const McpServer& server);

// task_methods.cpp: of 2026-07-28, and of 2025-11-25
[[nodiscard]] Task<Answer> get_task(Work& work, std::string id);
[[nodiscard]] Task<Answer> update_task(Work& work, std::string id, mcp::JsonSpan responses);
[[nodiscard]] Task<Answer> cancel_task(Work& work, std::string id);
/// Answers a call that became a task; the record must be in the store.
[[nodiscard]] Task<Answer> created_task(Work& work, Backgrounded task);
[[nodiscard]] Task<Answer> created_task_2025(Work& work, Backgrounded task);
[[nodiscard]] Task<Answer> get_task_2025(Work& work, std::string id);
[[nodiscard]] Task<Answer> task_result_2025(Work& work, std::string id);
[[nodiscard]] Task<Answer> list_tasks_2025(Work& work, std::string cursor);
[[nodiscard]] Task<Answer> cancel_task_2025(Work& work, std::string id);
/// params of notifications/tasks (2026-07-28) on the stream with this id.
[[nodiscard]] Task<Result<std::string>> task_notice(McpServer& server, TaskRecord record, std::string subscription);
/// params of notifications/tasks/status (2025-11-25).
[[nodiscard]] std::string task_state_2025(McpServer& server, const TaskRecord& record);

// offer_methods.cpp
[[nodiscard]] Task<Answer> list_offers(Work& work, OfferKind kind, std::string cursor);
[[nodiscard]] Task<Answer> get_prompt(Work& work, std::string name, std::string arguments);
[[nodiscard]] Task<Answer> read_resource(Work& work, std::string uri);
[[nodiscard]] Task<Answer> complete(Work& work, std::string params);
[[nodiscard]] Answer answer_of(const Work& work, const RpcFailure& failure);

// listening.cpp
[[nodiscard]] std::unique_ptr<OpenRequest> open_listening(McpServer& server, RequestInfo info,
                                                          const mcp::ServerRequest& request, Reply& reply);

}  // namespace meantime::serve
