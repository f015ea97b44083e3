// SPDX-License-Identifier: MIT
// fields.hpp: a task as the fields of its hash, both ways, and as the original's older JSON form.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/inputs.hpp"
#include "meantime/store.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/scripts.hpp"

namespace meantime::store::redis {

/// The fields that a list reads, in its order.
inline constexpr std::array<std::string_view, 25> listed_fields{
    "task_id", "tool_name", "status", "created_at", "user_id", "channel_id", "platform", "error", "w",
    "a",       "n",         "why",    "c",          "b",       "mt",         "x",        "cut",   "k",
    "p",       "cancel",    "late",   "o",          "os",      "rd",         "in"};

/// "1732300000.123", as the original writes times.
[[nodiscard]] std::string seconds_text(WallTime time);
[[nodiscard]] std::optional<WallTime> parse_seconds(std::string_view text);

/// Adds what a start writes.
void add_start(ScriptCall& call, const TaskStart& start, std::string_view worker);

/// How a result is kept.
struct KeptResult {
  std::string text;              ///< For the field `result`: the result, or a note when it is in chunks.
  std::size_t chunk_fields = 0;  ///< Of the hash that has it in chunks; 0: it is in the text.
  std::uint64_t bytes = 0;
  std::uint64_t chars = 0;
};
/// Adds what a finish writes.
void add_end(ScriptCall& call, const TaskEnd& end, const KeptResult& kept);
/// An end in one text: what is kept of a late one.
[[nodiscard]] std::string late_text(const TaskEnd& end);

[[nodiscard]] std::string progress_text(const Progress& progress);

/// Takes one field of a hash. Unknown ones are nobody's business.
void set_field(TaskRecord& record, std::string_view name, std::string_view value);
/// What follows from the fields together, once all are set. `result_bytes`: length of the field `result`.
void complete_record(TaskRecord& record, std::uint64_t result_bytes);

/// What a task asked: its texts as they stand in the hash of inputs, and back.
[[nodiscard]] std::string open_input_text(const InputRequest& request);
struct StoredInput {
  std::uint64_t place = 0;
  AskedInput asked;
};
/// Unset: nothing of ours.
[[nodiscard]] std::optional<StoredInput> parse_input(std::string_view key, std::string_view text);

/// The older form's JSON (S22).
[[nodiscard]] std::string legacy_text(const TaskId& id, std::string_view owner, const TaskEnd& end);
/// Reads it: a finished task, with its result or, where that was left out, the whole text (S33).
struct LegacyTask {
  TaskRecord record;
  std::string result;
};
[[nodiscard]] std::optional<LegacyTask> parse_legacy(const TaskId& id, std::string_view text);

}  // namespace meantime::store::redis
