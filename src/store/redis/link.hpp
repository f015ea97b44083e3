// SPDX-License-Identifier: MIT
// link.hpp: one connection to a server that comes back whenever it was lost, and the commands that wait for answers
// on it. Any number of callers share it: what they ask in one turn of the loop leaves in one write.
// Threads: the loop's only.
#pragma once

#include <boost/redis/request.hpp>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/deadlines.hpp"
#include "engine/loop.hpp"
#include "meantime/random.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/stream.hpp"

namespace meantime::store::redis {

/// Commands that travel together. Their answers come in the same order.
using Request = boost::redis::request;
using Replies = std::vector<Reply>;

/// What a link asks and tells its owner. Called on the loop, never from inside a call to the link.
struct LinkEvents {
  /// What is sent first on each new connection.
  std::function<Request()> greeting;
  /// Judges its answers. An error means that this server cannot serve: the link leaves it and tries again.
  std::function<Result<void>(const Replies&)> greeted;
  std::function<void(ReplyView)> on_push;
  std::function<void()> on_up;
  /// The connection was lost, or an attempt failed for another reason than the one before.
  std::function<void(const Error&)> on_down;
  /// An error that answers no command ends the connection too: on a link for subscriptions, whose commands have no
  /// other answers.
  bool errors_end_it = false;
};

class Link {
  struct Op;

 public:
  /// The answer to come. Dropping it gives up the answer, not the request.
  class Answer {
   public:
    explicit Answer(std::shared_ptr<Op> op) noexcept : op_(std::move(op)) {}
    Answer(Answer&&) noexcept = default;
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;
    Answer& operator=(Answer&&) = delete;
    ~Answer();
    [[nodiscard]] bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> waiter) const noexcept;
    [[nodiscard]] Result<Replies> await_resume() const;

   private:
    std::shared_ptr<Op> op_;
  };

  Link(Loop& loop, Deadlines& deadlines, Random& random, const RedisOptions& options, std::shared_ptr<TlsContext> tls,
       LinkEvents events);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  /// Begins to connect.
  void open();
  [[nodiscard]] bool up() const noexcept { return up_; }
  /// Why it is not up, as far as known.
  [[nodiscard]] const Error& trouble() const noexcept { return trouble_; }

  /// What becomes of a request that was sent and not answered when the connection broke.
  enum class Resend : std::uint8_t {
    yes,  ///< It is sent again on the next one: for what may happen twice.
    no,   ///< It is answered at once with an error of which interrupted() is true: it may have happened.
  };
  /// Sends `request` and answers with its replies.
  /// Errors: unavailable (not within the time limit, or too much is waiting already).
  [[nodiscard]] Answer ask(Request request, Resend resend = Resend::yes);
  [[nodiscard]] static bool interrupted(const Error& error) noexcept;
  /// For what nobody waits for, and what the next greeting says anyway: dropped while the link is down.
  void tell(Request request);
  /// Leaves this server and connects anew: it said that it cannot serve.
  void abandon(Error why);
  [[nodiscard]] bool idle() const noexcept { return waiting_.empty() && sent_.empty(); }
  /// Called on the loop when the link becomes idle, or has lost its connection.
  void on_idle(std::function<void()> then) { on_idle_ = std::move(then); }

 private:
  using Ops = std::deque<std::shared_ptr<Op>>;

  void attempt();
  Task<void> run_connection();
  Task<Result<void>> greet();
  Task<Result<void>> read_more();
  [[nodiscard]] Result<void> dispatch(Reply reply);
  void end_connection(Error why);
  void after_connection();
  void write_soon();
  void start_write();
  bool fill_outgoing();
  Task<void> write_batches();
  void complete(const std::shared_ptr<Op>& op, Result<Replies> answer);
  void give_up(Op& op);
  void look_at_health();
  void check_idle();
  [[nodiscard]] Milliseconds next_pause();

  Loop& loop_;
  Deadlines& deadlines_;
  Random& random_;
  const RedisOptions& options_;
  std::shared_ptr<TlsContext> tls_;
  LinkEvents events_;
  std::function<void()> on_idle_;

  Ops waiting_;  ///< Not sent on this connection.
  Ops sent_;     ///< In the order of their answers.
  std::size_t waiting_bytes_ = 0;
  std::string outgoing_;
  std::unique_ptr<Stream> stream_;
  ReplyReader reader_;
  Error trouble_;
  std::string told_;
  std::uint32_t failures_ = 0;
  SteadyTime heard_{};  ///< When the other side last spoke, or was first asked something.
  SteadyTime wrote_{};  ///< When it last took bytes.
  bool up_ = false;
  bool was_up_ = false;  ///< Once at least.
  bool writing_ = false;
  bool ending_ = false;

  Ready write_ready_;
  Ready ended_ready_;
  Deadline pause_;
  Deadline health_;
  Task<void> writer_;
  Task<void> connection_;
};

}  // namespace meantime::store::redis
