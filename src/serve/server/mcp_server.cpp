// SPDX-License-Identifier: MIT
#include "serve/server/mcp_server.hpp"

#include <algorithm>
#include <set>

#include "core/json_writer.hpp"
#include "mcp/request_state.hpp"
#include "mcp/results.hpp"
#include "mcp/task_json.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {}  // namespace

McpServer::McpServer(boost::asio::io_context& io, TaskManager& its_manager, Clock& its_clock, Random& its_random,
                     McpServerOptions its_options)
    : manager(its_manager),
      clock(its_clock),
      random(its_random),
      deadlines(its_clock),
      options(std::move(its_options)),
      loop(io),
      builtins(its_manager, its_clock, options.session),
      tools(its_manager, options.session.output_schemas),
      parked(deadlines, its_random, options.parked_for, options.most_parked),
      look_ups(options.look_ups, its_clock) {
  JsonWriter(identity_)
      .begin_object()
      .field("name", options.name)
      .field("version", options.version.empty() ? "0" : options.version)
      .end_object();
  take_names();
  manager.on_tools_changed([this] {
    tools.changed();
    take_names();
    tell(ServerEvents::List::tools);
  });
  if (options.offers != nullptr) options.offers->listen(this);
}

McpServer::~McpServer() {
  manager.on_tools_changed(nullptr);
  if (options.offers != nullptr) options.offers->listen(nullptr);
}

void McpServer::take_names() {
  std::set<std::string, std::less<>> taken;
  for (const Tool* tool : manager.tools()) taken.insert(tool->name);
  builtins.avoid(taken);
}

std::unique_ptr<OpenRequest> McpServer::open(const mcp::ServerRequest& request, const mcp::HttpHead* head,
                                             std::shared_ptr<const auth::Principal> who, HandshakeClient* session,
                                             Reply& reply) {
  RequestInfo info;
  info.family = request.family;
  info.revision = request.revision;
  info.client = request.client;
  info.client_name = request.client_name;
  info.id = request.message->id.raw();
  info.progress_token = request.progress_token.raw();
  info.log_level = request.log_level;
  info.who = std::move(who);
  if (!info.stateless()) info.session = session;  // on a pipe a client may have both
  if (info.stateless() && request.request_state) return resume(std::move(info), request, reply);
  if (info.stateless() && request.method == mcp::Method::subscriptions_listen) {
    return open_listening(*this, std::move(info), request, reply);
  }
  auto work = std::make_unique<Work>(*this, std::move(info), reply);
  if (work->info.stateless()) {
    work->take_responses(request.input_responses);
  }
  Work& here = *work;
  here.task = dispatch(here, request, head);  // dispatch.cpp
  // What is answered already is never parked: most calls need no copy of their text.
  if (here.info.stateless() && !here.task.done() && mcp::may_ask_input(request.method)) {
    here.line = request.message->line;
  }
  return run(std::move(work));
}

// The request has run to its end, or to its first suspension.
std::unique_ptr<OpenRequest> McpServer::run(std::unique_ptr<Work> work) {
  if (work->task.done()) {
    finish(*work, work->task.take());
    return nullptr;
  }
  work->task.on_done(&McpServer::ended, work.get());
  if (std::exchange(work->wants_parking, false)) {
    park(std::move(work));
    return nullptr;
  }
  return std::make_unique<Opened>(std::move(work));
}

// The coroutine is at its end and suspended for good: it may be destroyed here, with its request.
std::coroutine_handle<> McpServer::ended(void* argument) noexcept {
  auto& work = *static_cast<Work*>(argument);
  work.server.finish(work, work.task.take());
  return std::noop_coroutine();
}

void McpServer::park(std::unique_ptr<Work> work) {
  Reply& reply = *std::exchange(work->reply, nullptr);
  work->holder = nullptr;
  if (parked.full()) {
    std::string out;
    mcp::append_error(out, work->info.id, mcp::RpcCode::internal_error,
                      "too many calls wait for answers of their clients: call again later");
    out.pop_back();
    return reply.end(out, 200);
  }
  const std::string id = work->info.id;
  const std::string line = std::exchange(work->line, {});
  if (const auto message = mcp::read_message(line)) {
    work->binding = mcp::state_binding(work->info.who->owner, *message);
  }
  const std::vector<InputRequest> requests = work->open_requests();
  const std::string result = mcp::input_required_result(requests, parked.keep(std::move(work)));
  std::string out;
  mcp::append_finished_result(out, id, mcp::JsonSpan(result),
                              {.family = mcp::Family::stateless, .server_info = identity_});
  out.pop_back();
  reply.end(out, 200);
}

