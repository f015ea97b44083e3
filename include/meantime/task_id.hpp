// SPDX-License-Identifier: MIT
// task_id.hpp: the name of a task: 40 bits of time, then 120 random bits, 32 characters as text.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "meantime/clock.hpp"
#include "meantime/error.hpp"
#include "meantime/random.hpp"

namespace meantime {

/// A task's id. As text: 32 characters of 0-9 and a-z without i, l, o, u: safe in URLs, keys and shells; sorts by
/// time of creation. Ids of the original system (12 hex digits) are read and written back as they are.
class TaskId {
 public:
  static constexpr std::size_t bytes = 20;

  constexpr TaskId() noexcept = default;

  /// Reads either form. Errors: invalid_argument, with what an id looks like.
  [[nodiscard]] static Result<TaskId> parse(std::string_view text);
  /// Makes an id from raw bytes, as a store keeps them.
  [[nodiscard]] static TaskId from_bytes(std::string_view raw) noexcept;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string_view raw() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  /// When it was made, to the millisecond; absent in ids of the original system.
  [[nodiscard]] std::optional<WallTime> made_at() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return *this == TaskId{}; }
  /// The random part makes any eight bytes of the tail a good hash.
  [[nodiscard]] std::size_t hash() const noexcept {
    std::size_t h = 0;
    std::memcpy(&h, bytes_.data() + bytes - sizeof h, sizeof h);
    std::size_t front = 0;
    std::memcpy(&front, bytes_.data() + 4, sizeof front);
    return h ^ (front * 0x9E3779B97F4A7C15ULL);
  }

  friend auto operator<=>(const TaskId&, const TaskId&) = default;

 private:
  friend class TaskIdSource;
  std::array<unsigned char, bytes> bytes_{};
};

/// Makes ids. Not thread-safe: one for each thread or manager.
class TaskIdSource {
 public:
  explicit TaskIdSource(Random& random) : random_(random) {}
  [[nodiscard]] TaskId make(WallTime now);

 private:
  static constexpr std::size_t batch_bytes = 15UL * 256;
  Random& random_;
  std::array<std::byte, batch_bytes> pool_{};
  std::size_t used_ = batch_bytes;
};

}  // namespace meantime

template <>
struct std::hash<meantime::TaskId> {
  std::size_t operator()(const meantime::TaskId& id) const noexcept { return id.hash(); }
};
