// SPDX-License-Identifier: MIT
// coroutine.cpp: free lists for coroutine frames, and TaskGroup.
#include "meantime/coroutine.hpp"

#include <array>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MEANTIME_PLAIN_FRAMES 1  // a recycled frame would hide a use after free from the sanitizer
#endif
#endif

namespace meantime {
namespace detail {
namespace {

constexpr std::size_t step = 64;
constexpr std::size_t classes = 32;                      // frames up to 2 KiB; larger ones are rare and go to malloc
constexpr std::size_t kept_bytes_per_class = 4UL << 20;  // bounds what a burst leaves behind

[[maybe_unused]] constexpr std::size_t kept_per_class(std::size_t kind) {
  return kept_bytes_per_class / ((kind + 1) * step);
}

struct FreeFrame {
  FreeFrame* next;
};

struct FreeLists {
  std::array<FreeFrame*, classes> first{};
  std::array<std::size_t, classes> count{};
  FreeLists() = default;
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;
  ~FreeLists() {
    for (FreeFrame* frame : first) {
      while (frame != nullptr) std::free(std::exchange(frame, frame->next));
    }
    count.fill(kept_bytes_per_class);  // frames given back by later thread_local destructors are freed at once
    first.fill(nullptr);
  }
};

thread_local FreeLists lists;

void* allocate(std::size_t size) {
  void* frame = std::malloc(size);
  if (frame == nullptr) throw std::bad_alloc();
  return frame;
}

}  // namespace

void* take_frame(std::size_t size) {
#ifndef MEANTIME_PLAIN_FRAMES
  const std::size_t kind = (size - 1) / step;
  if (kind < classes) {
    FreeLists& own = lists;
    if (FreeFrame* frame = own.first[kind]) {
      own.first[kind] = frame->next;
      --own.count[kind];
      return frame;
    }
    return allocate((kind + 1) * step);
  }
#endif
  return allocate(size);
}

void give_frame(void* frame, std::size_t size) noexcept {
#ifndef MEANTIME_PLAIN_FRAMES
  const std::size_t kind = (size - 1) / step;
  if (kind < classes) {
    FreeLists& own = lists;
    if (own.count[kind] < kept_per_class(kind)) {
      own.first[kind] = ::new (frame) FreeFrame{own.first[kind]};
      ++own.count[kind];
      return;
    }
  }
#endif
  (void)size;
  std::free(frame);
}

}  // namespace detail

struct TaskGroup::Member {
  TaskGroup* group;
  Member* previous;
  Member* next;
  Task<void> task;
  static void* operator new(std::size_t size) { return detail::take_frame(size); }
  static void operator delete(void* at, std::size_t size) noexcept { detail::give_frame(at, size); }
};

TaskGroup::~TaskGroup() {
  while (first_ != nullptr) {
    Member* member = first_;
    first_ = member->next;
    delete member;  // drops the task: cancelled
  }
}

void TaskGroup::spawn(Task<void> task) {
  if (task.done()) {
    task.take();
    return;
  }
  auto* member = new Member{this, nullptr, first_, std::move(task)};
  if (first_ != nullptr) first_->previous = member;
  first_ = member;
  ++size_;
  member->task.on_done(&TaskGroup::on_end, member);
}

std::coroutine_handle<> TaskGroup::on_end(void* argument) noexcept {
  auto* member = static_cast<Member*>(argument);
  member->task.take();  // noexcept above: an exception that nobody caught ends the program here
  TaskGroup& group = *member->group;
  (member->previous != nullptr ? member->previous->next : group.first_) = member->next;
  if (member->next != nullptr) member->next->previous = member->previous;
  --group.size_;
  delete member;
  return std::noop_coroutine();
}

}  // namespace meantime