std::unique_ptr<OpenRequest> McpServer::resume(RequestInfo info, const mcp::ServerRequest& request, Reply& reply) {
  auto taken = parked.take(request.request_state.text(), mcp::state_binding(info.who->owner, *request.message));
  if (!taken) {
    Work gone(*this, std::move(info), reply);
    finish(gone, Answer::fault(mcp::RpcCode::invalid_params, std::move(taken.error())));
    return nullptr;
  }
  std::unique_ptr<Work> work = std::move(*taken);
  work->info = std::move(info);
  work->reply = &reply;
  if (work->late) {
    finish(*work, std::move(*work->late));
    return nullptr;
  }
  work->take_responses(request.input_responses);
  auto holder = std::make_unique<Opened>(std::move(work));
  Work& here = *holder->work;
  // What follows may end the request, and with it everything that `holder` has; or park it again.
  bool ended_inside = false;
  here.ended_inside = &ended_inside;
  if (!here.answer_if_complete()) {
    park(std::move(holder->work));
    return nullptr;
  }
  if (ended_inside) return nullptr;
  if (!holder->work) return nullptr;  // parked again
  here.ended_inside = nullptr;
  return holder;
}

void McpServer::finish(Work& work, Answer answer) {
  if (work.reply == nullptr) {  // parked: for its client, should it come back
    work.late = std::move(answer);
    return;
  }
  Reply& reply = *std::exchange(work.reply, nullptr);
  const RequestInfo& info = work.info;
  std::string out;
  int status = 200;
  if (answer.is_error()) {
    if (!answer.result.empty()) {
      mcp::append_raw_error(out, info.id, answer.result);
      const auto code = mcp::member(mcp::JsonSpan(answer.result), "code").integer();
      if (code == static_cast<int>(mcp::RpcCode::missing_capability)) answer.code = static_cast<int>(*code);
    } else {
      mcp::append_error(out, info.id, answer.code, answer.message, answer.data, mcp::unknown_id(info.revision));
    }
    status = mcp::http_status_of(info.family, answer.code);
  } else {
    mcp::Finishing finishing{.family = info.family, .server_info = identity_};
    if (answer.kind == Answer::Kind::cacheable) {
      finishing.cache = mcp::CacheHint{.ttl_ms = static_cast<std::uint64_t>(options.list_ttl.count())};
    }
    const mcp::MetaEntry related{mcp::related_task_key, answer.related_task};
    if (!answer.related_task.empty()) finishing.meta = {&related, 1};
    mcp::append_finished_result(out, info.id, mcp::JsonSpan(answer.result), finishing);
  }
  out.pop_back();  // the newline of lines
  if (work.ended_inside != nullptr) *work.ended_inside = true;
  reply.end(out, status);
}

void McpServer::on_list_changed(OfferKind kind) {
  tell(kind == OfferKind::prompts ? ServerEvents::List::prompts : ServerEvents::List::resources);
}

void McpServer::tell(ServerEvents::List list) {
  const std::vector<ServerEvents*> all = events_;
  for (ServerEvents* each : all) {
    if (std::ranges::find(events_, each) != events_.end()) each->on_list_changed(list);
  }
}

void McpServer::end_listening() {
  const std::vector<ServerEvents*> all = events_;
  for (ServerEvents* each : all) {
    if (std::ranges::find(events_, each) != events_.end()) each->on_closing();
  }
}

void McpServer::on_resource_updated(std::string_view uri) {
  const std::vector<ServerEvents*> all = events_;
  for (ServerEvents* each : all) {
    if (std::ranges::find(events_, each) != events_.end()) each->on_resource_updated(uri);
  }
}

}  // namespace meantime::serve
