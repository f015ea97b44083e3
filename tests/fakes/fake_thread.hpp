// SPDX-License-Identifier: MIT
// fake_thread.hpp: a fake platform on a thread of its own, for tests that wait for programs meanwhile.
// Threads: the test's; what it asks of the fake is done on the fake's.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

#include "meantime/system_clock.hpp"

namespace meantime::test {

template <class Fake>
class FakeThread {
 public:
  /// `settings`: what the fake wants after loop and clock.
  template <class... Settings>
  explicit FakeThread(Settings&&... settings)
      : fake_(io_, clock_, std::forward<Settings>(settings)...), url_(fake_.url()), thread_([this] { run(); }) {}
  FakeThread(const FakeThread&) = delete;
  FakeThread& operator=(const FakeThread&) = delete;
  ~FakeThread() {
    boost::asio::post(io_, [this] { over_ = true; });
    thread_.join();
  }

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

  /// What `question(fake)` answers.
  template <class Question>
  auto ask(Question question) {
    std::packaged_task<std::invoke_result_t<Question, Fake&>()> task(
        [this, question = std::move(question)] { return question(fake_); });
    auto answer = task.get_future();
    boost::asio::post(io_, [&task] { task(); });
    return answer.get();
  }

  /// Waits until `holds(fake)`: it is asked after each thing that happens there. Errors: throws when that takes long.
  void until(std::function<bool(Fake&)> holds) {
    std::promise<void> met;
    auto waiting = met.get_future();
    boost::asio::post(io_, [&] { wanted_ = std::move(holds), met_ = &met; });
    if (waiting.wait_for(longest_wait) == std::future_status::ready) return;
    ask([this](Fake&) { met_ = nullptr; });
    throw std::runtime_error("nothing that was waited for happened at the fake");
  }

 private:
  static constexpr std::chrono::seconds longest_wait{60};

  void run() {
    const auto work = boost::asio::make_work_guard(io_);
    while (!over_) {
      io_.run_one();
      if (met_ != nullptr && wanted_(fake_)) std::exchange(met_, nullptr)->set_value();
    }
  }

  boost::asio::io_context io_;
  SystemClock clock_{io_};
  Fake fake_;
  const std::string url_;
  std::function<bool(Fake&)> wanted_;
  std::promise<void>* met_ = nullptr;
  bool over_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace meantime::test
