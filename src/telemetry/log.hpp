// SPDX-License-Identifier: MIT
// log.hpp: what happens, as lines on standard error (standard output belongs to stdio MCP). The one file that knows the
// logging library is log.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "meantime/telemetry.hpp"

namespace meantime {

enum class LogThreshold : unsigned char { debug, info, warning, error, off };
enum class LogFormat : unsigned char { text, json };

[[nodiscard]] std::optional<LogThreshold> parse_log_threshold(std::string_view text) noexcept;

struct LogOptions {
  LogThreshold level = LogThreshold::warning;
  LogFormat format = LogFormat::text;
};

/// Writes lines, and hears a manager: its events at `info`, its faults at `warning`. Thread-safe.
class Log final : public Telemetry {
 public:
  explicit Log(LogOptions options = {});
  ~Log() override;

  /// `event` is a stable word for machines, `text` for people. `text` may hold any bytes: control characters and
  /// broken UTF-8 are made harmless.
  void write(LogThreshold level, std::string_view event, std::string_view text);

  void on_event(const TaskEvent& event) override;
  void on_fault(std::string_view where, std::string_view what) override;

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

/// Tells several. What one throws does not keep the others from hearing; the first fault is thrown in the end.
class TelemetryGroup final : public Telemetry {
 public:
  void add(Telemetry& member) { members_.push_back(&member); }
  void on_event(const TaskEvent& event) override;
  void on_fault(std::string_view where, std::string_view what) override;

 private:
  std::vector<Telemetry*> members_;
};

}  // namespace meantime
