// SPDX-License-Identifier: MIT
// redis_store.hpp: the store's calls, each one script or one look. tasks.cpp writes tasks, inputs.cpp what they ask of
// their callers, queries.cpp and lists.cpp read them, retention.cpp forgets them, workers.cpp keeps leases and finds
// the dead.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <string>
#include <vector>

#include "engine/blocking_pool.hpp"
#include "meantime/redis_store.hpp"
#include "store/redis/fields.hpp"
#include "store/redis/keys.hpp"
#include "store/redis/link.hpp"
#include "store/redis/outbox.hpp"
#include "store/redis/scripts.hpp"
#include "store/redis/watches.hpp"

namespace meantime::store::redis {

class RedisStore final : public Store {
 public:
  RedisStore(boost::asio::io_context& io, Clock& clock, Random& random, RedisOptions options,
             std::shared_ptr<TlsContext> tls);
  RedisStore(const RedisStore&) = delete;
  RedisStore& operator=(const RedisStore&) = delete;
  ~RedisStore() override = default;

  // tasks.cpp
  Task<Result<StartVerdict>> start(const TaskStart& start) override;
  Task<Result<FinishVerdict>> finish(RunToken run, TaskEnd end) override;
  Task<Result<void>> set_progress(RunToken run, Progress progress) override;
  Task<Result<void>> append_output(RunToken run, std::string bytes) override;
  Task<Result<void>> request_cancel(TaskId task) override;
  Task<Result<void>> add_redirect(TaskId task, Redirect redirect) override;

  // inputs.cpp
  Task<Result<void>> ask_input(RunToken run, std::vector<InputRequest> requests) override;
  Task<Result<std::uint32_t>> answer_input(TaskId task, std::vector<InputResponse> responses) override;
  Task<Result<std::vector<InputResponse>>> input_responses(TaskId task) override;

  // queries.cpp
  Task<Result<TaskRecord>> find(TaskId task) override;
  Task<Result<TextPage>> read_result(TaskId task, std::uint64_t offset_chars, std::uint64_t limit_chars) override;
  Task<Result<std::string>> read_output(TaskId task, std::uint64_t offset_bytes, std::uint64_t limit_bytes) override;
  Task<Result<std::vector<TaskId>>> cancel_requests() override;

  // lists.cpp
  Task<Result<TaskList>> list(ListQuery query) override;

  // retention.cpp
  Task<Result<std::uint64_t>> forget_ended(WallTime ended_before) override;

  // workers.cpp
  Task<Result<void>> heartbeat() override;
  [[nodiscard]] Milliseconds lease() const noexcept override { return options_.lease; }
  Task<Result<LostReport>> reap_lost(ReclaimPolicy policy) override;
  Task<void> close() override;

  // outbox.cpp
  [[nodiscard]] Outbox& outbox() noexcept override { return outbox_; }

  // redis_store.cpp
  void listen(StoreListener* listener) override { listener_ = listener; }
  void watch(const TaskId& task) override { watches_.watch(task); }
  void unwatch(const TaskId& task) override { watches_.unwatch(task); }
  [[nodiscard]] std::string_view worker() const noexcept override { return worker_; }
  void open();

 private:
  /// Runs a script; loads it first where the server has forgotten it. `op` names the call in errors.
  Task<Result<Reply>> run(const ScriptCall& call, std::string_view op, Link::Resend resend = Link::Resend::yes);
  /// `shape` says of each reply in turn, again from its first when there are more: L a list, T a text or none, I a
  /// number. Others show that answers and questions got out of step: nothing on that connection is believed any more.
  Task<Result<Replies>> ask(Request request, std::string op, std::string_view shape);
  [[nodiscard]] Error out_of_step(std::string op);
  Task<Result<Replies>> load_scripts(std::string op);
  [[nodiscard]] Error refused(std::string_view refusal, std::string op);
  [[nodiscard]] Request hello() const;
  [[nodiscard]] Result<void> greeted(const Replies& replies, bool commands);
  void on_up();
  void on_down(const Error& why);
  void on_deaf(const Error& why);
  Task<void> after_up();
  Task<void> tell_hears();
  void notice_forgotten();
  Task<void> look_for_missed_notices();

  /// `co_await` it: goes on when all that was asked is answered or given up, or nobody can answer.
  class Settled;

