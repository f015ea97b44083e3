// SPDX-License-Identifier: MIT
// client_impl.hpp: the inside of McpClient: its requests, what comes in, the connection, tasks, lists, subscriptions.
// Threads: the loop's.
#pragma once

#include <coroutine>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/mcp_client.hpp"
#include "client/transport.hpp"
#include "engine/wake.hpp"
#include "mcp/client_rules.hpp"
#include "mcp/subscriptions.hpp"

namespace meantime::client {

/// What came of one message that asked for an answer.
struct Arrival {
  std::optional<Fault> fault;  ///< Set: nothing else is.
  mcp::Message::Kind kind = mcp::Message::Kind::result;
  mcp::ResultKind result_kind = mcp::ResultKind::complete;
  mcp::ErrorRemedy remedy = mcp::ErrorRemedy::none;
  bool is_error = false;
  bool is_task = false;  ///< 2025-11-25: the result names a task.
  int http_status = 0;
  std::string text;  ///< A complete result, or the error object; the whole message where more of it is wanted.
};

/// Many coroutines wait for one event of this loop.
class Gate {
 public:
  explicit Gate(boost::asio::io_context& loop) : loop_(loop) {}
  void open_once();
  [[nodiscard]] bool nobody_waits() const noexcept { return waiters_.empty(); }
  /// Suspends until the next open_once().
  [[nodiscard]] Task<void> wait();

 private:
  boost::asio::io_context& loop_;
  std::vector<Wake*> waiters_;
};

class McpClient::Impl final : public Receiver {
 public:
  Impl(Loop& loop, Clock& clock, ClientOptions options, ClientEvents* events);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override;
  void use(std::unique_ptr<Transport> transport) { transport_ = std::move(transport); }

  Task<Result<void>> connect();
  Task<Answer> request(Request request, Milliseconds limit);
  Task<Answer> call_tool(std::string params, RequestHooks* hooks, std::optional<mcp::ClientCapabilities> capabilities,
                         std::optional<LogLevel> log_level);
  Task<Result<std::vector<std::string>>> list(ListKind kind);
  Task<Result<void>> subscribe(std::string uri);
  Task<Result<void>> unsubscribe(std::string uri);
  Task<void> close();
  Task<void> rest();

  [[nodiscard]] const ServerDescription* server() const noexcept { return server_ ? &*server_ : nullptr; }
  [[nodiscard]] const std::string& name() const noexcept { return transport_->name(); }
  [[nodiscard]] std::size_t open() const noexcept { return exchanges_.size(); }
  [[nodiscard]] bool busy() const noexcept {
    return callers_ > 0 || exchanges_.size() > (listening_ != nullptr ? 1 : 0) || !resources_.empty();
  }
  [[nodiscard]] SteadyTime last_used() const noexcept { return std::max(last_used_, up_since_); }

  void on_message(const mcp::Message& message, RequestNumber stream, int http_status) override;
  void on_fault(RequestNumber number, const Fault& fault) override;
  void on_down(const Error& why) override;

 private:
  class Call;
  class Exchange;
  class TaskCancel;
  friend class Call;
  friend class Exchange;
  friend class TaskCancel;
  enum class State : std::uint8_t { down, connecting, ready, closing, closed };
  /// What a client must know of a tool to call it; only of tools with something to know.
  struct ToolFacts {
    std::vector<mcp::ParamHeader> headers;
    bool needs_task = false;
  };

  // connecting.cpp
  Task<void> attempt();
  Task<Result<void>> establish();
  Task<Arrival> probe(const mcp::EraProbe::Step& step);
  Task<Result<void>> greet(const mcp::EraProbe::Step& step, std::string result);
  Task<void> revive();
  Error unreachable() const;

  // mcp_client.cpp
  struct Round;
  Result<void> send(Exchange& exchange, const Round& round);
  [[nodiscard]] std::string final_params(const Round& round, RequestNumber token) const;
  Task<Arrival> exchange_once(Call* call, Round round);
  Task<Result<std::vector<InputResponse>>> ask(Call& call, std::vector<InputRequest> requests);
  Task<void> pause(Milliseconds duration);
  void withdraw(RequestNumber number, std::string_view method);
  void send_line(std::string_view line, std::string_view method);
  [[nodiscard]] bool stateless() const noexcept;
  [[nodiscard]] const ToolFacts* facts_of(std::string_view params) const;
  [[nodiscard]] Answer to_answer(Arrival arrival) const;
  [[nodiscard]] Failure read_error(std::string_view raw) const;

