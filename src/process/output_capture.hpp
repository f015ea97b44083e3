// SPDX-License-Identifier: MIT
// output_capture.hpp: keeps the head and the tail of any amount of output in bounded memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meantime::process {

/// Takes bytes for ever; keeps the first half and the last half of `max_bytes`. Pure: no I/O, no threads.
class OutputCapture {
 public:
  explicit OutputCapture(std::uint64_t max_bytes);

  void add(std::string_view bytes);
  /// All bytes taken so far, kept or not.
  [[nodiscard]] std::uint64_t total_bytes() const noexcept { return total_; }
  /// True when the middle is gone.
  [[nodiscard]] bool cut() const noexcept { return total_ > head_max_ + tail_max_; }
  /// What was kept, whole characters at the cut, with a line between that says how much is left out.
  [[nodiscard]] std::string text() const;
  /// The last `bytes` of what was kept, from a character's start on.
  [[nodiscard]] std::string tail(std::size_t bytes) const;

 private:
  [[nodiscard]] std::string ordered_tail() const;

  std::uint64_t head_max_;
  std::uint64_t tail_max_;
  std::uint64_t total_ = 0;
  std::string head_;
  std::string ring_;        // grows to tail_max_, then goes round
  std::size_t oldest_ = 0;  // where the ring's oldest byte stands once it is full
};

}  // namespace meantime::process
