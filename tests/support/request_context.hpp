// SPDX-License-Identifier: MIT
// request_context.hpp: a request without a client: what its body tells is kept, what it asks is answered from a table.
#pragma once

#include <boost/asio/io_context.hpp>
#include <coroutine>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "meantime/offers.hpp"

namespace meantime::test {

class RequestContextFake final : public RequestContext {
 public:
  std::map<std::string, std::string> answers;  ///< By key; a request without one is refused as unsupported.
  std::vector<InputRequest> asked;
  std::vector<Progress> told;
  std::vector<LogLine> logged;
  Caller who{.user_id = "tester", .channel_id = {}, .platform = "test"};

  /// From now on questions wait for go_on().
  RequestContext& waiting() {
    waits_ = true;
    return *this;
  }
  void go_on() {
    waits_ = false;
    if (waiter_) std::exchange(waiter_, {}).resume();
  }

  [[nodiscard]] const Caller& caller() const noexcept override { return who; }
  void progress(Progress progress) override { told.push_back(std::move(progress)); }
  void log(LogLine line) override { logged.push_back(std::move(line)); }
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest> requests) override {
    co_await Pause{*this};
    std::vector<InputResponse> responses;
    for (const InputRequest& each : requests) {
      asked.push_back(each);
      const auto found = answers.find(each.key);
      if (found == answers.end()) co_return fail(errc::unsupported, "test.ask", each.method);
      responses.push_back({.key = each.key, .result = found->second});
    }
    co_return responses;
  }

 private:
  struct Pause {
    RequestContextFake& context;
    [[nodiscard]] bool await_ready() const noexcept { return !context.waits_; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { context.waiter_ = waiter; }
    void await_resume() const noexcept {}
  };
  bool waits_ = false;
  std::coroutine_handle<> waiter_;
};

}  // namespace meantime::test
