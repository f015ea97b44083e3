// SPDX-License-Identifier: MIT
// A call that the server made a task of, followed to its result: both forms.
#include <algorithm>
#include <set>
#include <utility>

#include "client/client_impl.hpp"
#include "core/json_writer.hpp"
#include "mcp/task_json.hpp"

namespace meantime::client {
namespace {

constexpr Milliseconds usual_interval{1'000};
constexpr Milliseconds cancel_limit{10'000};
constexpr Milliseconds worth_listening{250};  // a server that is looked at more often need not tell of changes
constexpr unsigned most_faults = 8;  // looks at a task in a row that bring nothing; the pauses between them grow

std::string id_params(std::string_view task_id) {
  std::string params;
  JsonWriter(params).begin_object().field("taskId", task_id).end_object();
  return params;
}

}  // namespace

// Tells the server when nobody waits for its task any more.
class McpClient::Impl::TaskCancel {
 public:
  TaskCancel(Impl& impl, std::string task_id) : impl_(impl), task_id_(std::move(task_id)) {}
  TaskCancel(const TaskCancel&) = delete;
  TaskCancel& operator=(const TaskCancel&) = delete;
  ~TaskCancel() {
    const bool reachable = impl_.state_ != State::closed && impl_.background_ != nullptr;
    if (!ended_ && reachable) impl_.background_->spawn(impl_.cancel_task(std::move(task_id_)));
  }
  void ended() noexcept { ended_ = true; }

 private:
  Impl& impl_;
  std::string task_id_;
  bool ended_ = false;
};

Task<void> McpClient::Impl::cancel_task(std::string task_id) {
  const std::string params = id_params(task_id);
  const Arrival answer =
      co_await exchange_once(nullptr, {.method = "tasks/cancel", .params = params, .limit = cancel_limit});
  if (answer.fault) log("may go on with a task that was cancelled: " + answer.fault->error.detail);
  idle_gate_.open_once();
}

Task<void> McpClient::Impl::answer_task(Call& call, std::string task_id, std::vector<InputRequest> requests,
                                        Wake& answered, std::optional<Error>& failed) {
  auto responses = co_await ask(call, std::move(requests));
  if (!responses) {
    failed = std::move(responses.error());
    answered.notify();
    co_return;
  }
  std::string params;
  JsonWriter out(params);
  out.begin_object().field("taskId", task_id).key("inputResponses").raw(mcp::input_responses_json(*responses));
  out.end_object();
  const Answer taken = co_await request({.method = "tasks/update", .params = params}, options_.list_timeout);
  if (!taken) failed = to_error(taken.error());
  answered.notify();
}

// Says when the task should be looked at before its time. Servers that do not tell are looked at all the same.
Task<void> McpClient::Impl::hear_of_task(std::string task_id, Wake& changed) {
  struct Watched {
    Watched(std::unordered_map<std::string, Wake*>& map, const std::string& its_id, Wake& wake) : all(map), id(its_id) {
      all.insert_or_assign(id, &wake);
    }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    ~Watched() { all.erase(id); }
    std::unordered_map<std::string, Wake*>& all;
    const std::string& id;
  } const watched(watched_, task_id, changed);
  std::string params;
  JsonWriter out(params);
  out.begin_object().key("notifications").begin_object().key("taskIds").begin_array().value(task_id).end_array();
  out.end_object().end_object();
  co_await exchange_once(nullptr, {.method = "subscriptions/listen", .params = params});
}

Task<Answer> McpClient::Impl::follow(Call& call, std::string created) {
  const auto message = mcp::read_message(created);
  auto report = mcp::read_task_report(message->result);
  if (!report) {
    co_return std::unexpected(
        Failure(Error{errc::corrupt, "upstream.task",
                      "upstream '" + name() + "' made a task that cannot be read: " + report.error()}));
  }
  const std::string task_id = report->task_id.text();
  const std::string params = id_params(task_id);
  call.task_id = task_id;
  TaskCancel cancel(*this, task_id);
  std::set<std::string, std::less<>> shown;  // keys of questions
  std::string told;
  Wake answered(loop_.io());
  std::optional<Error> failed;
  Task<void> answering;
  unsigned faults = 0;
  auto interval = report->poll_interval_ms;
  Task<void> hearing;
  if (!interval || Milliseconds(*interval) >= worth_listening) hearing = hear_of_task(task_id, answered);
  for (;;) {
    {
      const auto asked = interval ? Milliseconds(std::max<std::int64_t>(*interval, 0)) : usual_interval;
      Milliseconds wait = std::clamp(asked, options_.poll_least, options_.poll_most);
      if (faults > 0) wait = std::min(wait * (1U << faults), options_.poll_most);
      const auto alarm = clock_.make_alarm([&answered] { answered.notify(); });
      alarm->set(clock_.now() + wait);
      co_await answered.wait();
    }
    if (failed) co_return std::unexpected(Failure(std::move(*failed)));
    // A request of its own, so that a lost connection or session is made anew.
    const Answer looked = co_await request({.method = "tasks/get", .params = params}, options_.list_timeout);
    if (!looked) {
      const auto* error = std::get_if<Error>(&looked.error());
      const bool passing = error != nullptr && (error->code == errc::unavailable || error->code == errc::timed_out ||
                                                error->code == errc::overloaded);
      if (passing && ++faults < most_faults) continue;
      if (!passing) cancel.ended();  // the server knows the task no longer, or we are closing
      co_return looked;
    }
    faults = 0;
    const auto now = mcp::read_task_report(mcp::JsonSpan(looked->result));
    if (!now) {
      co_return std::unexpected(
          Failure(Error{errc::corrupt, "upstream.task", "upstream '" + name() + "', tasks/get: " + now.error()}));
    }
    if (now->poll_interval_ms) interval = now->poll_interval_ms;
    if (std::string text = now->status_message.text(); !text.empty() && text != told && call.hooks != nullptr) {
      told = std::move(text);
      call.hooks->on_progress({.value = ++call.status_changes, .total = {}, .message = told});
    }
    switch (now->state) {
      case mcp::TaskState::working:
        break;
      case mcp::TaskState::input_required: {
        if (answering && !answering.done()) break;
        auto requests = mcp::read_input_requests(now->input_requests);
        if (!requests) {
          co_return std::unexpected(Failure(
              Error{errc::corrupt, "upstream.task", "upstream '" + name() + "', tasks/get: " + requests.error()}));
        }
        std::erase_if(*requests, [&](const InputRequest& each) { return shown.contains(each.key); });
        if (requests->empty()) break;
        for (const InputRequest& each : *requests) shown.insert(each.key);
        answering = answer_task(call, task_id, std::move(*requests), answered, failed);
        break;
      }
      case mcp::TaskState::completed:
        cancel.ended();
        if (!now->result.is_object()) {
          co_return std::unexpected(
              Failure(Error{errc::corrupt, "upstream.task",
                            "upstream '" + name() + "' says that its task is completed but gives no result"}));
        }
        co_return Reply{std::string(now->result.raw()), mcp::member(now->result, "isError").boolean() == true};
      case mcp::TaskState::failed:
        cancel.ended();
        if (now->error.is_object()) co_return std::unexpected(read_error(now->error.raw()));
        co_return std::unexpected(
            Failure(Error{errc::corrupt, "upstream.task",
                          "upstream '" + name() + "' says that its task failed: " + now->status_message.text()}));
      case mcp::TaskState::cancelled:
        cancel.ended();
        co_return std::unexpected(
            Failure(Error{errc::cancelled, "upstream.task", "upstream '" + name() + "' cancelled its task"}));
    }
  }
}

Task<Answer> McpClient::Impl::follow_requested(Call& call, std::string created) {
  const auto report = mcp::read_task_report(mcp::member(mcp::JsonSpan(created), "task"));
  if (!report) {
    co_return std::unexpected(
        Failure(Error{errc::corrupt, "upstream.task",
                      "upstream '" + name() + "' made a task that cannot be read: " + report.error()}));
  }
  const std::string task_id = report->task_id.text();
  const std::string params = id_params(task_id);
  call.task_id = task_id;
  TaskCancel cancel(*this, task_id);
  for (unsigned faults = 0;;) {
    // Blocks until the end; the server asks what it wants to know on this request's stream.
    Arrival arrival;
    if (state_ == State::ready) {
      arrival = co_await exchange_once(&call, {.method = "tasks/result", .params = params});
    } else if (auto connected = co_await connect(); connected) {
      continue;
    } else {
      arrival.fault = Fault{.error = connected.error()};
    }
    if (!arrival.fault) {
      cancel.ended();
      co_return to_answer(std::move(arrival));
    }
    if (arrival.fault->session_lost || arrival.fault->error.code == errc::cancelled || ++faults >= most_faults) {
      if (arrival.fault->session_lost) cancel.ended();  // its tasks went with it
      co_return to_answer(std::move(arrival));
    }
    co_await pause(std::min(options_.poll_least * (1U << faults), options_.poll_most));
  }
}

}  // namespace meantime::client
