// SPDX-License-Identifier: MIT
// sqlite_store.cpp: the store's calls, each handed to the thread that reads or the thread that writes.
#include "meantime/sqlite_store.hpp"

#include <pwd.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <tuple>

#include "store/messages.hpp"
#include "store/sqlite/lookout.hpp"
#include "store/sqlite/outbox.hpp"
#include "store/sqlite/reader.hpp"
#include "store/sqlite/writer.hpp"

namespace meantime {
namespace {

using namespace store;

constexpr std::uint64_t forgotten_at_once = 200;

class SqliteStore final : public Store {
 public:
  SqliteStore(boost::asio::io_context& loop, Clock& clock, SqliteOptions options, std::string worker,
              OpenedDatabase opened)
      : clock_(clock),
        options_(std::move(options)),
        folder_(options_.file.string() + "-run", std::move(worker)),
        completions_(std::make_shared<Completions>(loop)),
        reader_(std::make_unique<Reader>(options_, opened.read_only, folder_.worker(), completions_)),
        lookout_(std::make_shared<Lookout>(loop, clock, options_.lease, folder_, *reader_, completions_)) {
    if (opened.read_only) return;
    Writer::Ears ears{[weak = std::weak_ptr(lookout_)](bool available, std::string_view detail) {
                        if (const auto lookout = weak.lock()) lookout->tell_available(available, detail);
                      },
                      [weak = std::weak_ptr(lookout_)] {
                        if (const auto lookout = weak.lock()) lookout->tell_due();
                      }};
    writer_ = std::make_unique<Writer>(options_, std::move(opened.db), folder_, completions_, std::move(ears));
  }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;
  ~SqliteStore() override {
    // Without close() this is the end of a process that died: what runs is lost, and the others are told.
    if (writer_ && folder_.joined()) writer_->say_gone_at_end();
    end();
  }

  Task<Result<StartVerdict>> start(const TaskStart& start) override {
    if (!writer_) co_return read_only("store.start");
    // The lock must be there before the row that refers to it.
    if (auto joined = join(); !joined) co_return std::unexpected(joined.error());
    OwnedStart own{.task_id = start.task_id,
                   .tool_name = std::string(start.tool_name),
                   .caller = *start.caller,
                   .created_at = start.created_at,
                   .idempotency_key = std::string(start.idempotency_key),
                   .rerun_if_lost = start.rerun_if_lost,
                   .arguments = start.rerun_if_lost ? std::string(start.arguments) : std::string(),
                   .attempt = start.attempt,
                   .redirects = {start.redirects.begin(), start.redirects.end()}};
    auto job = std::make_shared<StartJob>(std::move(own), clock_.now());
    co_return co_await answer_of(*completions_, *writer_, std::move(job));
  }

  Task<Result<FinishVerdict>> finish(RunToken run, TaskEnd end) override {
    if (!writer_) co_return read_only("store.finish");
    auto job = std::make_shared<FinishJob>(run, std::move(end));
    co_return co_await answer_of(*completions_, *writer_, std::move(job));
  }

  Task<Result<TaskRecord>> find(TaskId task) override {
    if (writer_ && writer_->has_live(task)) co_await flush_live();
    auto step = [task](Queries& queries) { return queries.find(task); };
    co_return co_await read<TaskRecord>(std::move(step));
  }

  Task<Result<TextPage>> read_result(TaskId task, std::uint64_t offset_chars, std::uint64_t limit_chars) override {
    auto step = [=](Queries& queries) { return queries.read_result(task, offset_chars, limit_chars); };
    co_return co_await read<TextPage>(std::move(step));
  }

  Task<Result<TaskList>> list(ListQuery query) override {
    auto step = [query = std::move(query)](Queries& queries) { return queries.list(query); };
    co_return co_await read<TaskList>(std::move(step));
  }

  Task<Result<void>> set_progress(RunToken run, Progress progress) override {
    if (!writer_) co_return read_only("store.set_progress");
    writer_->add_live({.run = {run.task_id, run.attempt}, .progress = std::move(progress)});
    co_return Result<void>{};
  }

