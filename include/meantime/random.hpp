// SPDX-License-Identifier: MIT
// random.hpp: the port through which all randomness comes in.
#pragma once

#include <cstddef>
#include <span>

namespace meantime {

/// A source of unguessable bytes.
class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` whole. Errors: throws std::system_error when the operating system gives none (at start-up only).
  virtual void fill(std::span<std::byte> out) = 0;
};

/// The operating system's generator (getrandom), read in batches.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace meantime
