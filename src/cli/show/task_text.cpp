// SPDX-License-Identifier: MIT
#include "cli/show/task_text.hpp"

#include <cmath>

#include "core/duration.hpp"
#include "core/envelope.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "mcp/tool_content.hpp"

namespace meantime::cli {
namespace {

constexpr std::size_t id_width = 32;
constexpr std::size_t state_width = 11;
constexpr std::size_t least_detail = 12;

// Seconds are enough for people; the JSON has more.
std::string elapsed_text(const TaskRecord& record, WallTime now) {
  const Milliseconds elapsed = std::max(record.elapsed(now), Milliseconds(0));
  if (elapsed < std::chrono::seconds(10)) return seconds_text(elapsed) + "s";
  return format_duration(std::chrono::floor<std::chrono::seconds>(elapsed));
}

std::string shortened(std::string_view text, std::size_t width) {
  if (utf8::count(text) <= width) return std::string(text);
  if (width == 0) return {};
  return std::string(text.substr(0, utf8::byte_offset(text, width - 1))) + "…";
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t length = utf8::count(text);
  if (length < width) text.append(width - length, ' ');
  return text;
}

std::string detail_text(const TaskRecord& record) {
  if (record.status == TaskStatus::running) {
    std::string text = record.progress ? progress_text(*record.progress) : std::string();
    if (record.cancel_requested) text = text.empty() ? "being cancelled" : "being cancelled, " + text;
    return text;
  }
  return harmless(record.error);
}

std::string number_text(double number) {
  std::string text;
  JsonWriter(text).value(number);
  return text;
}

}  // namespace

std::string_view state_word(const TaskRecord& record) noexcept {
  if (record.status != TaskStatus::failed) return name_of(record.status);
  switch (record.reason) {
    case EndReason::cancelled:
      return "cancelled";
    case EndReason::lost:
      return "lost";
    case EndReason::timed_out:
      return "timed out";
    case EndReason::interrupted:
      return "interrupted";
    default:
      return "failed";
  }
}

Colour state_colour(const TaskRecord& record) noexcept {
  if (record.status == TaskStatus::running) return Colour::blue;
  if (record.status == TaskStatus::completed) return Colour::green;
  return record.reason == EndReason::cancelled ? Colour::yellow : Colour::red;
}

std::string progress_text(const Progress& progress) {
  std::string text;
  if (progress.total && *progress.total == 1) {
    text = number_text(std::round(progress.value * 100)) + " %";
  } else if (progress.total) {
    text = number_text(progress.value) + " of " + number_text(*progress.total);
  } else if (progress.value != 0) {
    text = number_text(progress.value);
  }
  if (!progress.message.empty()) text += (text.empty() ? "" : ", ") + harmless(progress.message);
  return text;
}

std::string task_lines(const TaskRecord& record, WallTime now, const Paint& paint) {
  std::string out = paint(Colour::bold, record.task_id.text()) + "  " + harmless(record.tool_name) + "\n";
  const auto line = [&out](std::string_view name, const std::string& value) {
    out += "  " + padded(std::string(name), 11) + value + "\n";
  };
  line("state", paint(state_colour(record), state_word(record)) +
                    (record.cancel_requested && !record.ended_at ? ", being cancelled" : ""));
  line("elapsed", elapsed_text(record, now));
  line("began", iso_time(record.created_at));
  if (record.ended_at) line("ended", iso_time(*record.ended_at));
  if (!record.caller.user_id.empty()) line("owner", harmless(record.caller.user_id));
  if (record.progress && !record.ended_at) line("progress", progress_text(*record.progress));
  if (record.exit_code) line("exit code", std::to_string(*record.exit_code));
  if (!record.error.empty()) line("error", harmless(record.error));
  if (record.status == TaskStatus::running) {
    if (record.output_bytes > 0) line("output", std::to_string(record.output_bytes) + " bytes so far");
  } else if (record.result_bytes > 0) {
    line("result", std::to_string(record.result_chars) + " characters" + (record.result_cut ? ", cut" : ""));
  }
  if (record.late_result) line("note", "another result came after this was decided and is kept beside it");
  return out;
}

std::string progress_line(const TaskRecord& record, WallTime now, std::uint32_t width, const Paint& paint) {
  const std::string_view state = state_word(record);
  const std::string front = shortened(harmless(record.tool_name), 30) + "  ";
  const std::string rest = "  " + elapsed_text(record, now);
  const std::size_t used = utf8::count(front) + state.size() + utf8::count(rest) + 2;
  std::string detail = detail_text(record);
  if (!detail.empty() && used < width) detail = "  " + shortened(detail, width - used - 1);
  return front + paint(state_colour(record), state) + rest + detail;
}

std::string task_table(const std::vector<TaskRecord>& tasks, WallTime now, std::uint32_t width, const Paint& paint) {
  std::size_t tool_width = 4;
  std::size_t elapsed_width = 7;
  for (const TaskRecord& task : tasks) {
    tool_width = std::max(tool_width, utf8::count(task.tool_name));
    elapsed_width = std::max(elapsed_width, elapsed_text(task, now).size());
  }
  tool_width = std::min<std::size_t>(tool_width, 24);
  const std::size_t used = id_width + tool_width + state_width + elapsed_width + 8;
  const std::size_t detail_width = std::max<std::size_t>(least_detail, width > used ? width - used : 0);

  std::string out =
      paint(Colour::bold, padded("ID", id_width) + "  " + padded("TOOL", tool_width) + "  " +
                              padded("STATE", state_width) + "  " + padded("ELAPSED", elapsed_width) + "  DETAIL") +
      "\n";
  for (const TaskRecord& task : tasks) {
    const std::string state(state_word(task));
    out += padded(task.task_id.text(), id_width) + "  " +
           padded(shortened(harmless(task.tool_name), tool_width), tool_width) + "  " +
           paint(state_colour(task), state) + std::string(state_width - std::min(state.size(), state_width), ' ') +
           "  " + padded(elapsed_text(task, now), elapsed_width) + "  " + shortened(detail_text(task), detail_width);
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  return out;
}

std::string result_text(MediaType type, std::string text) {
  return type == MediaType::mcp_result ? mcp::words_of_result(std::move(text)) : text;
}

std::string task_list_json(const TaskList& list, WallTime now) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("tasks").begin_array();
  for (const TaskRecord& task : list.tasks) out.raw(envelope::record(task, now));
  out.end_array().field("count", list.tasks.size()).key("next_cursor");
  if (list.next) {
    out.value(list.next->text());
  } else {
    out.null();
  }
  out.field("schema_version", 1).end_object();
  return text;
}

}  // namespace meantime::cli
