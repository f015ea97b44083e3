// SPDX-License-Identifier: MIT
#include "cli/run/supervisor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>

#include "cli/exit_code.hpp"
#include "cli/machine.hpp"
#include "cli/run/front_link.hpp"
#include "cli/terminal.hpp"
#include "core/envelope.hpp"
#include "core/utf8.hpp"
#include "meantime/manager.hpp"
#include "process/child.hpp"
#include "process/output_capture.hpp"

namespace meantime::cli {
namespace {

constexpr std::uint64_t kept_output_bytes = 8ULL << 20U;  // head and tail of what the command prints
constexpr Milliseconds term_grace{5'000};                 // from SIGTERM to SIGKILL
constexpr Milliseconds late_output{500};  // how long output may still come from a process that left the command's group
constexpr Milliseconds save_wait{10'000};  // how long the outcome may take into a store that is busy

std::string task_name(const RunArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  std::string name = std::filesystem::path(arguments.command.front()).filename().string();
  for (char& c : name) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!fits) c = '_';
  }
  name.resize(std::min<std::size_t>(name.size(), 128));
  return name.empty() ? "command" : name;
}

int exit_code_of(const process::ExitStatus& status) {
  if (status.code) return *status.code;
  return status.signal != 0 ? 128 + status.signal : exit_code::failure;
}

class Supervisor {
 public:
  Supervisor(const RunArguments& arguments, int front_fd)
      : arguments_(arguments),
        event_(machine_.loop),
        front_(machine_.loop, front_fd, event_),
        signals_(machine_.loop) {}

  int run() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    hear_signals();
    Task<void> work = supervise();
    while (!work.done()) machine_.loop.run_one();
    work.take();
    return 0;
  }

 private:
  Task<void> supervise() {
    const SteadyTime budget_over = machine_.clock.now() + arguments_.budget;
    if (!start()) {
      co_await front_.flushed();
      co_return;
    }
    const auto alarm = machine_.clock.make_alarm([this] { event_.notify(); });
    alarm->set(budget_over);
    for (bool may_leave = true; !all_read();) {
      while (const auto signal = front_.take_signal()) end_command(*signal);
      if (terminated_ > 0 && !ending_) end_command(SIGTERM);
      if (may_leave && !ending_ && (front_.gone() || machine_.clock.now() >= budget_over)) {
        if (co_await to_background()) {
          co_await stay_until_recorded();
          co_return;
        }
        may_leave = false;
        continue;
      }
      co_await event_.wait();
    }
    front_.finish(Frame::done, std::to_string(exit_code_of(*status_)));
    co_await front_.flushed();
  }

  bool start() {
    process::ChildOptions options;
    options.argv = arguments_.command;
    options.folder = arguments_.folder;
    const bool reads = arguments_.keep_stdin || !is_terminal(STDIN_FILENO);
    options.in = reads ? process::Stream::inherit(STDIN_FILENO) : process::Stream::null();
    options.die_with_parent = true;  // without us nobody would know of it
    began_ = machine_.clock.now();
    auto child = process::Child::start(machine_.loop, machine_.clock, std::move(options));
    if (!child) {
      const int code = child.error().code == errc::not_found ? exit_code::no_command : exit_code::cannot_execute;
      front_.finish(Frame::refused, std::to_string(code) + "\n" + child.error().detail);
      return false;
    }
    child_.emplace(std::move(*child));
    // The command alone holds on to its input from here on.
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    close(nothing);
    end_watch_ = watch_end();
    out_pump_ = pump(Frame::out);
    err_pump_ = pump(Frame::err);
    return true;
  }

  Task<void> pump(Frame kind) {
    for (;;) {
      const std::string_view bytes = kind == Frame::out ? co_await child_->read_out() : co_await child_->read_err();
      if (bytes.empty()) break;
      output_.add(bytes);
      if (context_ != nullptr) context_->append_output(bytes);
      // While the terminal is behind, the command is held back, up to the budget.
      co_await front_.send(kind, bytes);
    }
    ++pumps_ended_;
    event_.notify();
  }

  Task<void> watch_end() {
    process::ExitStatus status = co_await child_->wait();
    // What the command left in its group ends with it, and with that the pipes that it may hold.
    static_cast<void>(co_await child_->terminate(Milliseconds(0)));
    status_ = status;
    late_alarm_ = machine_.clock.make_alarm([this] {
      late_ = true;
      event_.notify();
    });
    late_alarm_->set(machine_.clock.now() + late_output);
    event_.notify();
  }

  // The command ended and its output is here, but for what a daemon that left its group might still print.
  [[nodiscard]] bool all_read() const { return status_ && (pumps_ended_ == 2 || late_); }

  // The first signal is the command's to answer in its own way; then it is ended, a second one ends it at once.
  void end_command(int signal) {
    if (status_) return;
    if (ending_) {
      child_->signal(SIGKILL);
      return;
    }
    ending_ = true;
    child_->signal(signal);
    kill_alarm_ = machine_.clock.make_alarm([this] { child_->signal(SIGKILL); });
    kill_alarm_->set(machine_.clock.now() + term_grace);
  }

