// SPDX-License-Identifier: MIT
#include "store/redis/fields.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <span>

#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime::store::redis {
namespace {

namespace json = boost::json;

constexpr std::size_t legacy_limit = 512UL << 10U;
constexpr std::size_t late_limit = 512UL << 10U;
constexpr std::int64_t most_ms = 1'000'000'000'000'000;  // no time of ours; further ones would overflow sums
constexpr std::string_view legacy_note =
    "Result too large for this form; meantime's check_task reads it page by page from any process.";
constexpr std::string_view original_cancelled = "Task was cancelled.";

template <class Number>
Number number(std::string_view text) {
  Number out{};
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::optional<Progress> parse_progress(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const auto* parts = error ? nullptr : value.if_array();
  if (parts == nullptr || parts->size() != 3) return std::nullopt;
  Progress out;
  out.value = parts->at(0).is_number() ? parts->at(0).to_number<double>() : 0;
  if (parts->at(1).is_number()) out.total = parts->at(1).to_number<double>();
  if (const auto* message = parts->at(2).if_string()) out.message = *message;
  return out;
}

std::vector<Redirect> parse_redirects(std::string_view text) {
  std::vector<Redirect> out;
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const auto* list = error ? nullptr : value.if_array();
  if (list == nullptr) return out;
  for (const json::value& each : *list) {
    const auto* parts = each.if_array();
    if (parts == nullptr || parts->size() < 5) continue;  // the sixth came later
    const auto part = [&](std::size_t i) {
      const auto* as_text = (*parts)[i].if_string();
      return as_text != nullptr ? std::string_view(*as_text) : std::string_view();
    };
    out.push_back({.destination = std::string(part(0)),
                   .channel_id = std::string(part(2)),
                   .platform = std::string(part(1)),
                   .max_chars = number<std::uint32_t>(part(3)),
                   .on = parse_redirect_on(part(4)).value_or(RedirectOn::always),
                   .suppress_if_read = parts->size() > 5 && part(5) == "1"});
  }
  return out;
}

// As the script for redirects writes them.
std::string redirects_text(std::span<const Redirect> redirects) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  for (const Redirect& each : redirects) {
    writer.begin_array().value(each.destination).value(each.platform).value(each.channel_id);
    writer.value(std::to_string(each.max_chars)).value(name_of(each.on)).value(each.suppress_if_read ? "1" : "0");
    writer.end_array();
  }
  writer.end_array();
  return out;
}

std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}

}  // namespace

std::string seconds_text(WallTime time) {
  const std::int64_t total = millis(time);
  const std::int64_t seconds = total >= 0 ? total / 1'000 : -((-total + 999) / 1'000);
  const std::string rest = std::to_string(total - seconds * 1'000);
  return std::to_string(seconds) + "." + std::string(3 - rest.size(), '0') + rest;
}

