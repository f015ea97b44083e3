// SPDX-License-Identifier: MIT
#include "telemetry/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime {
namespace {

spdlog::level::level_enum to_spdlog(LogThreshold level) {
  switch (level) {
    case LogThreshold::debug:
      return spdlog::level::debug;
    case LogThreshold::info:
      return spdlog::level::info;
    case LogThreshold::warning:
      return spdlog::level::warn;
    case LogThreshold::error:
      return spdlog::level::err;
    case LogThreshold::off:
      break;
  }
  return spdlog::level::off;
}

// A terminal must not obey what a tool printed.
std::string harmless(std::string_view text) {
  std::string out = utf8::repaired(std::string(text));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

template <class Tell>
void tell_all(const std::vector<Telemetry*>& members, Tell tell) {
  std::exception_ptr first;
  for (Telemetry* member : members) {
    try {
      tell(*member);
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace

std::optional<LogThreshold> parse_log_threshold(std::string_view text) noexcept {
  if (text == "debug") return LogThreshold::debug;
  if (text == "info") return LogThreshold::info;
  if (text == "warning" || text == "warn") return LogThreshold::warning;
  if (text == "error") return LogThreshold::error;
  if (text == "off") return LogThreshold::off;
  return std::nullopt;
}

struct Log::Sink {
  spdlog::logger logger{"meantime", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  LogFormat format;
};

Log::Log(LogOptions options) : sink_(std::make_unique<Sink>()) {
  sink_->format = options.format;
  sink_->logger.set_level(to_spdlog(options.level));
  sink_->logger.set_pattern(options.format == LogFormat::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                                              : "%Y-%m-%dT%H:%M:%S.%eZ meantime %l %v",
                            spdlog::pattern_time_type::utc);
}

Log::~Log() = default;

void Log::write(LogThreshold level, std::string_view event, std::string_view text) {
  if (!sink_->logger.should_log(to_spdlog(level))) return;
  std::string line;
  if (sink_->format == LogFormat::json) {
    line = "\"event\":";
    append_json_string(line, event);
    line += ",\"msg\":";
    append_json_string(line, utf8::repaired(std::string(text)));
  } else {
    line = std::string(event) + ": " + harmless(text);
  }
  sink_->logger.log(to_spdlog(level), spdlog::string_view_t(line));
}

void Log::on_event(const TaskEvent& event) {
  if (!sink_->logger.should_log(spdlog::level::info)) return;
  std::string text = "tool=" + std::string(event.tool_name);
  if (!event.task_id.empty()) text += " task_id=" + std::string(event.task_id);
  text += " status=" + std::string(event.status) + " duration_ms=" + std::to_string(event.duration.count());
  if (!event.redirect_destination.empty()) text += " destination=" + std::string(event.redirect_destination);
  if (!event.error_type.empty()) text += " error_type=" + std::string(event.error_type);
  write(LogThreshold::info, name_of(event.phase), text);
}

void Log::on_fault(std::string_view where, std::string_view what) {
  write(LogThreshold::warning, where, what);
}

void TelemetryGroup::on_event(const TaskEvent& event) {
  tell_all(members_, [&](Telemetry& member) { member.on_event(event); });
}

void TelemetryGroup::on_fault(std::string_view where, std::string_view what) {
  tell_all(members_, [&](Telemetry& member) { member.on_fault(where, what); });
}

}  // namespace meantime
