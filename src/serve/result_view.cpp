// SPDX-License-Identifier: MIT
#include "serve/result_view.hpp"

#include "core/envelope.hpp"
#include "core/json_writer.hpp"
#include "core/text_page.hpp"
#include "core/utf8.hpp"
#include "mcp/json_span.hpp"
#include "mcp/tool_content.hpp"
#include "serve/call_answer.hpp"

namespace meantime::serve {
namespace {

constexpr std::uint64_t most_page_chars = 100'000;    // whatever `limit` says
constexpr std::uint64_t most_block_bytes = 4U << 20;  // of images and the like, which cannot be paged

void append_text_block(JsonWriter& out, std::string_view text) {
  out.begin_object().field("type", "text").field("text", text).end_object();
}

std::uint64_t page_chars(const PageRequest& page) {
  return std::clamp<std::uint64_t>(page.limit.value_or(page.preview_chars), 1, most_page_chars);
}

std::string how_to_go_on(const TaskRecord& record, const TextPage& part, std::uint64_t chars, const PageRequest& page) {
  const std::uint64_t end = std::min(part.offset + chars, part.total_chars);
  std::string text = "[Characters " + std::to_string(part.offset) + " to " + std::to_string(end) + " of " +
                     std::to_string(part.total_chars) + ".";
  if (const auto next = part.next_offset(chars)) {
    text += " For the next page call " + page.check_tool + " with task_id '" + record.task_id.text() + "' and offset " +
            std::to_string(*next) + ".";
  }
  if (record.result_cut) text += " The result was over its size limit: its middle was not kept.";
  return text + "]";
}

// The text, and where it is only a part of it, a second block that says so.
void append_page(JsonWriter& out, const TaskRecord& record, const TextPage& part, const PageRequest& page) {
  append_text_block(out, part.text);
  const std::uint64_t chars = utf8::count(part.text);
  if (chars < part.total_chars || record.result_cut) append_text_block(out, how_to_go_on(record, part, chars, page));
}

void append_blocks(JsonWriter& out, mcp::JsonSpan result) {
  mcp::for_each_element(mcp::member(result, "content"), [&](mcp::JsonSpan block) { out.raw(block.raw()); });
}

// Blocks that are no text: whole on the first page, or a line that says what is missing.
void append_other_blocks(JsonWriter& out, mcp::JsonSpan result) {
  std::uint64_t bytes = 0;
  mcp::for_each_element(mcp::member(result, "content"), [&](mcp::JsonSpan block) {
    const std::string type = mcp::member(block, "type").text();
    if (type == "text") return;
    bytes += block.raw().size();
    if (bytes <= most_block_bytes) {
      out.raw(block.raw());
    } else {
      append_text_block(out, "[A block of type '" + type + "' with " + std::to_string(block.raw().size()) +
                                 " bytes is too large to be handed on.]");
    }
  });
}

bool is_short(const TaskRecord& record, const PageRequest& page) {
  return page.offset == 0 && record.result_chars <= page_chars(page);
}

}  // namespace

Task<Result<std::string>> show_task(TaskManager& manager, TaskRecord record, WallTime now, PageRequest page) {
  const std::string tag = envelope::tag(record.task_id.text(), name_of(record.status));
  if (record.status == TaskStatus::running) co_return text_result(envelope::status(record, now), false, tag);
  const bool failed = record.status == TaskStatus::failed;
  const bool blocks = record.media_type == MediaType::mcp_result && !record.result_cut;
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("content").begin_array();
  if (failed && page.offset == 0) append_text_block(json, envelope::failed(record));

  if (blocks && record.result_bytes > 0) {
    auto whole = co_await manager.read_result(record.task_id, 0, 0);
    if (!whole) co_return std::unexpected(std::move(whole.error()));
    const mcp::JsonSpan result(whole->text);
    const std::string text = is_short(record, page) ? std::string() : mcp::text_of_result(result);
    const std::uint64_t chars = utf8::count(text);
    if (is_short(record, page) ||
        (page.offset == 0 && chars <= page_chars(page) && whole->text.size() <= most_block_bytes)) {
      if (!failed) co_return std::move(whole->text);
      append_blocks(json, result);
    } else {
      append_page(json, record, page_of(text, page.offset, page_chars(page)), page);
      if (page.offset == 0) append_other_blocks(json, result);
    }
  } else if (!failed || record.result_bytes > 0) {
    auto part = co_await manager.read_result(record.task_id, page.offset, page_chars(page));
    if (!part) co_return std::unexpected(std::move(part.error()));
    append_page(json, record, *part, page);
  }
  json.end_array().field("isError", failed).key("_meta").raw(tag).end_object();
  co_return out;
}

}  // namespace meantime::serve