std::optional<WallTime> parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || !std::isfinite(seconds) || std::abs(seconds) > 1e12) return std::nullopt;
  return WallTime(Milliseconds(std::llround(seconds * 1'000)));
}

std::string progress_text(const Progress& progress) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array().value(progress.value);
  if (progress.total) {
    writer.value(*progress.total);
  } else {
    writer.null();
  }
  writer.value(progress.message).end_array();
  return out;
}

void add_start(ScriptCall& call, const TaskStart& start, std::string_view worker) {
  call.arg("task_id").arg(start.task_id.text()).arg("tool_name").arg(start.tool_name).arg("status").arg("running");
  call.arg("created_at").arg(seconds_text(start.created_at)).arg("user_id").arg(start.caller->user_id);
  call.arg("channel_id").arg(start.caller->channel_id).arg("platform").arg(start.caller->platform);
  call.arg("w").arg(worker);
  if (start.attempt != 1) call.arg("a").arg(start.attempt);
  if (!start.idempotency_key.empty()) call.arg("k").arg(start.idempotency_key);
  if (!start.redirects.empty()) call.arg("rd").arg(redirects_text(start.redirects));
  if (start.rerun_if_lost) call.arg("rr").arg("1").arg("args").arg(start.arguments);
}

void add_end(ScriptCall& call, const TaskEnd& end, const KeptResult& kept) {
  const bool completed = end.status == TaskStatus::completed;
  if (completed || !kept.text.empty()) call.arg("result").arg(kept.text);
  if (!completed || !end.error.empty()) call.arg("error").arg(end.error);
  if (end.reason != (completed ? EndReason::finished : EndReason::tool_error)) call.arg("why").arg(name_of(end.reason));
  if (kept.chunk_fields != 0) call.arg("b").arg(kept.bytes);
  if (kept.chunk_fields != 0 || kept.chars != kept.bytes) call.arg("c").arg(kept.chars);
  if (end.media_type != MediaType::text) call.arg("mt").arg(name_of(end.media_type));
  if (end.exit_code) call.arg("x").arg(*end.exit_code);
  if (end.result_cut) call.arg("cut").arg("1");
}

std::string late_text(const TaskEnd& end) {
  bool cut = end.result_cut;
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("status", name_of(end.status)).field("reason", name_of(end.reason));
  writer.field("ended_at", millis(end.ended_at)).field("error", utf8::repaired(end.error));
  writer.field("result", utf8::repaired(utf8::head_and_tail(end.result, late_limit, cut))).field("cut", cut);
  writer.end_object();
  return out;
}

std::string open_input_text(const InputRequest& request) {
  return std::to_string(request.method.size()) + " " + request.method + request.params;
}

std::optional<StoredInput> parse_input(std::string_view key, std::string_view text) {
  const auto word = [&text]() -> std::string_view {
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return {};
    const auto found = text.substr(0, space);
    text.remove_prefix(space + 1);
    return found;
  };
  StoredInput out;
  out.asked.request.key = key;
  out.place = number<std::uint64_t>(word());
  const std::string_view state = word();
  if (state == "a") {
    out.asked.response = std::string(text);
    return out;
  }
  if (state != "o") return std::nullopt;
  const auto length = number<std::size_t>(word());
  if (length == 0 || length > text.size()) return std::nullopt;
  out.asked.request.method = text.substr(0, length);
  out.asked.request.params = text.substr(length);
  return out;
}

void set_field(TaskRecord& record, std::string_view name, std::string_view value) {
  if (name == "tool_name") {
    record.tool_name = value;
  } else if (name == "status") {
    record.status = parse_status(value).value_or(TaskStatus::running);
  } else if (name == "created_at") {
    record.created_at = parse_seconds(value).value_or(WallTime());
  } else if (name == "user_id") {
    record.caller.user_id = value;
  } else if (name == "channel_id") {
    record.caller.channel_id = value;
  } else if (name == "platform") {
    record.caller.platform = value;
  } else if (name == "w") {
    record.worker = value;
  } else if (name == "n") {
    const auto space = value.find(' ');  // "<number> <ended>" once it has ended
    if (space != std::string_view::npos) {
      const auto ended = number<std::int64_t>(value.substr(space + 1));
      record.ended_at = WallTime(Milliseconds(std::clamp(ended, -most_ms, most_ms)));
    }
  } else if (name == "error") {
    record.error = value;
  } else if (name == "why") {
    record.reason = parse_reason(value).value_or(EndReason::none);
  } else if (name == "a") {
    record.attempt = number<std::uint32_t>(value);
  } else if (name == "b") {
    record.result_bytes = number<std::uint64_t>(value);
  } else if (name == "c") {
    record.result_chars = number<std::uint64_t>(value);
  } else if (name == "mt") {
    record.media_type = parse_media_type(value).value_or(MediaType::text);
  } else if (name == "x") {
    record.exit_code = number<int>(value);
  } else if (name == "cut") {
    record.result_cut = true;
  } else if (name == "k") {
    record.idempotency_key = value;
  } else if (name == "p") {
    record.progress = parse_progress(value);
  } else if (name == "cancel") {
    record.cancel_requested = true;
  } else if (name == "late") {
    record.late_result = true;
  } else if (name == "o") {
    record.output_bytes = number<std::uint64_t>(value);
  } else if (name == "os") {
    record.output_start = number<std::uint64_t>(value);
  } else if (name == "rd") {
    record.redirects = parse_redirects(value);
  }
}

void complete_record(TaskRecord& record, std::uint64_t result_bytes) {
  if (record.status == TaskStatus::running) return;
  if (record.result_bytes == 0) record.result_bytes = result_bytes;
  if (record.result_chars == 0) record.result_chars = record.result_bytes;
  if (record.reason != EndReason::none) return;
  if (record.status == TaskStatus::completed) {
    record.reason = EndReason::finished;
  } else {
    record.reason = record.error == original_cancelled ? EndReason::cancelled : EndReason::tool_error;
  }
}

std::string legacy_text(const TaskId& id, std::string_view owner, const TaskEnd& end) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("task_id", id.text()).field("status", name_of(end.status)).field("user_id", owner);
  if (end.status == TaskStatus::failed) {
    writer.field("error", utf8::repaired(end.error));
  } else if (end.result.size() > legacy_limit) {
    writer.key("result").null().field("result_omitted", true).field("result_note", legacy_note);
  } else {
    writer.field("result", utf8::repaired(end.result));
  }
  writer.end_object();
  return out;
}

std::optional<LegacyTask> parse_legacy(const TaskId& id, std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto field = [&](std::string_view name) {
    const auto* found = object->if_contains(name);
    const auto* as_text = found != nullptr ? found->if_string() : nullptr;
    return as_text != nullptr ? std::string(*as_text) : std::string();
  };
  const auto status = parse_status(field("status"));
  if (!status || *status == TaskStatus::running) return std::nullopt;
  LegacyTask out;
  out.record.task_id = id;
  out.record.status = *status;
  out.record.caller.user_id = field("user_id");
  out.record.error = field("error");
  const auto* omitted = object->if_contains("result_omitted");
  out.result = omitted != nullptr && omitted->is_bool() && omitted->get_bool() ? std::string(text) : field("result");
  out.record.result_chars = utf8::count(out.result);
  complete_record(out.record, out.result.size());
  return out;
}

}  // namespace meantime::store::redis
