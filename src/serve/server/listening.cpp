// SPDX-License-Identifier: MIT
// listening.cpp: subscriptions/listen (2026-07-28): one stream that tells what its client asked to hear, and nothing
// else, until either side ends it.
#include <set>

#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/subscriptions.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {

constexpr Milliseconds look_again{60'000};

class Listening final : public OpenRequest, ServerEvents {
 public:
  Listening(McpServer& server, RequestInfo info, Reply& reply, mcp::SubscriptionFilter filter)
      : server_(server), info_(std::move(info)), reply_(reply), subscription_(info_.id, std::move(filter)) {
    server_.listen(this);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() override {
    server_.forget(this);
    for (const std::string& uri : subscribed_) server_.options.offers->unsubscribe(uri);
  }

  void start() {
    std::string out;
    subscription_.append_acknowledged(out);
    send(std::move(out));
    for (const std::string& uri : subscription_.filter().resources) group_.spawn(subscribe(uri));
    for (const std::string& id : subscription_.filter().tasks) {
      if (const auto task = TaskId::parse(id)) group_.spawn(follow(*task));
    }
  }

 private:
  Task<void> subscribe(std::string uri) {
    const auto subscribed = co_await server_.options.offers->subscribe(uri);
    if (subscribed) subscribed_.insert(uri);
  }

  // Tells the state the task is in, then each further one, until it has ended. An id that is not the caller's is
  // silent.
  Task<void> follow(TaskId id) {
    const std::string owner = info_.who->owner;
    auto record = co_await server_.manager.check(id, owner);
    while (record) {
      const bool ended = record->status != TaskStatus::running;
      if (auto notice = co_await task_notice(server_, *record, subscription_.id())) {
        std::string out;
        if (subscription_.append_task(out, id.text(), *notice)) send(std::move(out));
      }
      if (ended) co_return;
      TaskRecord seen = std::move(*record);
      for (;;) {
        record = co_await server_.manager.await_change(id, seen, look_again, owner);
        if (!record || told_differently(*record, seen)) break;
      }
    }
  }

  static bool told_differently(const TaskRecord& now, const TaskRecord& seen) {
    return now.status != seen.status || now.progress != seen.progress || now.input_requests != seen.input_requests;
  }

  void on_list_changed(List list) override {
    std::string out;
    const bool wanted = list == List::tools     ? subscription_.append_tools_changed(out)
                        : list == List::prompts ? subscription_.append_prompts_changed(out)
                                                : subscription_.append_resources_changed(out);
    if (wanted) send(std::move(out));
  }
  void on_resource_updated(std::string_view uri) override {
    std::string out;
    if (subscription_.append_resource_updated(out, uri)) send(std::move(out));
  }
  void on_closing() override {
    std::string out;
    subscription_.append_end(out, server_.identity());
    out.pop_back();
    reply_.end(out, 200);
  }
  void send(std::string line) {
    line.pop_back();
    reply_.message(line);
  }

  McpServer& server_;
  RequestInfo info_;
  Reply& reply_;
  mcp::Subscription subscription_;
  std::set<std::string, std::less<>> subscribed_;
  TaskGroup group_;
};

}  // namespace

std::unique_ptr<OpenRequest> open_listening(McpServer& server, RequestInfo info, const mcp::ServerRequest& request,
                                            Reply& reply) {
  auto filter = mcp::read_filter(request.message->param.notifications);
  const auto refuse = [&](Answer answer) {
    Work refused(server, std::move(info), reply);
    server.finish(refused, std::move(answer));
    return nullptr;
  };
  if (!filter) return refuse(Answer::fault(mcp::RpcCode::invalid_params, std::move(filter.error())));
  if (!filter->tasks.empty() && !info.client.tasks) {
    return refuse(Answer::fault(mcp::RpcCode::missing_capability,
                                "'taskIds' needs a client that declares the extension io.modelcontextprotocol/tasks",
                                std::string(mcp::tasks_required_data())));
  }
  if (filter->tasks.size() > server.options.most_listened_tasks) {
    return refuse(Answer::fault(mcp::RpcCode::invalid_params, "Invalid params: at most " +
                                                                  std::to_string(server.options.most_listened_tasks) +
                                                                  " 'taskIds' of one request: send several"));
  }
  auto listening = std::make_unique<Listening>(server, std::move(info), reply,
                                               mcp::honoured(std::move(*filter), capabilities(server)));
  listening->start();
  return listening;
}

}  // namespace meantime::serve
