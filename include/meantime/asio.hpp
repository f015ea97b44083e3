// SPDX-License-Identifier: MIT
// asio.hpp: Boost.Asio operations inside a meantime Task, and a Task inside an asio::awaitable.
// Heavy: include it only where sockets, timers or awaitables are used.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>

#include "meantime/coroutine.hpp"

namespace meantime {

/// Completion token: `auto [ec, n] = co_await socket.async_read_some(buffer, meantime::await);` inside a Task.
/// An operation with one result gives that result, with several a tuple, with none void. Error codes are values.
/// Cancel: dropping the Task cancels the operation; what it refers to must outlive the loop's next turn only.
struct await_t {};
inline constexpr await_t await{};

namespace detail {

// Stands between an operation and the coroutine that waits: either may go first.
template <class... Results>
struct AsioWait {
  std::coroutine_handle<> waiter;
  std::optional<std::tuple<Results...>> results;
  boost::asio::cancellation_signal cancel;
  bool abandoned = false;
};

template <class Initiation, class Arguments, class... Results>
class AsioAwaiter {
 public:
  AsioAwaiter(Initiation initiation, Arguments arguments)
      : initiation_(std::move(initiation)), arguments_(std::move(arguments)) {}
  AsioAwaiter(AsioAwaiter&&) noexcept = default;
  AsioAwaiter(const AsioAwaiter&) = delete;
  AsioAwaiter& operator=(const AsioAwaiter&) = delete;
  AsioAwaiter& operator=(AsioAwaiter&&) = delete;
  ~AsioAwaiter() {
    if (wait_ && !wait_->results) {
      wait_->abandoned = true;
      wait_->cancel.emit(boost::asio::cancellation_type::terminal);
    }
  }

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    wait_ = std::make_shared<AsioWait<Results...>>();
    wait_->waiter = waiter;
    auto handler =
        boost::asio::bind_cancellation_slot(wait_->cancel.slot(), [wait = wait_](Results... results) mutable {
          if (wait->abandoned) return;
          wait->results.emplace(std::move(results)...);
          auto resumed = wait->waiter;
          wait.reset();
          resumed.resume();
        });
    std::apply(
        [&](auto&&... arguments) {
          std::move(initiation_)(std::move(handler), std::forward<decltype(arguments)>(arguments)...);
        },
        std::move(arguments_));
  }
  auto await_resume() {
    if constexpr (sizeof...(Results) == 1) {
      return std::get<0>(std::move(*wait_->results));
    } else if constexpr (sizeof...(Results) > 1) {
      return std::move(*wait_->results);
    }
  }

 private:
  Initiation initiation_;
  Arguments arguments_;
  std::shared_ptr<AsioWait<Results...>> wait_;
};

}  // namespace detail

/// Runs `task` inside an asio::awaitable. Cancel: the awaitable's cancellation drops the task.
template <class T>
boost::asio::awaitable<T> as_awaitable(Task<T> task) {
  if (!task.done()) {
    // Shared with the wake-up and with the caller's cancellation signal, both of which may come when this is gone.
    struct Waiting {
      boost::asio::any_completion_handler<void()> handler;
      boost::asio::any_io_executor executor;
      Task<T>* task = nullptr;

      void wake() {
        if (auto done = std::move(handler)) boost::asio::post(executor, std::move(done));
      }
      void cancel() {
        if (task == nullptr || !handler) return;
        task->reset();
        wake();
      }
    };
    auto waiting = std::make_shared<Waiting>();
    struct Leave {
      Waiting& waiting;
      ~Leave() { waiting.task = nullptr; }
    } leave{*waiting};
    waiting->executor = co_await boost::asio::this_coro::executor;
    waiting->task = &task;
    auto initiate = [waiting](auto handler) {
      auto slot = boost::asio::get_associated_cancellation_slot(handler);
      waiting->handler = std::move(handler);
      waiting->task->on_done(
          [](void* argument) noexcept -> std::coroutine_handle<> {
            static_cast<Waiting*>(argument)->wake();
            return std::noop_coroutine();
          },
          waiting.get());
      if (slot.is_connected()) slot.assign([waiting](boost::asio::cancellation_type) { waiting->cancel(); });
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(std::move(initiate),
                                                                                       boost::asio::use_awaitable);
    if (!task) throw boost::system::system_error(boost::asio::error::operation_aborted);
  }
  co_return task.take();
}

}  // namespace meantime

template <class... Results>
class boost::asio::async_result<meantime::await_t, void(Results...)> {
 public:
  template <class Initiation, class... Arguments>
  static auto initiate(Initiation initiation, meantime::await_t, Arguments&&... arguments) {
    return meantime::detail::AsioAwaiter<Initiation, std::tuple<std::decay_t<Arguments>...>, std::decay_t<Results>...>(
        std::move(initiation), std::tuple<std::decay_t<Arguments>...>(std::forward<Arguments>(arguments)...));
  }
};
