// SPDX-License-Identifier: MIT
#include "executor/blocking_body.hpp"

#include <stdexcept>

namespace meantime {
namespace {

// The loop's side of a blocking tool's context; gone as soon as the tool's coroutine is.
struct LoopSide {
  ToolContext* context = nullptr;
};

// What the thread holds: progress, output and log lines go to the loop, and nowhere once the task was dropped.
class ThreadContext final : public ToolContext {
 public:
  ThreadContext(Loop& loop, std::shared_ptr<LoopSide> side, ToolContext& context)
      : loop_(loop),
        side_(std::move(side)),
        arguments_(context.arguments()),
        caller_(context.caller()),
        stop_(context.stop_token()) {}

  [[nodiscard]] std::string_view arguments() const noexcept override { return arguments_; }
  [[nodiscard]] const Caller& caller() const noexcept override { return caller_; }
  void progress(Progress progress) override {
    loop_.post_from_anywhere([side = side_, progress = std::move(progress)]() mutable {
      if (side->context != nullptr) side->context->progress(std::move(progress));
    });
  }
  void append_output(std::string_view bytes) override {
    loop_.post_from_anywhere([side = side_, text = std::string(bytes)] {
      if (side->context != nullptr) side->context->append_output(text);
    });
  }
  void log(LogLine line) override {
    loop_.post_from_anywhere([side = side_, line = std::move(line)]() mutable {
      if (side->context != nullptr) side->context->log(std::move(line));
    });
  }
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest>) override {
    throw std::logic_error("ToolContext::ask is for coroutine tools; make the tool a coroutine to ask its caller");
  }
  [[nodiscard]] std::stop_token stop_token() override { return stop_; }
  [[nodiscard]] Task<void> sleep(Milliseconds) override {
    throw std::logic_error("ToolContext::sleep is for coroutine tools; a blocking tool waits as any thread does");
  }

 private:
  Loop& loop_;
  std::shared_ptr<LoopSide> side_;
  std::string arguments_;
  Caller caller_;
  std::stop_token stop_;
};

Task<ToolReturn> run_on_pool(ToolContext& context, BlockingPool& pool, BlockingBody body) {
  auto side = std::make_shared<LoopSide>(&context);
  struct Leave {
    LoopSide& side;
    ~Leave() { side.context = nullptr; }
  } leave{*side};
  auto on_thread = std::make_shared<ThreadContext>(pool.loop(), side, context);
  auto work = [on_thread, body = std::move(body)] { return body(*on_thread); };
  co_return co_await pool.run(context.caller().user_id, std::move(work));
}

}  // namespace

CoroutineBody on_pool(BlockingPool& pool, BlockingBody body) {
  return [&pool, body = std::move(body)](ToolContext& context) { return run_on_pool(context, pool, body); };
}

}  // namespace meantime