  Task<Result<void>> append_output(RunToken run, std::string bytes) override {
    if (!writer_) co_return read_only("store.append_output");
    if (!bytes.empty()) writer_->add_live({.run = {run.task_id, run.attempt}, .output = std::move(bytes)});
    co_return Result<void>{};
  }

  Task<Result<std::string>> read_output(TaskId task, std::uint64_t offset_bytes, std::uint64_t limit_bytes) override {
    if (writer_ && writer_->has_live(task)) co_await flush_live();
    auto step = [=](Queries& queries) { return queries.read_output(task, offset_bytes, limit_bytes); };
    co_return co_await read<std::string>(std::move(step));
  }

  Task<Result<void>> request_cancel(TaskId task) override {
    auto step = [task](Rows& rows) { return rows.request_cancel(task); };
    co_return co_await write<void>("store.request_cancel", std::move(step));
  }

  Task<Result<void>> add_redirect(TaskId task, Redirect redirect) override {
    auto step = [task, redirect = std::move(redirect), now = clock_.wall_now()](Rows& rows) {
      return rows.add_redirect(task, redirect, now);
    };
    co_return co_await write<void>("store.add_redirect", std::move(step));
  }

  Task<Result<void>> ask_input(RunToken run, std::vector<InputRequest> requests) override {
    run.worker = {};  // only a live worker asks
    auto step = [run, requests = std::move(requests)](Rows& rows) { return rows.ask_input(run, requests); };
    co_return co_await write<void>("store.ask_input", std::move(step));
  }

  Task<Result<std::uint32_t>> answer_input(TaskId task, std::vector<InputResponse> responses) override {
    auto step = [task, responses = std::move(responses)](Rows& rows) { return rows.answer_input(task, responses); };
    co_return co_await write<std::uint32_t>("store.answer_input", std::move(step));
  }

  Task<Result<std::vector<InputResponse>>> input_responses(TaskId task) override {
    auto step = [task](Queries& queries) { return queries.input_responses(task); };
    co_return co_await read<std::vector<InputResponse>>(std::move(step));
  }

  Task<Result<std::vector<TaskId>>> cancel_requests() override {
    auto step = [](Queries& queries) { return queries.cancel_requests(); };
    co_return co_await read<std::vector<TaskId>>(std::move(step));
  }

  Outbox& outbox() noexcept override { return outbox_; }

  Task<Result<void>> heartbeat() override {
    if (!folder_.joined()) co_return Result<void>{};  // it has started nothing: there is no lease to renew
    auto step = [now = clock_.now()](Rows& rows) -> Result<void> {
      rows.renew_lease(now);
      return {};
    };
    co_return co_await write<void>("store.heartbeat", std::move(step));
  }

  Milliseconds lease() const noexcept override { return options_.lease; }

  Task<Result<LostReport>> reap_lost(ReclaimPolicy policy) override {
    // Asked often and hardly ever for a reason: the question alone takes no lock from those who write.
    auto look = [this, now = clock_.now()](Queries& queries) { return queries.any_dead(folder_, now); };
    if (const auto any = co_await read<bool>(std::move(look)); any && !*any) co_return LostReport{};
    // What is taken over runs under this worker's lock.
    if (!policy.tools.empty() && writer_) {
      if (auto joined = join(); !joined) policy.tools.clear();
    }
    auto step = [policy = std::move(policy), now = clock_.now(), wall = clock_.wall_now()](Rows& rows) {
      return rows.reap_lost(policy, now, wall);
    };
    auto report = co_await write<LostReport>("store.reap_lost", std::move(step));
    if (report) lookout_->look_at(report->lost);  // waiters of this process hear of it as those of others do
    co_return report;
  }

  Task<Result<std::uint64_t>> forget_ended(WallTime ended_before) override {
    std::uint64_t forgotten = 0;
    for (;;) {
      auto step = [ended_before](Rows& rows) { return rows.forget_ended(ended_before, forgotten_at_once); };
      auto some = co_await write<std::uint64_t>("store.forget_ended", std::move(step));
      if (!some) co_return some;
      forgotten += *some;
      if (*some < forgotten_at_once) co_return forgotten;
    }
  }

