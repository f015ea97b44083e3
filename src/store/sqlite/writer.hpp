// SPDX-License-Identifier: MIT
// writer.hpp: the one thread that writes. It takes all that waits into one transaction, and answers when that is on
// disk.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "store/sqlite/checkpointer.hpp"
#include "store/sqlite/job.hpp"
#include "store/sqlite/notices.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/schema.hpp"

namespace meantime::store {

class StartJob;
class FinishJob;

class WriteJob : public Job<Rows> {
 public:
  [[nodiscard]] virtual StartJob* as_start() noexcept { return nullptr; }
  [[nodiscard]] virtual FinishJob* as_finish() noexcept { return nullptr; }
};

class FinishJob final : public WriteJob {
 public:
  FinishJob(RunToken run, TaskEnd end)
      : worker_(run.worker), run_{run.task_id, run.attempt, worker_}, end_(std::move(end)) {}
  FinishJob(const FinishJob&) = delete;
  FinishJob& operator=(const FinishJob&) = delete;
  ~FinishJob() override = default;
  void run(Rows& rows) override { answer_ = rows.finish(run_, end_); }
  void refuse(const Error& error) override { answer_ = std::unexpected(error); }
  void written_with_start() { answer_ = FinishVerdict{}; }
  [[nodiscard]] FinishJob* as_finish() noexcept override { return this; }
  [[nodiscard]] Result<FinishVerdict> take() { return std::move(answer_); }
  [[nodiscard]] const RunToken& token() const noexcept { return run_; }
  [[nodiscard]] const TaskEnd& end() const noexcept { return end_; }

 private:
  const std::string worker_;
  const RunToken run_;
  const TaskEnd end_;
  Result<FinishVerdict> answer_;
};

class StartJob final : public WriteJob {
 public:
  StartJob(OwnedStart start, SteadyTime now) : start_(std::move(start)), now_(now) {}
  void run(Rows& rows) override {
    rows.hold_lease(now_);
    answer_ = rows.start(start_);
  }
  void refuse(const Error& error) override { answer_ = std::unexpected(error); }
  /// One row for both, written once. False: not possible here, run each.
  bool run_with(Rows& rows, FinishJob& finish) {
    auto started = rows.start_ended(start_, finish.end());
    if (!started) return false;
    answer_ = std::move(*started);
    if (!answer_) return false;
    finish.written_with_start();
    return true;
  }
  [[nodiscard]] StartJob* as_start() noexcept override { return this; }
  [[nodiscard]] Result<StartVerdict> take() { return std::move(answer_); }
  [[nodiscard]] const TaskId& task() const noexcept { return start_.task_id; }

 private:
  const OwnedStart start_;
  const SteadyTime now_;
  Result<StartVerdict> answer_;
};

class Writer {
 public:
  /// Both are told on the loop: whether the file can be written, and that there may be something to deliver.
  struct Ears {
    std::function<void(bool, std::string_view)> on_available;
    std::function<void()> on_due;
  };
  Writer(SqliteOptions options, std::unique_ptr<Database> db, const RunFolder& folder,
         std::shared_ptr<Completions> completions, Ears ears);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  /// Drops what waits.
  ~Writer();

  void add(std::shared_ptr<WriteJob> job);
  /// All progress and output that waits is written with the next transaction.
  void hasten_live();
  /// Joins what already waits for the same task; written within `live_interval`.
  void add_live(LiveUpdate update);
  /// True when progress or output of `task` still waits: write it before reading.
  [[nodiscard]] bool has_live(const TaskId& task);
  /// The others are told at the end that this worker left tasks behind.
  void say_gone_at_end() { say_gone_ = true; }

 private:
  using Jobs = std::vector<std::shared_ptr<WriteJob>>;
  using LiveMap = boost::unordered_flat_map<TaskId, LiveUpdate, std::hash<TaskId>>;
  using Time = std::chrono::steady_clock::time_point;

  void loop();
  [[nodiscard]] bool something_to_do(Time now) const;
  [[nodiscard]] Time wake_at() const;
  void write(Jobs jobs, LiveMap live);
  bool write_once(std::span<const std::shared_ptr<WriteJob>> jobs, const LiveMap& live);
  void send_missed(Time now);
  Jobs take_jobs();
  LiveMap take_live(const Jobs& jobs, Time now);
  void run_jobs(std::span<const std::shared_ptr<WriteJob>> jobs);
  Error undo();
  bool file_is_there();
  void answer(Jobs jobs);
  void set_available(bool available, const std::string& why);
  void look_whether_back();

  const SqliteOptions options_;
  std::shared_ptr<Completions> completions_;
  const Ears ears_;

  std::mutex mutex_;
  std::condition_variable wake_;
  Jobs waiting_;
  LiveMap live_;
  bool live_now_ = false;
  bool live_in_flight_ = false;  // taken, and not yet on disk
  bool stopping_ = false;

  // Of the writer's thread.
  const RunFolder& folder_;
  std::unique_ptr<Database> db_;
  std::optional<Rows> rows_;
  NoticeSender notices_;
  Checkpointer checkpointer_;
  Time live_written_{};
  Time missed_at_{};
  std::chrono::milliseconds missed_wait_{2};
  Time look_again_at_{};
  bool available_ = true;
  bool locked_out_ = false;  // the last fault was another program's lock
  std::atomic<bool> say_gone_ = false;

  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace meantime::store
