// SPDX-License-Identifier: MIT
#include "store/sqlite/writer.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include "store/messages.hpp"

namespace meantime::store {
namespace {

using namespace std::chrono_literals;

// Progress and output of a task are written at most this often, merged in between.
constexpr auto live_interval = 100ms;
// A peer whose socket was full is told again soon, and seldom when it stands still for longer.
constexpr auto missed_interval = 2ms;
constexpr auto longest_missed_interval = 250ms;
constexpr auto look_interval = 500ms;
// Bounds how long one transaction takes, and with it the wait of those who come while it runs.
constexpr std::size_t jobs_per_transaction = 512;

}  // namespace

Writer::Writer(SqliteOptions options, std::unique_ptr<Database> db, const RunFolder& folder,
               std::shared_ptr<Completions> completions, Ears ears)
    : options_(std::move(options)),
      completions_(std::move(completions)),
      ears_(std::move(ears)),
      folder_(folder),
      db_(std::move(db)),
      rows_(std::in_place, *db_, folder, options_.lease),
      notices_(folder),
      checkpointer_(options_),
      thread_([this] { loop(); }) {}

Writer::~Writer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
    live_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::add(std::shared_ptr<WriteJob> job) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(job));
    if (waiting_.size() > 1) return;  // the first has woken the thread
  }
  wake_.notify_one();
}

void Writer::add_live(LiveUpdate update) {
  {
    const std::scoped_lock lock(mutex_);
    auto [found, fresh] = live_.try_emplace(update.run.task_id);
    LiveUpdate& held = found->second;
    if (fresh || held.run.attempt != update.run.attempt) {
      held = std::move(update);
    } else {
      if (update.progress) held.progress = std::move(update.progress);
      held.output += update.output;
    }
    if (held.output.size() > 2 * max_output_bytes) {
      const std::size_t surplus = held.output.size() - max_output_bytes;
      held.output.erase(0, surplus);
      held.skipped += surplus;
    }
    if (live_.size() > 1) return;
  }
  wake_.notify_one();
}

void Writer::hasten_live() {
  const std::scoped_lock lock(mutex_);
  live_now_ = !live_.empty();
}

bool Writer::has_live(const TaskId& task) {
  const std::scoped_lock lock(mutex_);
  return live_in_flight_ || live_.contains(task);
}

Writer::Time Writer::wake_at() const {
  Time at = Time::max();
  if (!live_.empty()) at = std::min(at, live_now_ ? Time::min() : live_written_ + live_interval);
  if (notices_.missed()) at = std::min(at, missed_at_);
  if (!available_) at = std::min(at, look_again_at_);
  if (checkpointer_.wants_rest()) at = Time::min();
  return at;
}

bool Writer::something_to_do(Time now) const {
  return stopping_ || !waiting_.empty() || wake_at() <= now;
}

void Writer::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Time now = std::chrono::steady_clock::now();
    while (!something_to_do(now)) {
      const Time at = wake_at();
      if (at == Time::max()) {
        wake_.wait(lock);
      } else {
        wake_.wait_until(lock, at);
      }
      now = std::chrono::steady_clock::now();
    }
    if (stopping_) break;
    Jobs jobs = take_jobs();
    LiveMap live = take_live(jobs, now);
    live_in_flight_ = !live.empty();
    lock.unlock();
    if (!jobs.empty() || !live.empty()) {
      write(std::move(jobs), std::move(live));
    } else if (!available_ && look_again_at_ <= now) {
      look_whether_back();
    }
    send_missed(now);
    checkpointer_.after_commit(*db_);
    lock.lock();
    live_in_flight_ = false;
  }
  lock.unlock();
  if (say_gone_) notices_.send_worker_gone();
}

void Writer::send_missed(Time now) {
  if (notices_.missed() && missed_at_ <= now) {
    notices_.send_missed();
    missed_wait_ = std::min<std::chrono::milliseconds>(2 * missed_wait_, longest_missed_interval);
    missed_at_ = now + missed_wait_;
  }
  if (!notices_.missed()) missed_wait_ = missed_interval;
}

Writer::Jobs Writer::take_jobs() {
  Jobs jobs;
  if (waiting_.size() <= jobs_per_transaction) {
    jobs.swap(waiting_);
  } else {
    const auto end = waiting_.begin() + jobs_per_transaction;
    jobs.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
  }
  return jobs;
}

