// SPDX-License-Identifier: MIT
// asking.cpp: what tools ask of their callers: inline through the call's front door, then through the task's record,
// which any process reads and answers.
#include "core/inputs.hpp"
#include "executor/manager_impl.hpp"

namespace meantime {
namespace {

constexpr std::size_t looked_at_once = 64;

// Says nothing of the requests: they are kept, and stored when the store can be reached.
bool store_may_take_them_later(const Error& error) {
  return error.code == errc::unavailable || error.code == errc::overloaded || error.code == errc::not_found;
}

}  // namespace

// In a turn of the loop of its own: the tool has suspended, and whoever hears of it may drop the call.
void TaskManager::Impl::asked(Ask& ask) {
  LiveTask& task = ask.task();
  const bool ending = task.stage == LiveTask::Stage::abandoned || task.extras->ending != EndReason::none;
  const bool calling = task.stage == LiveTask::Stage::calling;
  if (ending || (calling && task.inline_caller == nullptr)) return ask.fail(given_up());
  if (task.entry.tool.no_background && (!calling || !task.inline_caller->ears->on_input)) {
    return ask.fail({errc::unsupported, "tool.ask",
                     "Nobody can be asked: this call is no task, and its caller answers no questions."});
  }
  if (!calling) {
    ask.show();
    return asks_changed(task);
  }
  task.disarm_budget();
  if (!task.inline_caller->ears->on_input) return ask_as_task(ask);
  const auto tell = task.inline_caller->ears->on_input;  // a copy: the call may go, and with it the front door's
  tell(std::make_shared<Round>(ask));
}

void TaskManager::Impl::ask_as_task(Ask& ask) {
  LiveTask& task = ask.task();
  if (task.stage == LiveTask::Stage::calling && task.entry.tool.no_background) {
    return ask.fail({errc::unsupported, "tool.ask", "This call must be answered inline and cannot become a task."});
  }
  ask.show();
  task.asks()->show_all();
  if (task.stage == LiveTask::Stage::calling) {
    budget_over(task);  // the call goes on as if it were
  } else {
    asks_changed(task);
  }
}

void TaskManager::Impl::ask_ended(LiveTask& task) {
  if (task.stage == LiveTask::Stage::background) return asks_changed(task);
  if (task.stage != LiveTask::Stage::calling || task.inline_caller == nullptr || task.ended()) return;
  if (task.asks()->any_offered() || task.entry.tool.no_background) return;
  task.arm_budget_anew(task.inline_caller->budget);
}

void TaskManager::Impl::asks_changed(LiveTask& task) {
  if (task.recording || task.ended()) return;
  asking.insert(task.id);
  task.extras->changes.wake_all(Woken::look);
  save_asks_soon(task);
}

void TaskManager::Impl::save_asks_soon(LiveTask& task) {
  if (task.start == LiveTask::Start::stored && !task.asks()->saving) group.spawn(save_asks(task.id));
}

// Of the task that runs here under this id now: after each suspension it may be gone, or another run.
LiveTask* TaskManager::Impl::asker(TaskId id) const noexcept {
  LiveTask* task = registry.find(id);
  return task != nullptr && task->asks() != nullptr ? task : nullptr;
}

// Brings the store up to what is asked here. What it does not take now it gets with a heartbeat, or when it is back.
Task<void> TaskManager::Impl::save_asks(TaskId id) {
  LiveTask* task = asker(id);
  if (task == nullptr || std::exchange(task->asks()->saving, true)) co_return;
  asking.insert(id);
  while (co_await save_some_asks(id)) {
  }
  task = asker(id);
  if (task == nullptr) co_return;
  task->asks()->saving = false;
  if (!task->asks()->any_open() && task->asks()->untold.empty()) asking.erase(id);
  // A call with a key waits on: it hears of its task now that whoever is to answer can find what is asked.
  if (task->stage != LiveTask::Stage::background || task->start != LiveTask::Start::stored) co_return;
  if (task->inline_caller == nullptr || !task->inline_caller->keyed || !task->asks()->any_open()) co_return;
  InlineCaller& here = *task->inline_caller;
  here.verdict = InlineCaller::Verdict::over_budget;
  if (auto waiter = std::exchange(here.waiter, {})) waiter.resume();
}

// False: there is nothing left to do, or no way to do it now.
Task<bool> TaskManager::Impl::save_some_asks(TaskId id) {
  LiveTask* task = asker(id);
  if (task == nullptr || task->recording || task->start != LiveTask::Start::stored) co_return false;
  const RunToken run{id, task->attempt};
  std::vector<InputRequest> requests = task->asks()->take_unsaved();
  if (!requests.empty()) {
    auto stored = co_await store.ask_input(run, requests);
    task = asker(id);
    if (task == nullptr) co_return false;
    if (stored) co_return true;
    if (store_may_take_them_later(stored.error())) {
      task->asks()->unsave(requests);
      if (stored.error().code != errc::not_found) store_fault("store.ask_input", stored.error());
      co_return false;
    }
    // They may have got there, and been answered, when the answer to the first try was lost.
    co_await load_answers(id);
    task = asker(id);
    if (task == nullptr) co_return false;
    if (task->attempt == run.attempt) task->asks()->fail_those(requests, stored.error());
    co_return true;
  }
  std::vector<InputResponse> untold = std::exchange(task->asks()->untold, {});
  if (untold.empty()) co_return false;
  auto told = co_await store.answer_input(id, untold);
  task = asker(id);
  if (task == nullptr) co_return false;
  if (!told && store_may_take_them_later(told.error())) {
    std::ranges::move(untold, std::back_inserter(task->asks()->untold));
    if (told.error().code != errc::not_found) store_fault("store.answer_input", told.error());
    co_return false;
  }
  co_return true;
}

Task<void> TaskManager::Impl::load_answers(TaskId id) {
  const LiveTask* before = asker(id);
  const std::uint32_t attempt = before != nullptr ? before->attempt : 0;
  auto responses = co_await store.input_responses(id);
  if (!responses) {
    if (responses.error().code != errc::not_found) store_fault("store.input_responses", responses.error());
    co_return;
  }
  for (const InputResponse& each : *responses) {
    LiveTask* task = asker(id);
    if (task == nullptr || task->attempt != attempt) co_return;
    if (task->asks()->answer(each.key, each.result)) asks_changed(*task);
  }
}

// Finds answers whose notice was lost, and brings the store what it did not take before.
void TaskManager::Impl::look_for_answers() {
  if (asking.empty() || std::exchange(looking_for_answers, true)) return;
  group.spawn(look_for_all_answers({asking.begin(), asking.end()}));
}

Task<void> TaskManager::Impl::look_for_all_answers(std::vector<TaskId> wanted) {
  for (std::size_t first = 0; first < wanted.size(); first += looked_at_once) {
    std::vector<Task<void>> some;
    for (std::size_t i = first; i < std::min(wanted.size(), first + looked_at_once); ++i) {
      some.push_back(load_answers(wanted[i]));
    }
    for (Task<void>& each : some) co_await std::move(each);
    for (std::size_t i = first; i < std::min(wanted.size(), first + looked_at_once); ++i) {
      if (LiveTask* task = asker(wanted[i])) save_asks_soon(*task);
    }
  }
  looking_for_answers = false;
}

Task<Result<std::uint32_t>> TaskManager::Impl::answer_input(TaskId id, std::vector<InputResponse> responses,
                                                            std::optional<std::string> user_id) {
  if (auto fine = check_responses(responses); !fine) co_return std::unexpected(std::move(fine.error()));
  auto record = co_await find(id, std::move(user_id));
  if (!record) co_return std::unexpected(std::move(record.error()));
  if (record->status != TaskStatus::running) co_return 0;
  LiveTask* live = registry.find(id);
  if (live == nullptr) {
    auto answered = co_await store.answer_input(id, std::move(responses));
    if (answered && *answered > 0) on_changed(id);  // those who wait here: the store tells only others
    co_return answered;
  }
  if (live->asks() == nullptr || live->recording) co_return 0;
  std::erase_if(responses, [&](const InputResponse& each) { return !live->asks()->open_and_saved(each.key); });
  if (responses.empty()) co_return 0;
  // Where the store shows them it decides: another process may be answering, too.
  std::vector<InputResponse> of_store;
  std::vector<std::string> decided;
  for (const InputResponse& each : responses) {
    if (*live->asks()->open_and_saved(each.key) && live->start == LiveTask::Start::stored) {
      decided.push_back(each.key);
      of_store.push_back(each);
    }
  }
  std::uint32_t count = 0;
  if (!of_store.empty()) {
    auto answered = co_await store.answer_input(id, std::move(of_store));
    if (answered) {
      count = *answered;
      co_await load_answers(id);
      std::erase_if(responses,
                    [&](const InputResponse& each) { return std::ranges::find(decided, each.key) != decided.end(); });
    } else if (!store_may_take_them_later(answered.error())) {
      co_return answered;
    }
  }
  // The rest the store has not heard of yet, or cannot hear of now: the tool need not wait for that.
  for (InputResponse& each : responses) {
    live = asker(id);
    if (live == nullptr) break;
    if (!live->asks()->answer(each.key, each.result)) continue;
    ++count;
    live->asks()->untold.push_back(std::move(each));
    asks_changed(*live);
  }
  co_return count;
}

Task<Result<std::uint32_t>> TaskManager::answer_input(TaskId task, std::vector<InputResponse> responses,
                                                      std::optional<std::string> user_id) {
  co_return co_await impl_->answer_input(task, std::move(responses), std::move(user_id));
}

}  // namespace meantime