  void listen(StoreListener* listener) override { lookout_->listen(listener); }
  void watch(const TaskId& task) override {
    // Without a socket for notices the look at intervals still finds the end.
    std::ignore = join();
    lookout_->watch(task);
  }
  void unwatch(const TaskId& task) override { lookout_->unwatch(task); }

  Task<void> close() override {
    lookout_->stop();
    if (writer_) {
      writer_->hasten_live();
      auto step = [](Rows& rows) -> Result<void> {
        rows.leave();
        return {};
      };
      // A store that is away cannot be told goodbye: the lease then runs out.
      (void)co_await write<void>("store.close", std::move(step));
    }
    end();
  }

  std::string_view worker() const noexcept override { return folder_.worker(); }

 private:
  Result<void> join() {
    if (folder_.joined()) return {};
    auto joined = folder_.join();
    if (joined) lookout_->hear_socket();
    return joined;
  }

  template <class T, class Step>
  Task<Result<T>> read(Step step) {
    auto job = std::make_shared<Call<Job<Queries>, T, Step>>(std::move(step));
    co_return co_await answer_of(*completions_, *reader_, std::move(job));
  }

  template <class T, class Step>
  Task<Result<T>> write(const char* op, Step step) {
    if (!writer_) co_return read_only(op);
    auto job = std::make_shared<Call<WriteJob, T, Step>>(std::move(step));
    co_return co_await answer_of(*completions_, *writer_, std::move(job));
  }

  // Best effort, as what it writes is.
  Task<void> flush_live() {
    writer_->hasten_live();
    auto nothing = [](Rows&) -> Result<void> { return {}; };
    (void)co_await write<void>("store.flush", std::move(nothing));
  }

  void end() {
    lookout_->stop();
    folder_.leave();
    writer_.reset();
    reader_.reset();
    completions_->stop();
  }

  Clock& clock_;
  const SqliteOptions options_;
  RunFolder folder_;
  std::shared_ptr<Completions> completions_;
  std::unique_ptr<Reader> reader_;
  std::shared_ptr<Lookout> lookout_;
  std::unique_ptr<Writer> writer_;
  SqliteOutbox outbox_{clock_, *completions_, reader_, writer_, *lookout_, [this] { return join(); }};
};

// Names a process and tells it from a later one with the same number.
std::string worker_name(Random& random) {
  std::array<std::byte, 6> bytes{};
  random.fill(bytes);
  std::string name = std::to_string(RunFolder::pid()) + "-";
  for (const std::byte each : bytes) {
    static constexpr std::string_view hex = "0123456789abcdef";
    name += hex[std::to_integer<unsigned>(each) >> 4U];
    name += hex[std::to_integer<unsigned>(each) & 15U];
  }
  return name;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(boost::asio::io_context& loop, Clock& clock, Random& random,
                                                 SqliteOptions options) {
  auto opened = open_for_writing(options);
  if (!opened) return std::unexpected(opened.error());
  return std::make_unique<SqliteStore>(loop, clock, std::move(options), worker_name(random), std::move(*opened));
}

namespace {

// Where there is no HOME (cron, a service manager) the user's entry names it. Never a folder that others can write to:
// who makes it there first would read and forge the tasks of whoever comes second.
std::filesystem::path home_of_user() {
  std::array<char, 4096> texts{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, texts.data(), texts.size(), &found) != 0 || found == nullptr) return "/";
  return entry.pw_dir;
}

}  // namespace

std::filesystem::path default_state_folder() {
  const auto variable = [](const char* name) -> std::string_view {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start-up
    return value != nullptr ? value : "";
  };
  if (const auto own = variable("MEANTIME_STATE_DIR"); !own.empty()) return own;
  // A relative one is to be ignored, by the XDG base directory specification.
  if (const auto xdg = variable("XDG_STATE_HOME"); xdg.starts_with('/')) return std::filesystem::path(xdg) / "meantime";
  const auto home = variable("HOME");
  return (home.empty() ? home_of_user() : std::filesystem::path(home)) / ".local" / "state" / "meantime";
}

}  // namespace meantime
