// SPDX-License-Identifier: MIT
#include "core/envelope.hpp"

#include "core/duration.hpp"
#include "core/json_writer.hpp"

namespace meantime::envelope {
namespace {

constexpr int schema_version = 1;

std::string not_found_text(std::string_view task_id) {
  return "Task '" + std::string(task_id) + "' not found.";
}

// As the original prints a float: always a decimal point, no needless digits.
std::string float_text(Milliseconds duration) {
  std::string text;
  JsonWriter(text).value(static_cast<double>(duration.count()) / 1000);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

double epoch_seconds(WallTime time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000;
}

void write_progress(JsonWriter& out, const Progress& progress) {
  out.begin_object().field("value", progress.value);
  if (progress.total) out.field("total", *progress.total);
  if (!progress.message.empty()) out.field("message", progress.message);
  out.end_object();
}

// Only where something is asked: an answer about any other task stays as it was.
void write_open_inputs(JsonWriter& out, const TaskRecord& record) {
  if (record.input_requests.empty()) return;
  out.key("input_required").begin_array();
  for (const InputRequest& request : record.input_requests) out.value(std::string_view(request.key));
  out.end_array();
}

void write_time(JsonWriter& out, std::string_view name, std::optional<WallTime> time) {
  out.key(name);
  if (time) {
    out.value(iso_time(*time));
  } else {
    out.null();
  }
}

}  // namespace

std::string running(const Backgrounded& task, std::string_view check_tool) {
  const std::string id = task.task_id.text();
  std::string message = "Tool '" + task.tool_name + "' is running in the background. Use " + std::string(check_tool) +
                        " with task_id '" + id + "' to get the result.";
  if (!task.stored) {
    message += " The task store does not answer: until it does, only this process knows the task.";
  }
  std::string text;
  JsonWriter(text)
      .begin_object()
      .field("task_id", id)
      .field("tool_name", task.tool_name)
      .field("status", name_of(TaskStatus::running))
      .field("message", message)
      .end_object();
  return text;
}

std::string status(const TaskRecord& record, WallTime now) {
  std::string text;
  JsonWriter out(text);
  out.begin_object()
      .field("task_id", record.task_id.text())
      .field("tool_name", record.tool_name)
      .field("status", name_of(record.status))
      .key("elapsed_seconds")
      .raw(seconds_text(record.elapsed(now)));
  if (record.progress) write_progress(out.key("progress"), *record.progress);
  write_open_inputs(out, record);
  out.end_object();
  return text;
}

std::string failed(const TaskRecord& record) {
  std::string text;
  JsonWriter(text)
      .begin_object()
      .field("task_id", record.task_id.text())
      .field("status", name_of(TaskStatus::failed))
      .field("error", record.error)
      .field("reason", name_of(record.reason))
      .end_object();
  return text;
}

std::string await_timed_out(const TaskRecord& record, Milliseconds waited, std::string_view check_tool) {
  const std::string id = record.task_id.text();
  std::string text;
  JsonWriter(text)
      .begin_object()
      .field("task_id", id)
      .field("status", "timeout")
      .field("error", "Task '" + id + "' did not complete within " + float_text(waited) +
                          "s. It is still running in the background — use " + std::string(check_tool) +
                          " to poll later.")
      .end_object();
  return text;
}

std::string not_found(std::string_view task_id) {
  std::string text;
  JsonWriter(text).begin_object().field("error", not_found_text(task_id)).end_object();
  return text;
}

std::string error(const Error& error) {
  std::string text;
  JsonWriter out(text);
  out.begin_object()
      .field("error", error.detail.empty() ? name_of(error.code) : std::string_view(error.detail))
      .field("code", name_of(error.code));
  if (error.retry_after.count() > 0) {
    out.key("retry_after_seconds").raw(seconds_text(std::max(error.retry_after, Milliseconds{100})));
  }
  out.end_object();
  return text;
}

std::string list(const TaskList& list, WallTime now) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("tasks").begin_array();
  for (const TaskRecord& task : list.tasks) {
    out.begin_object()
        .field("task_id", task.task_id.text())
        .field("tool_name", task.tool_name)
        .field("status", name_of(task.status))
        .field("user_id", task.caller.user_id)
        .key("elapsed_seconds")
        .raw(seconds_text(task.elapsed(now)))
        .field("created_at", epoch_seconds(task.created_at));
    if (task.status == TaskStatus::failed) out.field("error", task.error);
    out.end_object();
  }
  out.end_array().field("count", list.tasks.size());
  if (list.next) out.field("next_cursor", list.next->text());
  out.end_object();
  return text;
}

std::string record(const TaskRecord& record, WallTime now) {
  std::string text;
  JsonWriter out(text);
  out.begin_object()
      .field("task_id", record.task_id.text())
      .field("tool_name", record.tool_name)
      .field("status", name_of(record.status))
      .field("reason", name_of(record.reason));
  write_time(out, "created_at", record.created_at);
  write_time(out, "ended_at", record.ended_at);
  out.key("elapsed_seconds").raw(seconds_text(record.elapsed(now)));
  out.field("user_id", record.caller.user_id)
      .field("channel_id", record.caller.channel_id)
      .field("platform", record.caller.platform)
      .field("error", record.error)
      .key("exit_code");
  if (record.exit_code) {
    out.value(*record.exit_code);
  } else {
    out.null();
  }
  out.field("media_type", name_of(record.media_type))
      .field("result_chars", record.result_chars)
      .field("result_bytes", record.result_bytes)
      .field("result_cut", record.result_cut)
      .field("output_bytes", record.output_bytes)
      .key("progress");
  if (record.progress) {
    write_progress(out, *record.progress);
  } else {
    out.null();
  }
  out.field("worker", record.worker)
      .field("attempt", record.attempt)
      .field("cancel_requested", record.cancel_requested)
      .field("late_result", record.late_result)
      .field("unsaved", record.unsaved)
      .field("idempotency_key", record.idempotency_key);
  write_open_inputs(out, record);
  if (!record.input_requests.empty()) {
    out.key("input_requests").begin_object();
    for (const InputRequest& request : record.input_requests) {
      out.key(request.key).begin_object().field("method", request.method);
      out.key("params").raw(request.params).end_object();
    }
    out.end_object();
  }
  out.field("schema_version", schema_version).end_object();
  return text;
}

std::string tag(std::string_view task_id, std::string_view status) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("meantime/task").begin_object();
  out.field("task_id", task_id).field("status", status).end_object().end_object();
  return text;
}

}  // namespace meantime::envelope
