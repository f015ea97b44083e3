// SPDX-License-Identifier: MIT
// keys.hpp: the names of keys and channels. docs/redis_keys.md says what is in each.
#pragma once

#include <string>
#include <string_view>

#include "meantime/outbox.hpp"
#include "meantime/task_id.hpp"

namespace meantime::store::redis {

/// Expiry of a running task and of the older form: the original's (S20). Renewed while the task's worker lives.
inline constexpr Milliseconds running_expiry{86'400'000};
/// A finished task expires this much after its retention, so that it is forgotten with its index entries first.
inline constexpr Milliseconds expiry_slack{600'000};
/// So much longer while something of it is to be delivered: that is tried for days.
inline constexpr Milliseconds delivery_expiry{5 * 86'400'000};

/// Ids stand in blocks by their number, a fixed width each. 10,000 bytes: 512 ids would be rounded up by a fifth.
inline constexpr std::uint64_t ids_in_block = 500;

/// Recording follows the call by less, and clocks differ by less, unless the server was told otherwise.
inline constexpr Milliseconds usual_behind{600'000};
inline constexpr Milliseconds usual_ahead{60'000};

class Keys {
 public:
  explicit Keys(const std::string& prefix)
      : tasks_(prefix + "task:"),
        ours_(prefix + "mt:"),
        legacy_(has_hash_tag(prefix) ? ours_ + "older:" : "task_result:") {}

  /// All keys share one slot of a cluster.
  [[nodiscard]] static bool has_hash_tag(std::string_view prefix) noexcept {
    return prefix.find('{') != std::string_view::npos;
  }

  /// Before the ids of tasks, and before all that the original does not know.
  [[nodiscard]] const std::string& tasks() const noexcept { return tasks_; }
  [[nodiscard]] const std::string& ours() const noexcept { return ours_; }

  // What the original reads and writes.
  [[nodiscard]] std::string task(const TaskId& id) const { return tasks_ + id.text(); }
  [[nodiscard]] std::string done(const TaskId& id) const { return tasks_ + "done:" + id.text(); }
  /// The older form. Its key has no prefix; where that would mean another slot, a key that nobody writes.
  [[nodiscard]] std::string legacy(const TaskId& id) const { return legacy_ + id.text(); }

  // Of one task.
  [[nodiscard]] std::string changed(const TaskId& id) const { return ours_ + "changed:" + id.text(); }
  [[nodiscard]] std::string output(const TaskId& id) const { return ours_ + "out:" + id.text(); }
  [[nodiscard]] std::string chunks(const TaskId& id, std::uint32_t attempt) const {
    return ours_ + "result:" + id.text() + ":" + std::to_string(attempt);
  }
  /// The owner's length stands first, so that no owner's name can reach into another's keys.
  [[nodiscard]] std::string idempotency(std::string_view owner, std::string_view key) const {
    std::string out = ours_ + "key:" + std::to_string(owner.size()) + ":";
    return out.append(owner).append(":").append(key);
  }

  [[nodiscard]] std::string inputs(const TaskId& id) const { return ours_ + "in:" + id.text(); }

  // Of one delivery.
  [[nodiscard]] std::string delivery(const DeliveryId& id) const { return ours_ + "d:" + id.text(); }
  [[nodiscard]] std::string messages(const DeliveryId& id) const { return ours_ + "dc:" + id.text(); }

  // Indexes.
  [[nodiscard]] std::string counter() const { return ours_ + "n"; }
  [[nodiscard]] std::string oldest() const { return ours_ + "oldest"; }
  [[nodiscard]] std::string blocks() const { return ours_ + "ids:"; }
  [[nodiscard]] std::string block(std::uint64_t number) const { return blocks() + std::to_string(number); }
  [[nodiscard]] std::string failed() const { return ours_ + "failed"; }
  [[nodiscard]] std::string skew() const { return ours_ + "skew"; }
  [[nodiscard]] std::string owner(std::string_view user) const { return (ours_ + "owner:").append(user); }
  [[nodiscard]] std::string tool(std::string_view name) const { return (ours_ + "tool:").append(name); }

  // Deliveries. Lanes have their names from scripts.
  [[nodiscard]] std::string deliveries() const { return ours_ + "deliveries"; }
  [[nodiscard]] std::string due() const { return ours_ + "due"; }
  [[nodiscard]] std::string due_now() const { return ours_ + "due-now"; }
  [[nodiscard]] std::string pauses() const { return ours_ + "pauses"; }

  // Workers.
  [[nodiscard]] std::string workers() const { return ours_ + "workers"; }
  [[nodiscard]] std::string doubted() const { return ours_ + "doubted"; }
  [[nodiscard]] std::string running(std::string_view worker) const { return (ours_ + "run:").append(worker); }
  [[nodiscard]] std::string cancels(std::string_view worker) const { return (ours_ + "cancel:").append(worker); }
  [[nodiscard]] std::string claims(std::string_view worker) const { return (ours_ + "claims:").append(worker); }
  [[nodiscard]] std::string took(std::string_view worker) const { return (ours_ + "took:").append(worker); }
  [[nodiscard]] std::string notices(std::string_view worker) const { return (ours_ + "to:").append(worker); }

 private:
  std::string tasks_;
  std::string ours_;
  std::string legacy_;
};

}  // namespace meantime::store::redis