  // True when the command is a recorded task from now on and the front was told.
  Task<bool> to_background() {
    const auto chosen = choose_store(arguments_.store);
    Result<std::unique_ptr<Store>> store = std::unexpected(chosen ? Error{} : chosen.error());
    if (chosen) store = open_store(machine_, *chosen, Access::write);
    if (!store) {
      co_await front_.send(Frame::warning, "the command stays in the foreground: " + store.error().detail);
      co_return false;
    }
    store_ = std::move(*store);
    ManagerOptions options;
    options.cancel_grace = term_grace + late_output + Milliseconds(1'000);
    options.limits.result_bytes = 2 * kept_output_bytes;  // the capture keeps to its own limit
    manager_ =
        std::make_unique<TaskManager>(machine_.loop, ManagerPorts{machine_.clock, machine_.random, *store_}, options);
    Tool tool;
    tool.name = task_name(arguments_);
    tool.always_background = true;
    tool.coroutine = [this](ToolContext& context) { return handed_over(context); };
    auto added = manager_->add_tool(std::move(tool));
    ToolCall call;
    call.tool = task_name(arguments_);
    call.caller = Caller{utf8::repaired(arguments_.owner), "", "cli"};
    call.began = began_;
    Result<Outcome> outcome = std::unexpected(Error{});
    if (added) {
      outcome = co_await manager_->call(std::move(call));
    } else {
      outcome = std::unexpected(std::move(added.error()));
    }
    const Backgrounded* task = outcome ? std::get_if<Backgrounded>(&*outcome) : nullptr;
    if (task == nullptr) {
      const std::string why = outcome ? "it has just ended" : outcome.error().detail;
      co_await front_.send(Frame::warning, "the command stays in the foreground: " + why);
      co_return false;
    }
    front_.finish(Frame::backgrounded, task->task_id.text() + "\n" + envelope::running(*task, "meantime check"));
    co_return true;
  }

  // The task's body: the command runs already, this waits for its end and ends it when the task is cancelled.
  Task<ToolReturn> handed_over(ToolContext& context) {
    struct Handed {
      Supervisor& self;
      Handed(Supervisor& s, ToolContext& c) : self(s) { self.context_ = &c; }
      Handed(const Handed&) = delete;
      Handed& operator=(const Handed&) = delete;
      ~Handed() {
        self.context_ = nullptr;
        self.task_over_ = true;
        self.event_.notify();
      }
    } handed(*this, context);
    if (output_.total_bytes() > 0) context.append_output(output_.text());
    const std::stop_token stop = context.stop_token();
    const std::stop_callback wake(stop, [this] { event_.notify(); });
    while (!all_read() && !stop.stop_requested()) co_await event_.wait();
    if (!status_) static_cast<void>(co_await child_->terminate(term_grace));
    while (!all_read()) co_await event_.wait();

    ToolOutput printed(output_.text());
    printed.exit_code = status_->code;
    printed.cut = output_.cut();
    if (status_->ok()) co_return printed;
    ToolFailure failure;
    failure.type = "CommandFailed";
    failure.message = status_->text();
    failure.output = std::move(printed);
    co_return std::unexpected(std::move(failure));
  }

  Task<void> stay_until_recorded() {
    while (!task_over_ && terminated_ == 0) co_await event_.wait();
    Task<DrainReport> drained = manager_->drain(task_over_ ? save_wait : Milliseconds(0));
    if (!drained.done()) {
      // A second SIGTERM shortens what is left.
      hasten_ = hasten();
    }
    static_cast<void>(co_await std::move(drained));
    hasten_.reset();
    manager_.reset();
    co_await store_->close();
    // The envelope may still wait behind output that somebody reads slowly.
    const int before = terminated_;
    const Task<void> told = flush_front();
    while (!told.done() && terminated_ == before) co_await event_.wait();
  }

  Task<void> flush_front() {
    co_await front_.flushed();
    event_.notify();
  }

  Task<void> hasten() {
    const int before = terminated_;
    while (terminated_ == before) co_await event_.wait();
    child_->signal(SIGKILL);
    static_cast<void>(co_await manager_->drain(Milliseconds(0)));
  }

  void hear_signals() {
    signals_.async_wait([this](const boost::system::error_code& problem, int) {
      if (problem) return;
      ++terminated_;
      event_.notify();
      hear_signals();
    });
  }

  const RunArguments& arguments_;
  Machine machine_;
  Event event_;  // anything below changed
  FrontLink front_;
  boost::asio::signal_set signals_;
  process::OutputCapture output_{kept_output_bytes};
  std::optional<process::Child> child_;
  SteadyTime began_{};
  std::optional<process::ExitStatus> status_;
  int pumps_ended_ = 0;
  int terminated_ = 0;  // signals that asked this process to end
  bool late_ = false;
  bool ending_ = false;
  bool task_over_ = false;
  ToolContext* context_ = nullptr;
  std::unique_ptr<Alarm> late_alarm_;
  std::unique_ptr<Alarm> kill_alarm_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TaskManager> manager_;
  Task<void> end_watch_;
  Task<void> out_pump_;
  Task<void> err_pump_;
  Task<void> hasten_;
};

}  // namespace

int supervise(const RunArguments& arguments, int front_fd) {
  return Supervisor(arguments, front_fd).run();
}

}  // namespace meantime::cli
