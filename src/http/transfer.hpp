// SPDX-License-Identifier: MIT
// transfer.hpp: one request of the client and its answer, on their way between the loop's thread and curl's.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace meantime::http {

class Transfer : public std::enable_shared_from_this<Transfer> {
 public:
  Transfer(Loop& loop, ClientRequest wanted, bool as_stream)
      : request(std::move(wanted)), streams(as_stream), io_(loop.io()), work_(io_.get_executor()) {}

  const ClientRequest request;
  const bool streams;  ///< Pieces are handed over as they come; otherwise all of it at the end.

  // On curl's thread. What is put here is handed to the loop by one post, however much gathers until that is run.
  void put_head(ResponseHead head);
  /// False when the reader is behind: the bytes were not taken, and `resume_wanted` of take() will be true in time.
  [[nodiscard]] bool put_body(std::string_view bytes);
  void put_end(Result<void> end);

  // On the loop's thread.
  [[nodiscard]] bool ended() const noexcept { return end_.has_value(); }
  [[nodiscard]] std::optional<ResponseHead>& head() noexcept { return head_; }
  [[nodiscard]] const Result<void>& end() const noexcept { return *end_; }
  [[nodiscard]] bool has_body() const noexcept { return !body_.empty(); }
  struct Taken {
    std::string bytes;
    bool resume_wanted = false;
  };
  [[nodiscard]] Taken take_body();
  /// Nobody waits any more: what still comes is forgotten.
  void abandon();
  /// `co_await`: something has come since. One at a time.
  [[nodiscard]] auto arrival() noexcept {
    struct Arrival {
      Transfer& transfer;
      static bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<> waiter) noexcept { transfer.waiter_ = waiter; }
      static void await_resume() noexcept {}
      explicit Arrival(Transfer& t) noexcept : transfer(t) {}
      Arrival(const Arrival&) = delete;
      Arrival& operator=(const Arrival&) = delete;
      ~Arrival() { transfer.waiter_ = {}; }
    };
    return Arrival(*this);
  }

 private:
  static constexpr std::size_t most_unread = 256UL << 10U;

  void post();
  void deliver();

  boost::asio::io_context& io_;
  std::mutex mutex_;
  struct {
    std::optional<ResponseHead> head;
    std::string body;
    std::optional<Result<void>> end;
    std::size_t unread = 0;  // here and on the loop's side
    bool held_back = false;
    bool posted = false;
  } between_;  // guarded by mutex_

  // The loop's side.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::optional<ResponseHead> head_;
  std::string body_;
  std::optional<Result<void>> end_;
  std::coroutine_handle<> waiter_;
  bool abandoned_ = false;
};

}  // namespace meantime::http
