// SPDX-License-Identifier: MIT
// metrics.hpp: counts and durations of calls and tasks, in Prometheus' text form.
#pragma once

#include <memory>
#include <string>

#include "meantime/telemetry.hpp"

namespace meantime {

/// Counts events. Thread-safe in text(); on_event on the loop's thread.
class Metrics : public Telemetry {
 public:
  /// All metrics in the text exposition format.
  [[nodiscard]] virtual std::string text() const = 0;
};

/// At most 200 tools have series of their own; further ones are counted together as `other`.
[[nodiscard]] std::unique_ptr<Metrics> make_metrics();

}  // namespace meantime
