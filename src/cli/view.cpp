// SPDX-License-Identifier: MIT
#include "cli/view.hpp"

#include <csignal>

#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "core/envelope.hpp"

namespace meantime::cli {
namespace {

constexpr std::size_t shortest_beginning = 4;
constexpr std::uint32_t recent = 1'000;

std::unexpected<Error> no_such_task(std::string_view text) {
  return fail(errc::not_found, "cli", "Task '" + std::string(text.substr(0, 64)) + "' not found.");
}

}  // namespace

View::View(const ViewOptions& options) : options_(options), event_(machine_.loop), signals_(machine_.loop) {
  alarm_ = machine_.clock.make_alarm([this] {
    time_over_ = true;
    event_.notify();
  });
}

View::~View() {
  if (store_) store_->listen(nullptr);
}

int View::run(const std::function<Task<int>()>& body) {
  Task<int> work = open_and_run(body);
  while (!work.done()) machine_.loop.run_one();
  return work.take();
}

Task<int> View::open_and_run(const std::function<Task<int>()>& body) {
  const auto chosen = choose_store(options_.store);
  if (!chosen) co_return report(chosen.error());
  is_remote_ = chosen->kind == config::StoreSettings::Kind::redis;
  auto store = open_store(machine_, *chosen, Access::read);
  if (!store) co_return report(store.error());
  store_ = std::move(*store);
  store_->listen(this);
  // A store that cannot be written still shows what it knows; one that cannot be reached shows nothing.
  const auto looked = co_await look_for_lost();
  const bool away = !looked && is_remote_ && !away_.empty();
  const int code = away ? report(looked.error()) : co_await body();
  store_->listen(nullptr);
  co_await store_->close();
  store_.reset();
  co_return code;
}

Task<Result<TaskRecord>> View::resolve(std::string text) {
  const auto id = TaskId::parse(text);
  if (id) {
    auto record = co_await find(*id);
    if (record || record.error().code != errc::not_found) co_return record;
  }
  if (text.size() < shortest_beginning || text.size() >= TaskId().text().size()) {
    if (id) co_return no_such_task(text);
    co_return std::unexpected(id.error());
  }
  ListQuery query;
  query.user_id = options_.owner;
  query.limit = recent;
  auto newest = co_await store_->list(std::move(query));
  if (!newest) co_return std::unexpected(std::move(newest.error()));
  const TaskRecord* found = nullptr;
  for (const TaskRecord& task : newest->tasks) {
    if (!task.task_id.text().starts_with(text)) continue;
    if (found != nullptr) {
      co_return fail(errc::invalid_argument, "cli",
                     "several task ids begin with '" + text + "': write more of it, as `meantime list` shows it");
    }
    found = &task;
  }
  if (found == nullptr) co_return no_such_task(text);
  co_return *found;
}

Task<Result<TaskRecord>> View::find(TaskId task) {
  auto record = co_await store_->find(task);
  if (record && options_.owner && record->caller.user_id != *options_.owner) co_return no_such_task(task.text());
  if (!record && record.error().code == errc::not_found) co_return no_such_task(task.text());
  co_return record;
}

Task<Result<TaskList>> View::list(ListQuery query) {
  query.user_id = options_.owner;
  co_return co_await store_->list(std::move(query));
}

Task<Result<void>> View::look_for_lost() {
  worker_died_ = false;
  auto report = co_await store_->reap_lost({.leave_to_others = std::chrono::seconds(30)});
  if (!report) co_return std::unexpected(std::move(report.error()));
  co_return Result<void>();
}

void View::watch(const TaskId& task) {
  store_->watch(task);
}

Task<bool> View::changed(Milliseconds at_most) {
  time_over_ = false;
  alarm_->set(machine_.clock.now() + at_most);
  while (!news_ && !time_over_ && !interrupted_) co_await event_.wait();
  alarm_->clear();
  if (worker_died_) static_cast<void>(co_await look_for_lost());  // what can be seen is shown all the same
  co_return std::exchange(news_, false);
}

void View::catch_signals() {
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  signals_.async_wait([this](const boost::system::error_code& problem, int) {
    if (problem) return;
    interrupted_ = true;
    event_.notify();
  });
}

int View::report(const Error& cause, std::string_view task) const {
  Error error = cause;
  constexpr std::string_view says = "store unavailable: ";
  if (is_remote_ && error.code == errc::unavailable && !error.detail.starts_with(says)) error.detail.insert(0, says);
  if (options_.json) {
    const std::string text =
        error.code == errc::not_found && !task.empty() ? envelope::not_found(task) : envelope::error(error);
    static_cast<void>(print(text + "\n"));
  } else {
    complain(error.detail.empty() ? name_of(error.code) : std::string_view(error.detail));
  }
  return exit_code::of(error);
}

void View::on_ended(const TaskId& task) {
  on_changed(task);
}
void View::on_cancel_requested(const TaskId& task) {
  on_changed(task);
}

void View::on_changed(const TaskId& /*task*/) {
  news_ = true;
  event_.notify();
}

void View::on_worker_died() {
  worker_died_ = true;
  news_ = true;
  event_.notify();
}

void View::on_available(bool available, std::string_view detail) {
  away_ = available ? "" : std::string(detail.empty() ? "away" : detail);
  news_ = true;
  event_.notify();
}

}  // namespace meantime::cli
