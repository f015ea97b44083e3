// SPDX-License-Identifier: MIT
// output.cpp: `meantime output`: what a task printed so far, as it comes with -f, or the result of a finished one.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/task_text.hpp"
#include "cli/terminal.hpp"
#include "cli/view.hpp"
#include "core/json_writer.hpp"
#include "core/text_page.hpp"
#include "core/utf8.hpp"

namespace meantime::cli {
namespace {

constexpr std::uint64_t read_at_once = 256ULL << 10U;
constexpr Milliseconds look_again{4'000};

std::string page_json(const TaskRecord& record, const TextPage& page, std::uint64_t limit) {
  std::string text;
  JsonWriter out(text);
  out.begin_object()
      .field("task_id", record.task_id.text())
      .field("status", name_of(record.status))
      .field("text", page.text)
      .field("offset", page.offset)
      .field("total_chars", page.total_chars)
      .field("total_bytes", page.total_bytes)
      .key("next_offset");
  const auto next = limit == 0 ? std::nullopt : page.next_offset(limit);
  if (next) {
    out.value(*next);
  } else {
    out.null();
  }
  out.field("schema_version", 1).end_object();
  return text;
}

// All partial output that is still kept.
Task<Result<std::string>> partial_output(View& view, const TaskRecord& record) {
  std::string all;
  std::uint64_t at = record.output_start;
  for (;;) {
    auto bytes = co_await view.store().read_output(record.task_id, at, read_at_once);
    if (!bytes) co_return std::unexpected(std::move(bytes.error()));
    if (bytes->empty()) co_return utf8::repaired(std::move(all));
    all += *bytes;
    at += bytes->size();
  }
}

Task<int> show_once(View& view, const OutputArguments& arguments, const TaskRecord& record) {
  TextPage page;
  if (record.status == TaskStatus::running) {
    const auto text = co_await partial_output(view, record);
    if (!text) co_return view.report(text.error(), arguments.task);
    page = page_of(*text, arguments.offset, arguments.limit);
  } else {
    auto read = co_await view.store().read_result(record.task_id, arguments.offset, arguments.limit);
    if (!read) co_return view.report(read.error(), arguments.task);
    page = std::move(*read);
  }
  const bool whole = arguments.offset == 0 && arguments.limit == 0;
  std::string text = arguments.view.json ? page_json(record, page, arguments.limit) + "\n"
                     : whole             ? result_text(record.media_type, std::move(page.text))
                                         : std::move(page.text);
  const bool told = print(text);
  co_return told ? exit_code::of(record) : exit_code::failure;
}

// Prints what came since `at`; false when nobody reads it.
Task<Result<bool>> print_new(View& view, const TaskRecord& record, std::uint64_t& at) {
  at = std::max(at, record.output_start);  // what we did not read in time is gone
  for (;;) {
    auto bytes = co_await view.store().read_output(record.task_id, at, read_at_once);
    if (!bytes) co_return std::unexpected(std::move(bytes.error()));
    if (bytes->empty()) co_return true;
    at += bytes->size();
    if (!print(*bytes)) co_return false;
  }
}

Task<int> follow(View& view, const OutputArguments& arguments, TaskRecord record) {
  view.watch(record.task_id);
  view.catch_signals();
  std::uint64_t printed = 0;
  for (;;) {
    // Watched before this look, and looked for the end before the output: nothing comes after the end.
    auto now = co_await view.find(record.task_id);
    if (!now) co_return view.report(now.error(), arguments.task);
    record = std::move(*now);
    const auto told = co_await print_new(view, record, printed);
    if (!told) co_return view.report(told.error(), arguments.task);
    if (!*told) co_return exit_code::failure;
    if (record.status != TaskStatus::running) break;
    if (view.interrupted()) co_return exit_code::interrupted;
    static_cast<void>(co_await view.changed(look_again));
  }
  // A tool that never printed on the way has its result alone.
  if (printed == 0 && record.result_bytes > 0) {
    auto result = co_await view.store().read_result(record.task_id, 0, 0);
    if (!result) co_return view.report(result.error(), arguments.task);
    if (!print(result_text(record.media_type, std::move(result->text)))) co_return exit_code::failure;
  }
  if (record.status == TaskStatus::failed && !arguments.view.quiet) {
    complain(record.tool_name + " " + std::string(state_word(record)) + ": " + record.error);
  }
  co_return exit_code::of(record);
}

Task<int> output(View& view, const OutputArguments& arguments) {
  auto record = co_await view.resolve(arguments.task);
  if (!record) co_return view.report(record.error(), arguments.task);
  if (arguments.follow && record->status == TaskStatus::running) {
    co_return co_await follow(view, arguments, std::move(*record));
  }
  co_return co_await show_once(view, arguments, *record);
}

}  // namespace

int output_command(const OutputArguments& arguments) {
  if (arguments.follow && (arguments.view.json || arguments.offset != 0 || arguments.limit != 0)) {
    complain("--follow prints everything as it comes: leave out --json, --offset and --limit");
    return exit_code::usage;
  }
  View view(arguments.view);
  return view.run([&] { return output(view, arguments); });
}

}  // namespace meantime::cli
