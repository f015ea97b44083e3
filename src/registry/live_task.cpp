// SPDX-License-Identifier: MIT
#include "registry/live_task.hpp"

#include "core/duration.hpp"
#include "core/error_type.hpp"

namespace meantime {

LiveTask::Extras::Extras(LiveTask& task)
    : drop([](void* self) { static_cast<LiveTask*>(self)->host.grace_over(*static_cast<LiveTask*>(self)); }, &task),
      grace([](void* self) { static_cast<LiveTask*>(self)->host.grace_over(*static_cast<LiveTask*>(self)); }, &task),
      run_time([](void* self) { static_cast<LiveTask*>(self)->host.run_time_over(*static_cast<LiveTask*>(self)); },
               &task) {}

LiveTask::LiveTask(LiveTaskHost& h, ToolEntry& e, CallerAccount& a, std::string arguments, SteadyTime at)
    : host(h),
      entry(e),
      account(&a),
      started(at),
      arguments_(std::move(arguments)),
      budget_([](void* self) { static_cast<LiveTask*>(self)->host.budget_over(*static_cast<LiveTask*>(self)); }, this) {
  ++account->uses;
}

LiveTask::~LiveTask() {
  body.reset();  // first: what stands in the tool's frames uses the rest
  --account->uses;
}

LiveTask::Extras& LiveTask::more() {
  if (!extras) extras = std::make_unique<Extras>(*this);
  return *extras;
}

void LiveTask::progress(Progress progress) {
  Extras& own = more();
  own.progress = std::move(progress);
  if (inline_caller != nullptr && inline_caller->ears != nullptr && inline_caller->ears->on_progress) {
    inline_caller->ears->on_progress(*own.progress);
  }
  own.progress_pending = true;
  host.progressed(*this);
}

void LiveTask::append_output(std::string_view bytes) {
  if (bytes.empty()) return;
  Extras& own = more();
  own.output.append(bytes);
  own.output_total += bytes.size();
  host.printed(*this);
}

void LiveTask::log(LogLine line) {
  if (inline_caller != nullptr && inline_caller->ears != nullptr && inline_caller->ears->on_log) {
    inline_caller->ears->on_log(line);
  }
}

Task<Result<std::vector<InputResponse>>> LiveTask::ask(std::vector<InputRequest> requests) {
  if (requests.empty()) co_return std::vector<InputResponse>();
  Extras& own = more();
  if (!own.asks) own.asks = std::make_unique<Asks>(*this);
  if (auto admitted = own.asks->admit(requests); !admitted) co_return std::unexpected(std::move(admitted.error()));
  Ask asking(*this, *own.asks, std::move(requests));
  co_return co_await asking;
}

std::stop_token LiveTask::stop_token() {
  Extras& own = more();
  if (!own.stop) {
    own.stop.emplace();
    if (own.ending != EndReason::none) own.stop->request_stop();
  }
  return own.stop->get_token();
}

Task<void> LiveTask::sleep(Milliseconds duration) {
  struct Sleep {
    Deadlines& deadlines;
    Milliseconds duration;
    std::coroutine_handle<> waiter;
    Deadline deadline{[](void* self) { static_cast<Sleep*>(self)->waiter.resume(); }, this};
    Sleep(Deadlines& d, Milliseconds m) : deadlines(d), duration(m) {}
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      waiter = handle;
      deadlines.arm(deadline, duration);
    }
    static void await_resume() noexcept {}
  };
  Sleep sleeping(host.deadlines(), duration);
  co_await sleeping;
}

void LiveTask::begin() {
  try {
    body = entry.tool.coroutine(*this);
  } catch (const std::exception& thrown) {
    more().forced = ToolFailure{error_type(thrown), thrown.what(), std::nullopt, EndReason::tool_error};
    return;
  }
  if (!body) {
    more().forced = ToolFailure{"InvalidTool", "the tool's body returned no coroutine", std::nullopt};
    return;
  }
  if (!body.done()) {
    body.on_done(
        [](void* self) noexcept {
          auto& task = *static_cast<LiveTask*>(self);
          return task.host.body_ended(task);
        },
        this);
  }
}

ToolReturn LiveTask::take_return() {
  if (extras && extras->forced) return std::unexpected(std::move(*extras->forced));
  ToolReturn returned = take_body();
  // A tool that was asked to end and then failed ended because it was asked; one that finished all the same finished.
  if (!returned && extras && extras->ending != EndReason::none && returned.error().reason == EndReason::tool_error) {
    ToolFailure& failure = returned.error();
    failure.reason = extras->ending;
    if (failure.reason == EndReason::timed_out) {
      failure.message = over_run_time(entry.tool) + " (" + failure.error() + ")";
      failure.type = "TimedOut";
    }
  }
  return returned;
}

std::string LiveTask::over_run_time(const Tool& tool) {
  return "the tool ran past its maximum run time of " + format_duration(tool.max_run_time.value_or(Milliseconds(0)));
}

ToolReturn LiveTask::take_body() {
  try {
    return body.take();
  } catch (const std::exception& thrown) {
    return std::unexpected(ToolFailure{error_type(thrown), thrown.what(), std::nullopt});
  } catch (...) {
    return std::unexpected(ToolFailure{"UnknownException", "the tool threw something that is no std::exception", {}});
  }
}

void LiveTask::arm_budget_anew(Milliseconds budget) {
  host.deadlines().arm(budget_, budget);
}

void LiveTask::arm_budget(Milliseconds budget) {
  // `started` may be of a clock that stands still between two ticks: a budget must not end early for that.
  constexpr Milliseconds longest_tick{10};
  Deadlines& deadlines = host.deadlines();
  const SteadyTime now = deadlines.clock().now();
  deadlines.arm(budget_, budget, now - started < longest_tick ? now : started);
}

}  // namespace meantime
