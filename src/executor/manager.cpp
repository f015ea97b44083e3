// SPDX-License-Identifier: MIT
// manager.cpp: the public face of the TaskManager, its tools, and its making.
#include "meantime/manager.hpp"

#include "executor/blocking_body.hpp"
#include "executor/manager_impl.hpp"
#include "schema/schema.hpp"

namespace meantime {
namespace {

constexpr std::size_t max_name_chars = 128;

std::optional<std::string> what_is_wrong(const Tool& tool) {
  if (tool.name.empty() || tool.name.size() > max_name_chars) return "a tool's name has 1 to 128 characters";
  for (const char c : tool.name) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || c == '/';
    if (!fine) return "a tool's name is made of A-Z a-z 0-9 _ - . and /";
  }
  if (static_cast<bool>(tool.coroutine) == static_cast<bool>(tool.blocking)) {
    return "set exactly one of Tool::coroutine and Tool::blocking";
  }
  if (tool.no_background && (tool.always_background || tool.task_only))
    return "no_background excludes always_background and task_only";
  if (tool.rerun_if_lost && !tool.idempotent) return "rerun_if_lost is for tools that are declared idempotent";
  if (tool.budget && *tool.budget < Milliseconds(0)) return "a budget is 0 or more";
  if (tool.max_run_time && *tool.max_run_time <= Milliseconds(0)) return "a maximum run time is more than 0";
  return std::nullopt;
}

}  // namespace

TaskManager::Impl::Impl(boost::asio::io_context& io, ManagerPorts ports, ManagerOptions given)
    : clock(ports.clock),
      store(ports.store),
      telemetry(ports.telemetry),
      own_journal(ports.journal != nullptr ? nullptr : make_memory_journal()),
      delivery(ports.delivery),
      journal(ports.journal != nullptr ? *ports.journal : *own_journal),
      options(given),
      loop_(io),
      deadlines_(ports.clock),
      ids(ports.random),
      pool(loop_, given.blocking_threads) {
  unsaved_since = clock.now();
  take_over_journal();
  store.listen(this);
  group.spawn(upkeep());
}

TaskManager::Impl::~Impl() {
  store.listen(nullptr);
  // Background tasks belong to the registry, calls to their callers; those that were given up belong to nobody.
  registry.for_each_live([this](LiveTask& task) {
    if (task.stage != LiveTask::Stage::abandoned) return;
    registry.unlink(task);
    delete &task;
  });
}

void TaskManager::Impl::tell(TaskEvent::Phase phase, std::string_view status, const LiveTask& task,
                             const ToolFailure* failure) {
  if (telemetry == nullptr) return;
  constexpr std::size_t max_message = 500;
  const std::string id = task.id.empty() ? std::string() : task.id.text();
  const Caller& caller = task.account->caller;
  TaskEvent event{.phase = phase,
                  .status = status,
                  .tool_name = task.entry.tool.name,
                  .task_id = id,
                  .user_id = caller.user_id,
                  .channel_id = caller.channel_id,
                  .platform = caller.platform,
                  .duration = age(task),
                  .backgrounded = task.stage == LiveTask::Stage::background};
  if (failure != nullptr) {
    event.error_type = failure->type;
    event.error_message = std::string_view(failure->message).substr(0, utf8::cut_length(failure->message, max_message));
  }
  try {
    telemetry->on_event(event);
  } catch (const std::exception& thrown) {
    fault("telemetry.on_event", thrown.what());
  } catch (...) {
    fault("telemetry.on_event", "threw something that is no std::exception");
  }
}

void TaskManager::Impl::fault(std::string_view where, std::string_view what) noexcept {
  ++telemetry_faults;
  if (telemetry == nullptr) return;
  try {
    telemetry->on_fault(where, what);
  } catch (...) {
    ++telemetry_faults;  // counted is all that is left to do (S51)
  }
}

ToolEntry* TaskManager::Impl::find_tool(std::string_view name) {
  const auto at = tools.find(std::string(name));
  return at == tools.end() ? nullptr : at->second.get();
}