Writer::LiveMap Writer::take_live(const Jobs& jobs, Time now) {
  LiveMap live;
  if (live_.empty()) return live;
  if (live_now_ || live_written_ + live_interval <= now) {
    live.swap(live_);
    live_now_ = false;
    live_written_ = now;
    return live;
  }
  // What a task said before its end goes before its end.
  for (const auto& job : jobs) {
    FinishJob* finish = job->as_finish();
    const auto found = finish != nullptr ? live_.find(finish->token().task_id) : live_.end();
    if (found == live_.end()) continue;
    live.insert(std::move(*found));
    live_.erase(found);
  }
  return live;
}

void Writer::write(Jobs jobs, LiveMap live) {
  bool written = write_once(jobs, live);
  std::string detail;
  if (!written) {
    const Error why = undo();
    detail = why.detail;
    const bool again = jobs.size() + live.size() > 1 && !locked_out_;
    bool any = false;
    // One large result that finds no room must not take the others down with it.
    for (const auto& job : jobs) {
      if (again && write_once({&job, 1}, {})) {
        any = true;
      } else {
        job->refuse(again ? undo() : why);
      }
    }
    written = any || why.code == errc::invalid_argument || why.code == errc::internal;
  }
  set_available(written, detail);
  answer(std::move(jobs));
}

Error Writer::undo() {
  Error why = db_->fault("store.write");
  locked_out_ = db_->code() == SQLITE_BUSY;
  db_->roll_back();
  rows_->undone();
  return why;
}

// Somebody removed the file, or put another in its place: SQLite would go on writing to the one that nobody sees.
bool Writer::file_is_there() {
  if (db_->still_in_place()) return true;
  auto opened = open_for_writing(options_);
  if (!opened || opened->read_only) {
    db_->note(SQLITE_CANTOPEN);
    return false;
  }
  checkpointer_.forget_log();
  rows_.reset();
  db_ = std::move(opened->db);
  rows_.emplace(*db_, folder_, options_.lease);
  return true;
}

bool Writer::write_once(std::span<const std::shared_ptr<WriteJob>> jobs, const LiveMap& live) {
  if (!file_is_there()) return false;
  rows_->notices().clear();
  db_->run("BEGIN IMMEDIATE");
  for (const auto& [task, update] : live) rows_->update_live(update);
  run_jobs(jobs);
  if (!db_->run("COMMIT")) return false;
  rows_->committed();
  notices_.send(rows_->notices());
  if (rows_->notices().due) completions_->tell(ears_.on_due);
  return true;
}

void Writer::run_jobs(std::span<const std::shared_ptr<WriteJob>> jobs) {
  boost::unordered_flat_map<TaskId, StartJob*, std::hash<TaskId>> starts;
  boost::unordered_flat_map<StartJob*, FinishJob*> pairs;
  for (const auto& job : jobs) {
    if (StartJob* start = job->as_start()) starts.emplace(start->task(), start);
    FinishJob* finish = starts.empty() ? nullptr : job->as_finish();
    if (finish == nullptr || finish->token().attempt != 1 || !finish->token().worker.empty()) continue;
    const auto start = starts.find(finish->token().task_id);
    if (start != starts.end()) pairs.emplace(start->second, finish);
  }
  boost::unordered_flat_set<WriteJob*> written;
  for (const auto& job : jobs) {
    if (!db_->ok()) return;
    if (!pairs.empty()) {
      if (written.contains(job.get())) continue;
      StartJob* start = job->as_start();
      const auto pair = start != nullptr ? pairs.find(start) : pairs.end();
      if (pair != pairs.end() && start->run_with(*rows_, *pair->second)) {
        written.insert(pair->second);
        continue;
      }
    }
    job->run(*rows_);
  }
}

void Writer::answer(Jobs jobs) {
  if (jobs.empty()) return;
  std::vector<std::shared_ptr<JobBase>> done(std::make_move_iterator(jobs.begin()),
                                             std::make_move_iterator(jobs.end()));
  completions_->deliver(std::move(done));
}

void Writer::set_available(bool available, const std::string& why) {
  look_again_at_ = std::chrono::steady_clock::now() + look_interval;
  if (std::exchange(available_, available) == available) return;
  completions_->tell([tell = ears_.on_available, available, why] { tell(available, why); });
}

void Writer::look_whether_back() {
  if (!file_is_there()) {
    const std::string why = db_->fault("store.write").detail;
    db_->roll_back();
    set_available(false, why);
    return;
  }
  db_->run("BEGIN IMMEDIATE");
  rows_->probe();
  const bool back = db_->run("COMMIT");
  const std::string why = back ? std::string() : db_->fault("store.write").detail;
  if (!back) db_->roll_back();
  set_available(back, why);
}

}  // namespace meantime::store
