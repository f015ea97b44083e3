// SPDX-License-Identifier: MIT
// watches.hpp: what this process hears of: its own notices, and the tasks that somebody here waits for. One connection
// for all of them; after a break everything is subscribed again and looked at again, because it was not heard.
// Threads: the loop's only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_node_map.hpp>
#include <coroutine>
#include <functional>
#include <string>
#include <vector>

#include "store/redis/keys.hpp"
#include "store/redis/link.hpp"

namespace meantime::store::redis {

/// What is heard. Called on the loop.
struct Heard {
  std::function<void(const TaskId&)> ended;
  std::function<void(const TaskId&)> changed;  ///< Also: may have changed unheard, look.
  std::function<void(const TaskId&)> cancel;
  std::function<void(const TaskId&)> redirected;
  std::function<void(const TaskId&)> answered;  ///< What a task of this worker asked.
  std::function<void()> worker_died;
  std::function<void()> missed;            ///< Notices to this worker may have been missed: look.
  std::function<void()> due;               ///< Something may be due for delivery, or that may have been missed.
  std::function<void(const Error&)> deaf;  ///< Nothing will be heard, for this reason, until `hears`.
  std::function<void()> hears;             ///< All is subscribed.
};

class Watches {
 public:
  Watches(Loop& loop, Deadlines& deadlines, Random& random, const RedisOptions& options,
          std::shared_ptr<TlsContext> tls, const Keys& keys, std::string worker, std::function<Request()> hello,
          std::function<Result<void>(const Replies&)> greeted, Heard heard);
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;
  ~Watches();

  void open() { link_.open(); }
  void watch(const TaskId& id);
  void unwatch(const TaskId& id);
  /// Whether to hear what is due for delivery. Heard.due is called when it is heard first, too.
  void hear_due(bool wanted);

  /// `co_await` it before a look: goes on when the server has confirmed the subscription of a watched task, so that
  /// nothing falls between the two; at once for others, or when there is no connection (then a look follows later).
  class Confirmed {
   public:
    Confirmed(Watches& watches, const TaskId& id);
    Confirmed(const Confirmed&) = delete;
    Confirmed& operator=(const Confirmed&) = delete;
    ~Confirmed();
    [[nodiscard]] bool await_ready() const noexcept { return !waits_; }
    void await_suspend(std::coroutine_handle<> waiter);
    static void await_resume() noexcept {}

   private:
    friend class Watches;
    void wake();
    Watches& watches_;
    TaskId id_;
    bool waits_ = false;
    std::coroutine_handle<> waiter_;
    Ready ready_;
    Deadline limit_;
    Confirmed* next_ = nullptr;
    Confirmed* previous_ = nullptr;
  };
  [[nodiscard]] Confirmed confirmed(const TaskId& id) { return {*this, id}; }

 private:
  struct Watch {
    std::uint32_t users = 0;
    std::uint32_t unconfirmed = 0;  ///< Subscriptions asked for and not confirmed.
    bool unheard = false;           ///< There was a time without a subscription.
    bool to_subscribe = false;      ///< Will be, at the end of this turn of the loop.
    bool to_unsubscribe = false;
    Confirmed* first = nullptr;
  };
  using Map = boost::unordered_node_map<TaskId, Watch, std::hash<TaskId>>;

  [[nodiscard]] Request greeting();
  void on_up();
  void on_down(const Error& why);
  void on_push(ReplyView push);
  void on_confirmed(std::string_view channel);
  void on_message(std::string_view channel, std::string_view text);
  void release(Watch& watch);
  void change_soon(const TaskId& id);
  void change_subscriptions();
  void subscribe_due();

  Loop& loop_;
  Deadlines& deadlines_;
  const RedisOptions& options_;
  const Keys& keys_;
  std::string notices_;
  std::string workers_;
  std::string due_;
  std::string done_prefix_;
  std::string changed_prefix_;
  std::function<Request()> hello_;
  Heard heard_;
  Map watches_;
  std::vector<TaskId> changing_;  ///< What is to be subscribed or unsubscribed; one command for many.
  Ready change_ready_;
  bool hears_due_ = false;  ///< As wanted; `subscribed_due_`: as last said on this connection.
  bool subscribed_due_ = false;
  Link link_;
};

}  // namespace meantime::store::redis
