// SPDX-License-Identifier: MIT
// What comes from a server: answers to their requests, questions and notices to the calls that they belong to.
#include <algorithm>
#include <utility>

#include "client/client_impl.hpp"
#include "core/json_writer.hpp"
#include "mcp/results.hpp"
#include "mcp/server_request.hpp"
#include "mcp/task_json.hpp"

namespace meantime::client {
namespace {

bool is_question(mcp::JsonSpan method) {
  return method.is("elicitation/create") || method.is("sampling/createMessage") || method.is("roots/list");
}

LogLine read_log_line(const mcp::Message& message) {
  LogLine line;
  line.level = mcp::read_log_level(message.param.level).value_or(LogLevel::info);
  line.logger = mcp::member(message.params, "logger").text();
  line.data = mcp::member(message.params, "data").raw();
  if (line.data.empty()) line.data = "null";
  return line;
}

}  // namespace

void McpClient::Impl::on_message(const mcp::Message& message, RequestNumber stream, int http_status) {
  if (message.is_response()) {
    take_answer(message, stream, http_status);
  } else if (message.kind == mcp::Message::Kind::request) {
    take_request(message, stream);
  } else {
    take_notification(message, stream);
  }
}

void McpClient::Impl::on_fault(RequestNumber number, const Fault& fault) {
  const auto found = exchanges_.find(number);
  if (found != exchanges_.end()) found->second->complete({.fault = fault});
}

void McpClient::Impl::take_answer(const mcp::Message& message, RequestNumber stream, int http_status) {
  RequestNumber number = stream;  // an error whose id nobody could read belongs to the request that it answers
  if (message.id) {
    const auto id = message.id.integer();
    number = id && *id > 0 ? static_cast<RequestNumber>(*id) : 0;
  }
  const auto found = exchanges_.find(number);
  if (found == exchanges_.end()) return;  // given up in the meantime, or never asked
  Exchange& exchange = *found->second;
  Arrival arrival;
  arrival.kind = message.kind;
  arrival.http_status = http_status;
  const mcp::Family family = mcp::family_of(revision_);
  arrival.remedy = mcp::remedy_of(message, family, http_status);
  if (message.kind == mcp::Message::Kind::error) {
    arrival.text = exchange.whole ? message.line : message.error.raw();
  } else {
    arrival.result_kind = mcp::result_kind(message, family);
    arrival.is_error = message.result_is_error.boolean() == true;
    arrival.is_task = message.result_task.is_object();
    const bool whole = exchange.whole || arrival.result_kind != mcp::ResultKind::complete;
    arrival.text = whole ? message.line : message.result.raw();
  }
  exchange.complete(std::move(arrival));
}

McpClient::Impl::Call* McpClient::Impl::call_for(const mcp::Message& message, RequestNumber stream) const {
  if (const auto found = exchanges_.find(stream); found != exchanges_.end() && found->second->call != nullptr) {
    return found->second->call->hooks != nullptr ? found->second->call : nullptr;
  }
  const mcp::JsonSpan task = mcp::member(message.param.meta_related_task, "taskId");
  if (task) {
    const std::string id = task.text();
    for (Call* each : call_order_) {
      if (each->task_id == id) return each;
    }
  }
  return call_order_.empty() || several_owners() ? nullptr : call_order_.back();
}

bool McpClient::Impl::several_owners() const {
  return std::ranges::any_of(
      call_order_, [this](const Call* each) { return each->hooks->owner() != call_order_.front()->hooks->owner(); });
}

void McpClient::Impl::refuse_question(std::string_view id, mcp::RpcCode code, std::string_view why) {
  std::string line;
  mcp::append_error(line, id, code, why);
  send_line(line, {});
}

void McpClient::Impl::take_request(const mcp::Message& message, RequestNumber stream) {
  if (stateless() && state_ == State::ready) {
    // A client of that family answers nothing.
    log("sent a request (" + message.method.text().substr(0, 60) +
        "), which its version does not allow; it is ignored");
    return;
  }
  const std::string_view id = message.id.raw();
  if (message.method.is("ping")) {
    std::string line;
    mcp::append_result(line, id, "{}");
    send_line(line, {});
    return;
  }
  if (!is_question(message.method)) {
    refuse_question(id, mcp::RpcCode::method_not_found, "Method not found: this client does not offer it");
    return;
  }
  Call* call = call_for(message, stream);
  if (call == nullptr && !call_order_.empty()) {
    log("asks something (" + message.method.text() +
        ") without saying for which call, while calls of several owners are open; it is refused. A server that relates "
        "its questions to a task or speaks 2026-07-28 or Streamable HTTP can be shared; else give each owner their "
        "own");
    refuse_question(id, mcp::RpcCode::invalid_request,
                    "Calls of several users are open, and this does not say for which it is: name the task in _meta "
                    "(io.modelcontextprotocol/related-task), or ask when one user's calls are open");
    return;
  }
  if (call == nullptr) {
    refuse_question(id, mcp::RpcCode::invalid_request,
                    "No call is open that this could belong to: ask while a tool runs");
    return;
  }
  std::erase_if(call->questions, [](const Call::Question& each) { return each.task.done(); });
  if (call->questions.size() >= max_input_requests) {
    refuse_question(id, mcp::RpcCode::invalid_request, "Too many questions are open: wait for their answers");
    return;
  }
  Call::Question& question = call->questions.emplace_back();
  question.id = mcp::canonical_id(message.id);
  InputRequest asked{.key = "q" + std::to_string(++call->asked),
                     .method = message.method.text(),
                     .params = std::string(message.params ? message.params.raw() : std::string_view("{}"))};
  question.task = answer_question(*call, std::string(id), std::move(asked));
}

Task<void> McpClient::Impl::answer_question(Call& call, std::string id, InputRequest question) {
  const std::string method = question.method;
  std::vector<InputRequest> questions;
  questions.push_back(std::move(question));
  const auto answered = co_await ask(call, std::move(questions));
  if (answered) {
    std::string line;
    mcp::append_result(line, id, answered->front().result);
    send_line(line, {});
  } else if (answered.error().code == errc::unsupported) {
    refuse_question(id, mcp::RpcCode::method_not_found, answered.error().detail);
  } else if (method == "elicitation/create" && answered.error().code == errc::cancelled) {
    std::string line;
    mcp::append_result(line, id, R"({"action":"cancel"})");
    send_line(line, {});
  } else {
    refuse_question(id, mcp::RpcCode::internal_error, answered.error().detail);
  }
}

void McpClient::Impl::take_log(const mcp::Message& message, RequestNumber stream) {
  if (const auto found = exchanges_.find(stream); found != exchanges_.end()) {
    const Call* call = found->second->call;
    if (call != nullptr && call->hooks != nullptr) call->hooks->on_log(read_log_line(message));
    return;
  }
  // Over pipes nothing says whose line it is: all that are open hear it, as long as one owner has them all.
  if (call_order_.empty() || several_owners()) {
    if (events_ != nullptr) events_->on_log(read_log_line(message));
    return;
  }
  const LogLine line = read_log_line(message);
  for (const Call* each : call_order_) each->hooks->on_log(line);
}

// A server of the handshake family has one level for all its calls.
void McpClient::Impl::want_logs(std::optional<LogLevel> level) {
  if (!level || stateless() || !server_ || !server_->capabilities.logging) return;
  if (told_level_ && *told_level_ <= *level) return;
  told_level_ = level;
  background_->spawn(tell_log_level(*level));
}

Task<void> McpClient::Impl::tell_log_level(LogLevel level) {
  std::string params;
  JsonWriter(params).begin_object().field("level", mcp::log_level_name(level)).end_object();
  const Arrival set =
      co_await exchange_once(nullptr, {.method = "logging/setLevel", .params = params, .limit = options_.list_timeout});
  if (set.fault) log("may log more or less than is wanted: " + set.fault->error.detail);
  idle_gate_.open_once();
}

void McpClient::Impl::take_notification(const mcp::Message& message, RequestNumber stream) {
  const mcp::JsonSpan method = message.method;
  if (method.is("notifications/progress")) {
    const auto token = message.param.progress_token.integer();
    const auto found = token && *token > 0 ? calls_.find(static_cast<RequestNumber>(*token)) : calls_.end();
    if (found == calls_.end()) return;
    found->second->hooks->on_progress({.value = message.param.progress.number().value_or(0),
                                       .total = message.param.total.number(),
                                       .message = message.param.message.text()});
  } else if (method.is("notifications/message")) {
    take_log(message, stream);
  } else if (method.is("notifications/cancelled")) {
    if (listening_ != nullptr && message.param.request_id.integer() == static_cast<std::int64_t>(listening_->number)) {
      listening_->complete({.fault = Fault{.error = {errc::unavailable, "upstream.listen", "ended by the server"}}});
      return;
    }
    const std::string id = mcp::canonical_id(message.param.request_id);
    for (Call* each : call_order_) {
      std::erase_if(each->questions, [&](const Call::Question& question) { return question.id == id; });
    }
  } else if (method.is("notifications/tasks/status")) {
    const std::string id = message.param.task_id.text();
    for (Call* each : call_order_) {
      if (each->task_id != id) continue;
      const std::string text = mcp::member(message.params, "statusMessage").text();
      if (!text.empty()) each->hooks->on_progress({.value = ++each->status_changes, .total = {}, .message = text});
      break;
    }
  } else if (method.is("notifications/subscriptions/acknowledged")) {
    // What happened to a task before the server began to tell is seen by looking.
    mcp::for_each_element(mcp::member(message.param.notifications, "taskIds"), [&](mcp::JsonSpan each) {
      const auto found = watched_.find(each.text());
      if (found != watched_.end()) found->second->notify();
    });
  } else if (method.is("notifications/tasks")) {
    const auto found = watched_.find(message.param.task_id.text());
    if (found != watched_.end()) found->second->notify();
  } else if (events_ == nullptr) {
    return;
  } else if (method.is("notifications/tools/list_changed")) {
    events_->on_list_changed(ListKind::tools);
  } else if (method.is("notifications/prompts/list_changed")) {
    events_->on_list_changed(ListKind::prompts);
  } else if (method.is("notifications/resources/list_changed")) {
    events_->on_list_changed(ListKind::resources);
  } else if (method.is("notifications/resources/updated")) {
    events_->on_resource_updated(message.param.uri.text());
  } else {
    events_->on_notification(method.text(), message.params.raw());
  }
}

}  // namespace meantime::client