  // incoming.cpp
  void take_answer(const mcp::Message& message, RequestNumber stream, int http_status);
  void take_request(const mcp::Message& message, RequestNumber stream);
  void take_notification(const mcp::Message& message, RequestNumber stream);
  void take_log(const mcp::Message& message, RequestNumber stream);
  [[nodiscard]] Call* call_for(const mcp::Message& message, RequestNumber stream) const;
  /// Calls of more than one owner are open: what names no call cannot be given to any.
  [[nodiscard]] bool several_owners() const;
  void want_logs(std::optional<LogLevel> level);
  Task<void> tell_log_level(LogLevel level);
  Task<void> answer_question(Call& call, std::string id, InputRequest question);
  void refuse_question(std::string_view id, mcp::RpcCode code, std::string_view why);

  // following.cpp
  Task<Answer> follow(Call& call, std::string created);
  Task<Answer> follow_requested(Call& call, std::string created);
  Task<void> cancel_task(std::string task_id);
  Task<void> hear_of_task(std::string task_id, Wake& changed);
  Task<void> answer_task(Call& call, std::string task_id, std::vector<InputRequest> requests, Wake& answered,
                         std::optional<Error>& failed);

  // listing.cpp
  Task<void> listen();
  void listen_again();
  [[nodiscard]] mcp::SubscriptionFilter filter() const;
  void learn(std::string_view name, mcp::JsonSpan tool, bool& usable);
  void tell_lists_changed();
  Task<Result<void>> simple(std::string_view method, std::string params);

  void log(std::string_view text);
  void fail_all(const Error& why);

  Loop& loop_;
  Clock& clock_;
  ClientOptions options_;
  ClientEvents* events_;
  std::unique_ptr<Transport> transport_;

  State state_ = State::down;
  RequestNumber last_number_ = 0;
  std::unordered_map<RequestNumber, Exchange*> exchanges_;
  std::unordered_map<RequestNumber, Call*> calls_;  // by progress token
  std::list<Call*> call_order_;                     // oldest first
  std::unordered_map<std::string, Wake*> watched_;  // by task id: those whose changes are listened to
  mcp::Revision revision_ = mcp::newest_handshake;
  mcp::ClientMarks marks_;
  std::optional<ServerDescription> server_;
  std::unordered_map<std::string, ToolFacts> facts_;

  std::optional<mcp::Revision> remembered_;
  bool discover_ends_it_ = false;  // a program that does not survive a request before initialize
  std::uint64_t connections_ = 0;
  std::uint32_t logged_ = 0;            // since the last connect
  std::optional<LogLevel> told_level_;  // since the last connect
  SteadyTime not_before_{};
  SteadyTime up_since_{};
  SteadyTime last_used_{};
  std::size_t callers_ = 0;  // requests of callers, over all their rounds
  Milliseconds backoff_;
  Error down_;
  bool connecting_ = false;
  bool rested_ = false;  // it is down because nobody needed it
  Result<void> connected_;
  Gate connected_gate_;
  Gate idle_gate_;
  std::set<std::string, std::less<>> resources_;
  Exchange* listening_ = nullptr;
  bool listen_anew_ = false;
  Task<void> attempt_;
  Task<void> revive_;
  Task<void> listen_;
  std::unique_ptr<TaskGroup> background_ = std::make_unique<TaskGroup>();
};

/// What one message out says.
struct McpClient::Impl::Round {
  std::string_view method;
  std::string_view params;
  std::optional<mcp::ClientCapabilities> capabilities;
  std::optional<LogLevel> log_level;
  Milliseconds limit{0};
  bool whole = false;  ///< The whole message is wanted, not its result alone.
  const ToolFacts* facts = nullptr;
};

/// One request of a caller, over all its rounds.
class McpClient::Impl::Call {
 public:
  Call(Impl& impl, RequestHooks* hooks);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call();

  RequestHooks* hooks;
  RequestNumber token = 0;  // of progress; 0: nobody hears
  std::string task_id;      // as canonical text, once it is a task
  // A server's question in the middle of it.
  struct Question {
    std::string id;  // canonical
    Task<void> task;
  };
  std::list<Question> questions;
  std::uint64_t asked = 0;
  double status_changes = 0;  // progress of a task that tells a text alone

 private:
  Impl& impl_;
  std::list<Call*>::iterator place_;
};

/// One message out that waits for its answer; lives in the coroutine that waits.
class McpClient::Impl::Exchange {
 public:
  Exchange(Impl& impl, Call* its_call, std::string_view method, bool whole);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  [[nodiscard]] bool await_ready() const noexcept { return arrival_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  Arrival await_resume() noexcept { return std::move(*arrival_); }

  void sent() noexcept { sent_ = true; }
  /// The waiter goes on inside this call; the exchange may be gone after it.
  void complete(Arrival arrival);
  /// The same without an answer of the server, which is told.
  void give_up(Error why);
  void detach() noexcept { impl_ = nullptr; }

  const RequestNumber number;
  Call* const call;
  const std::string_view method;
  const bool whole;

 private:
  Impl* impl_;
  std::coroutine_handle<> waiter_;
  std::optional<Arrival> arrival_;
  bool sent_ = false;
};

}  // namespace meantime::client