Task<void> TaskManager::Impl::pause(Milliseconds duration) {
  WaitList nobody;
  Wait wait(nobody, loop_, deadlines_, duration);
  co_await wait;
}

TaskManager::TaskManager(boost::asio::io_context& loop, ManagerPorts ports, ManagerOptions options)
    : impl_(std::make_unique<Impl>(loop, ports, options)) {}
TaskManager::~TaskManager() = default;

Result<ToolHandle> TaskManager::add_tool(Tool tool) {
  constexpr auto op = "manager.add_tool";
  if (auto wrong = what_is_wrong(tool)) return fail(errc::invalid_argument, op, "tool '" + tool.name + "': " + *wrong);
  if (impl_->tools.contains(tool.name)) {
    return fail(errc::invalid_argument, op, "there is a tool '" + tool.name + "' already: remove it first");
  }
  auto entry = std::make_unique<ToolEntry>();
  if (!tool.input_schema.empty()) {
    auto schema = Schema::compile(tool.input_schema);
    if (!schema) {
      return fail(errc::invalid_argument, op, "tool '" + tool.name + "': input schema: " + schema.error().detail);
    }
    entry->check_arguments = [compiled = std::make_shared<Schema>(std::move(*schema))](std::string_view arguments) {
      return compiled->check(arguments.empty() ? "{}" : arguments);
    };
  }
  tool.always_background = tool.always_background || tool.task_only;
  if (tool.blocking) tool.coroutine = on_pool(impl_->pool, tool.blocking);
  entry->tool = std::move(tool);
  ToolEntry& added = *entry;
  impl_->tools.emplace(added.tool.name, std::move(entry));
  impl_->loop_.post(impl_->tell_tools);
  return ToolHandle(&added);
}

Result<void> TaskManager::remove_tool(std::string_view name) {
  const auto at = impl_->tools.find(std::string(name));
  if (at == impl_->tools.end())
    return fail(errc::not_found, "manager.remove_tool", "no tool '" + std::string(name) + "'");
  at->second->removed = true;
  impl_->removed_tools.push_back(std::move(at->second));
  impl_->tools.erase(at);
  impl_->loop_.post(impl_->tell_tools);
  return {};
}

std::vector<const Tool*> TaskManager::tools() const {
  std::vector<const Tool*> all;
  all.reserve(impl_->tools.size());
  for (const auto& [name, entry] : impl_->tools) all.push_back(&entry->tool);
  std::ranges::sort(all, {}, &Tool::name);
  return all;
}

const Tool* TaskManager::tool(std::string_view name) const noexcept {
  const ToolEntry* entry = impl_->find_tool(name);
  return entry == nullptr ? nullptr : &entry->tool;
}

void TaskManager::on_tools_changed(std::function<void()> tell) {
  impl_->tell_tools_changed = std::move(tell);
}

void TaskManager::Impl::tools_changed() {
  if (const auto tell = tell_tools_changed) tell();  // a copy: it may be replaced meanwhile
}

namespace {
Task<Result<Outcome>> unknown_tool(std::string name) {
  co_return fail(errc::not_found, "manager.call", "there is no tool '" + name + "': list the tools for their names");
}
}  // namespace

Task<Result<Outcome>> TaskManager::call(ToolCall call) {
  ToolEntry* entry = impl_->find_tool(call.tool);
  if (entry == nullptr) return unknown_tool(call.tool);
  return impl_->call(*entry, std::move(call));
}

Task<Result<Outcome>> TaskManager::call(ToolHandle tool, ToolCall call) {
  if (tool.entry_ == nullptr || tool.entry_->removed) return unknown_tool(call.tool);
  return impl_->call(*tool.entry_, std::move(call));
}

bool TaskManager::ready() const noexcept {
  return !impl_->draining && !impl_->away_told;
}

std::size_t TaskManager::running() const noexcept {
  return impl_->registry.live();
}
const ManagerOptions& TaskManager::options() const noexcept {
  return impl_->options;
}

const DeliveryRules* TaskManager::delivery() const noexcept {
  return impl_->delivery;
}

Task<DrainReport> TaskManager::drain(Milliseconds grace) {
  return impl_->drain(grace);
}

}  // namespace meantime