  using Asking = boost::unordered_flat_set<TaskId, std::hash<TaskId>>;
  /// Those of the page that ask something are added to `asking`.
  Task<Result<TaskList>> list_page(ListQuery query, Asking& asking);
  /// Puts the open requests into records that have some, for which `in` counts them.
  Task<Result<void>> add_open_inputs(std::vector<TaskRecord*> asking);
  Task<Result<KeptResult>> keep_large(RunToken run, TaskEnd& end);
  Task<Result<TextPage>> read_chunks(std::string key, TextPage page, std::uint64_t limit_chars);

  /// Tasks by their number, newest first, and where to go on when there may be more below.
  struct Numbered {
    std::uint64_t number = 0;
    TaskId id;
  };
  struct Candidates {
    std::vector<Numbered> tasks;
    std::optional<std::uint64_t> more_below;
  };
  /// Numbers in use, and how far the clocks of those who call are from the server's.
  struct Extent {
    std::uint64_t oldest = 1;
    std::uint64_t newest = 0;
    Milliseconds behind{0};
    Milliseconds ahead{0};
  };
  Task<Result<Extent>> extent();
  Task<Result<Candidates>> candidates(const ListQuery& query, std::uint64_t below, std::uint32_t count);
  Task<Result<Candidates>> running_below(std::uint64_t below, std::uint32_t count);
  Task<Result<Candidates>> listed_below(Reply numbers, std::uint32_t count);
  Task<Result<Candidates>> all_below(std::uint64_t below, std::uint32_t count);
  Task<Result<std::uint64_t>> place_of(TaskId cursor);
  Task<Result<std::uint64_t>> first_block_from(Extent extent, std::function<bool(const TaskId&)> reached);
  Task<Result<std::vector<Numbered>>> ids_of_block(std::uint64_t block);
  Task<Result<void>> trim_lists(std::uint64_t oldest);
  [[nodiscard]] std::int64_t finished_expiry_s() const;
  [[nodiscard]] std::int64_t index_expiry_s() const;
  /// Of a task, and of what is to be delivered of it, while something is.
  [[nodiscard]] std::int64_t open_expiry_s() const;
  /// What a call is known by when it is sent again: other than every other call's.
  [[nodiscard]] std::string name_call();
  [[nodiscard]] bool touch(const std::string& key);

  Clock& clock_;
  RedisOptions options_;
  Loop loop_;
  Deadlines deadlines_;
  Keys keys_;
  std::string worker_;
  StoreListener* listener_ = nullptr;
  boost::unordered_flat_set<TaskId, std::hash<TaskId>>
      doubtful_;  ///< Starts whose answer never came: they may be there.
  /// Partial output that the server has of this worker's tasks, where known; -1 after a piece that may be there.
  boost::unordered_flat_map<TaskId, std::int64_t, std::hash<TaskId>> output_totals_;
  /// When this process last renewed the expiry of an owner's or a tool's list.
  boost::unordered_flat_map<std::string, SteadyTime> touched_;
  /// Tasks that the server has as running here, as far as it has answered. A heartbeat with fewer: it lost data.
  boost::unordered_flat_set<TaskId, std::hash<TaskId>> running_;
  /// Tasks taken over: handed to the manager, and confirmed with the next look.
  boost::unordered_flat_map<TaskId, std::uint32_t, std::hash<TaskId>> claims_;
  SteadyTime renewed_{};        ///< When the last walk over the running tasks' expiries began.
  std::int64_t renew_at_ = -1;  ///< Where it is; -1: none is under way.
  /// Small results that a look brought along: who looks at a finished task reads its result next. Each serves once.
  struct Fresh {
    SteadyTime looked_at{};
    std::string result;
  };
  boost::unordered_flat_map<TaskId, Fresh, std::hash<TaskId>> fresh_;
  std::uint64_t named_calls_ = 0;
  std::uint64_t swept_to_ = 0;  ///< Where the last walk of retention ended.
  SteadyTime swept_all_{};      ///< When one last began at the oldest task.
  bool clock_is_odd_ = false;   ///< This machine's clock is far from the server's.
  bool registered_ = false;
  bool told_away_ = false;
  bool told_deaf_ = false;
  bool closing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  BlockingPool pool_;
  Watches watches_;
  Link commands_;
  TaskGroup group_;  ///< Last: what it runs uses all of the above.
  RedisOutbox outbox_{*this};
  friend class RedisOutbox;
};

}  // namespace meantime::store::redis
