// SPDX-License-Identifier: MIT
#include "delivery/adapters/command.hpp"

#include <sysexits.h>

#include <csignal>
#include <expected>

#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/event.hpp"
#include "delivery/adapters/web.hpp"
#include "engine/wake.hpp"
#include "process/child.hpp"
#include "process/output_capture.hpp"

namespace meantime::delivery {
namespace {

constexpr Milliseconds to_end_politely{5'000};
constexpr Milliseconds for_what_is_left{1'000};
constexpr std::uint64_t kept_of_output = 8'192;

process::ChildOptions options_of(const CommandSettings& settings, std::string event) {
  process::ChildOptions options;
  options.argv = settings.argv;
  options.environment =
      process::chosen_environment({"PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR"}, settings.environment);
  options.folder = settings.folder;
  options.in = process::Stream::given(std::move(event));
  options.new_session = true;
  options.die_with_parent = true;
  options.no_new_privileges = true;
  return options;
}

SendAnswer no_start(const Error& error) {
  // What is missing or no program stays so until somebody mends it; the rest is a shortage of this moment.
  const bool shortage = error.code == errc::unavailable;
  return {.verdict = shortage ? SendVerdict::retry_backoff : SendVerdict::auth, .detail = error.detail};
}

}  // namespace

/// One program from its start to its end.
class CommandAdapter::Run {
 public:
  Run(process::Child child, boost::asio::io_context& loop, Deadlines& deadlines)
      : child_(std::move(child)), wake_(loop), deadlines_(deadlines) {}

  Task<SendAnswer> to_the_end(Milliseconds limit) {
    deadlines_.arm(next_step_, limit);
    const Task<void> reading_out = read(*this, false);
    const Task<void> reading_err = read(*this, true);
    const Task<void> waiting = wait(*this);
    while (!ended_) co_await wake_.wait();
    next_step_.disarm();
    if (open_streams_ > 0) {
      // What it started and left behind holds its output open.
      child_.signal(SIGKILL);
      deadlines_.arm(enough_, for_what_is_left);
      while (open_streams_ > 0 && !had_enough_) co_await wake_.wait();
    }
    co_return verdict(limit);
  }

 private:
  static Task<void> read(Run& run, bool err) {
    while (true) {
      const std::string_view bytes = err ? co_await run.child_.read_err() : co_await run.child_.read_out();
      if (bytes.empty()) break;
      (err ? run.err_ : run.out_).add(bytes);
    }
    --run.open_streams_;
    run.wake_.notify();
  }

  static Task<void> wait(Run& run) {
    run.status_ = co_await run.child_.wait();
    run.ended_ = true;
    run.wake_.notify();
  }

  void on_limit() {
    child_.signal(std::exchange(late_, true) ? SIGKILL : SIGTERM);
    deadlines_.arm(next_step_, to_end_politely);
  }

  [[nodiscard]] SendAnswer verdict(Milliseconds limit) const {
    SendAnswer answer;
    const std::string out = out_.text();
    if (status_.ok() && !late_) {
      answer.remote_id = cited(std::string_view(out).substr(0, out.find_first_of("\r\n")));
      return answer;
    }
    const std::string err = cited(err_.total_bytes() > 0 ? err_.tail(600) : out_.tail(600));
    answer.detail = late_ ? "the command took longer than " + std::to_string(limit.count()) + " ms and was ended"
                          : "the command ended with " + status_.text();
    if (!err.empty()) answer.detail += ": " + err;
    if (late_ || !status_.code) {
      answer.verdict = SendVerdict::unknown;
    } else if (status_.code == EX_TEMPFAIL) {
      answer.verdict = SendVerdict::retry_backoff;
    } else if (status_.code == EX_CONFIG) {
      answer.verdict = SendVerdict::auth;
    } else {
      answer.verdict = SendVerdict::payload;
    }
    return answer;
  }

  process::Child child_;
  Wake wake_;
  Deadlines& deadlines_;
  Deadline next_step_{[](void* self) { static_cast<Run*>(self)->on_limit(); }, this};
  Deadline enough_{[](void* self) {
                     static_cast<Run*>(self)->had_enough_ = true;
                     static_cast<Run*>(self)->wake_.notify();
                   },
                   this};
  process::OutputCapture out_{kept_of_output};
  process::OutputCapture err_{kept_of_output};
  process::ExitStatus status_;
  int open_streams_ = 2;
  bool ended_ = false;
  bool late_ = false;
  bool had_enough_ = false;
};

CommandAdapter::CommandAdapter(CommandSettings settings, boost::asio::io_context& loop, Clock& clock)
    : settings_(std::move(settings)), loop_(loop), clock_(clock), deadlines_(clock) {}

// A channel means what the program takes it for.
Result<void> CommandAdapter::check(const Redirect&) const {
  if (settings_.argv.empty() || settings_.argv.front().empty()) {
    return fail(errc::invalid_argument, "delivery.command", "The command is empty: give a program and its arguments.");
  }
  return {};
}

Result<std::vector<std::string>> CommandAdapter::plan(const Message& message) const {
  return plan_event(message, settings_.max_bytes, link_to(settings_.link, message));
}

Task<SendAnswer> CommandAdapter::send(Outgoing message) {
  auto event = event_to_send(message);
  if (!event) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = event.error().detail};
  auto child = process::Child::start(loop_, clock_, options_of(settings_, std::move(*event)));
  if (!child) co_return no_start(child.error());
  Run run(std::move(*child), loop_, deadlines_);
  co_return co_await run.to_the_end(settings_.time_limit);
}

}  // namespace meantime::delivery
