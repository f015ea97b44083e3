// SPDX-License-Identifier: MIT
// coroutine.hpp: Task<T>, the engine's coroutine, and TaskGroup, which owns tasks that nobody awaits.
// Threads: a Task lives and dies on one thread. Knows nothing of Asio; meantime/asio.hpp joins the two.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace meantime {

template <class T>
class Task;

namespace detail {

/// Coroutine frames come from free lists by size, one set for each thread.
void* take_frame(std::size_t size);
void give_frame(void* frame, std::size_t size) noexcept;

/// What every promise shares: who goes on when the body ends.
class PromiseBase {
 public:
  using Then = std::coroutine_handle<> (*)(void*) noexcept;

  static void* operator new(std::size_t size) { return take_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { give_frame(frame, size); }

  // Eager: the body runs on its caller's stack up to its first suspension, so a call that never suspends costs no hop.
  static std::suspend_never initial_suspend() noexcept { return {}; }

  struct FinalAwaiter {
    static bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> ended) noexcept {
      PromiseBase& promise = ended.promise();
      promise.ended_ = true;
      return promise.then_ != nullptr ? promise.then_(promise.argument_) : std::noop_coroutine();
    }
    static void await_resume() noexcept {}
  };
  static FinalAwaiter final_suspend() noexcept { return {}; }

  void then(Then then, void* argument) noexcept {
    then_ = then;
    argument_ = argument;
  }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  Then then_ = nullptr;
  void* argument_ = nullptr;
  bool ended_ = false;
};

template <class T>
class Promise final : public PromiseBase {
 public:
  Promise() noexcept {}
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  ~Promise() {
    if (state_ == State::value) value_.~T();
    if (state_ == State::error) error_.~exception_ptr();
  }
  Task<T> get_return_object() noexcept;
  template <class U>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    ::new (static_cast<void*>(std::addressof(value_))) T(std::forward<U>(value));
    state_ = State::value;
  }
  void unhandled_exception() noexcept {
    ::new (static_cast<void*>(std::addressof(error_))) std::exception_ptr(std::current_exception());
    state_ = State::error;
  }
  [[nodiscard]] bool failed() const noexcept { return state_ == State::error; }
  T& get() {
    if (state_ == State::error) std::rethrow_exception(error_);
    return value_;
  }
  T take() { return std::move(get()); }

 private:
  enum class State : unsigned char { empty, value, error };
  State state_ = State::empty;
  union {
    T value_;
    std::exception_ptr error_;
  };
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  [[nodiscard]] bool failed() const noexcept { return static_cast<bool>(error_); }
  void take() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

}  // namespace detail

/// A running coroutine and, in the end, its value. Starts at once; `co_await std::move(task)` waits and takes the
/// value. Errors:  what the body throws is thrown again where the value is taken. Cancel:  destroying a Task that has
/// not ended destroys its frame, and with it whatever it awaits; awaitables of
///          this library let go of their events when they are destroyed. Never destroy a task from inside its own body.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() noexcept = default;
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(handle_); }
  /// True when the body has ended, by value or by exception.
  [[nodiscard]] bool done() const noexcept { return handle_ && handle_.promise().ended(); }
  /// True when the body ended by an exception.
  [[nodiscard]] bool failed() const noexcept { return handle_ && handle_.promise().failed(); }
  /// The value of a task that is done(). Throws what the body threw.
  T take() { return handle_.promise().take(); }
  /// The same, left in its place.
  std::add_lvalue_reference_t<T> get() { return handle_.promise().get(); }
  /// Calls `then(argument)` when the body ends; what it returns is resumed next. Not for a task that is done().
  void on_done(detail::PromiseBase::Then then, void* argument) noexcept { handle_.promise().then(then, argument); }
  /// Destroys the frame: see Cancel above.
  void reset() noexcept {
    if (handle_) std::exchange(handle_, {}).destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      Handle handle;
      [[nodiscard]] bool await_ready() const noexcept { return handle.promise().ended(); }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept {
        handle.promise().then([](void* address) noexcept { return std::coroutine_handle<>::from_address(address); },
                              waiter.address());
      }
      T await_resume() const { return handle.promise().take(); }
    };
    return Awaiter{handle_};
  }

 private:
  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

/// Owns tasks that run on their own. Destroying the group cancels those that have not ended.
/// A task that throws in here is a bug and ends the program: catch inside.
class TaskGroup {
 public:
  TaskGroup() noexcept = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  void spawn(Task<void> task);
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Member;
  static std::coroutine_handle<> on_end(void* member) noexcept;
  Member* first_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace meantime
