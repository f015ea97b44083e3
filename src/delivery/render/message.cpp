// SPDX-License-Identifier: MIT
#include "delivery/render/message.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/utf8.hpp"
#include "delivery/render/breaks.hpp"
#include "delivery/render/clean.hpp"
#include "mcp/json_span.hpp"

namespace meantime::render {
namespace {

constexpr std::size_t longest_tool_name = 64;
constexpr std::uint64_t longest_error_chars = 2'000;
constexpr std::uint64_t last_lines_chars = 1'500;
constexpr std::size_t last_lines = 20;

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string one_line(std::string_view text, std::size_t max_bytes, std::string_view without) {
  std::string out(text.substr(0, cluster_boundary(text, max_bytes)));
  for (char& c : out) {
    if (c == '\n' || c == '\t' || without.contains(c)) c = ' ';
  }
  return out;
}

bool only_white(std::string_view text) noexcept {
  return text.find_first_not_of(" \t\n") == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\n") + 1 - start);
}

bool like_json(std::string_view text) noexcept {
  const std::string_view inside = trimmed(text);
  return (inside.starts_with('{') && inside.ends_with('}')) || (inside.starts_with('[') && inside.ends_with(']'));
}

std::string_view language_of(std::string_view text) noexcept {
  if (like_json(text)) return "json";
  return text.starts_with("diff --git ") ? "diff" : "";
}

std::string_view outcome_of(const Report& report) noexcept {
  if (report.status == TaskStatus::completed) return "completed in";
  switch (report.reason) {
    case EndReason::cancelled:
      return "was cancelled after";
    case EndReason::lost:
      return "was lost after";
    case EndReason::timed_out:
      return "timed out after";
    case EndReason::interrupted:
      return "was interrupted after";
    default:
      return "failed after";
  }
}

// The first `chars` characters, ended behind a line if one ends near there.
std::string_view head_of(std::string_view text, std::uint64_t chars) {
  const std::size_t end = cluster_boundary(text, utf8::byte_offset(text, chars));
  if (end == 0 || end >= text.size()) return text.substr(0, end);
  const std::size_t newline = text.rfind('\n', end - 1);
  return text.substr(0, newline != std::string_view::npos && newline > end - end / 4 ? newline + 1 : end);
}

// The last ones, begun at a line if one begins near there.
std::string_view tail_of(std::string_view text, std::uint64_t chars) {
  const std::uint64_t all = utf8::count(text);
  if (chars >= all) return text;
  const std::size_t start = utf8::byte_offset(text, all - chars);
  const std::size_t newline = text.find('\n', start);
  if (newline != std::string_view::npos && newline - start < (text.size() - start) / 4) return text.substr(newline + 1);
  return text.substr(cluster_boundary(text, start));
}

std::string_view last_lines_of(std::string_view text, std::uint64_t chars) {
  text = tail_of(text, chars);
  const std::size_t end = text.find_last_not_of(" \t\n");
  if (end == std::string_view::npos) return {};
  std::size_t start = end + 1;
  for (std::size_t lines = 0; lines < last_lines; ++lines) {
    if (start == 0) return text.substr(0, end + 1);
    const std::size_t newline = text.rfind('\n', start - 1);
    if (newline == std::string_view::npos) return text.substr(0, end + 1);
    start = newline;
  }
  return text.substr(start + 1, end - start);
}

void add_how_to_get(Body& body, const Report& report, std::string_view file_name) {
  if (!file_name.empty()) body.add_line(std::string(whole_in_file) + std::string(file_name) + ".");
  if (!report.link.empty()) body.add_line("The whole output: " + report.link);
  if (!file_name.empty() || !report.link.empty()) return;
  if (report.result_cut) {
    body.add_line("What is kept of it: check_task with task_id " + report.task_id + ".");
  } else {
    body.add_line("The whole output: " + how_to_ask(report.task_id));
  }
}

std::uint64_t all_chars(const Report& report) {
  const std::uint64_t here = utf8::count(report.text);
  return report.text_cut ? std::max(here, report.result_chars) : here;
}

// Class and message, and below it the last of what was printed.
void add_failure(Body& body, const Report& report, std::uint64_t error_chars, std::uint64_t output_chars) {
  const std::string_view error = head_of(report.error, error_chars);
  body.add_code(only_white(error) ? "(no message)" : error);
  if (error.size() < report.error.size()) {
    body.add_line("…[truncated] The message goes on for " + grouped(utf8::count(report.error) - utf8::count(error)) +
                  " characters.");
  }
  const std::string_view last = last_lines_of(report.text, output_chars);
  if (!last.empty()) {
    body.add_line("The last lines of its output:");
    body.add_code(last);
  }
}

}  // namespace

Report report_of(const TaskRecord& record, std::string_view text, bool text_cut, std::uint32_t max_chars,
                 std::string link) {
  Report report;
  report.tool = clean(record.tool_name);
  report.task_id = record.task_id.text();
  report.status = record.status;
  report.reason = record.reason;
  report.elapsed = record.elapsed(record.ended_at.value_or(record.created_at));
  report.ended_at = record.ended_at;
  report.text = clean(record.media_type == MediaType::text ? text : readable(text, record.media_type));
  report.text_cut = text_cut;
  report.result_chars = record.result_chars;
  report.result_bytes = record.result_bytes;
  report.result_cut = record.result_cut;
  report.error = clean(record.error);
  report.exit_code = record.exit_code;
  report.max_chars = max_chars == 0 ? Report::default_max_chars : max_chars;
  report.link = std::move(link);
  return report;
}

std::string how_to_ask(std::string_view task_id) {
  const std::string id(task_id);
  return "check_task with task_id " + id + ", or: meantime output " + id;
}

std::string readable(std::string_view text, MediaType type) {
  if (type == MediaType::text) return std::string(text);
  mcp::JsonScanner scanner(text);
  mcp::JsonSpan whole;
  if (!utf8::valid(text) || !scanner.value(whole) || !scanner.at_end() || !whole.is_object()) return std::string(text);
  if (type == MediaType::mcp_error) {
    const std::string message = mcp::member(whole, "message").text();
    return message.empty() ? std::string(text) : message;
  }
  std::string out;
  mcp::for_each_element(mcp::member(whole, "content"), [&](mcp::JsonSpan block) {
    if (!out.empty()) out += '\n';
    const std::string kind = mcp::member(block, "type").text();
    if (kind == "text") {
      out += mcp::member(block, "text").text();
    } else if (kind == "resource_link") {
      out += mcp::member(block, "uri").text();
    } else {
      const std::string media = mcp::member(block, "mimeType").text();
      out += '[' + kind + (media.empty() ? "" : ", " + media) + ']';
    }
  });
  if (out.empty()) {
    const mcp::JsonSpan structured = mcp::member(whole, "structuredContent");
    return std::string(structured ? structured.raw() : std::string_view{});
  }
  return out;
}

std::string short_id(std::string_view task_id) {
  constexpr std::size_t longest_whole = 12;  // ids of the original system
  constexpr std::size_t shown = 8;
  return std::string(task_id.size() <= longest_whole ? task_id : task_id.substr(task_id.size() - shown));
}

std::vector<Span> header_of(const Report& report) {
  std::string tool = one_line(report.tool, longest_tool_name, "`");
  if (only_white(tool)) tool = "tool";
  std::string middle = ' ' + std::string(outcome_of(report)) + ' ' + seconds_text(report.elapsed) + 's';
  if (report.status == TaskStatus::failed && report.exit_code)
    middle += " (exit code " + std::to_string(*report.exit_code) + ')';
  std::vector<Span> header{{Span::Style::bold_code, std::move(tool)}};
  const std::string id = one_line(short_id(report.task_id), longest_tool_name, "`");
  if (id.empty()) {
    header.push_back({Span::Style::plain, std::move(middle)});
    return header;
  }
  header.push_back({Span::Style::plain, middle + " · "});
  header.push_back({Span::Style::code, id});
  return header;
}

bool says_all(const Report& report) {
  if (report.text_cut) return false;
  if (report.status != TaskStatus::failed)
    return report.text.size() <= report.max_chars || utf8::count(report.text) <= report.max_chars;
  return utf8::count(report.error) <= longest_error_chars &&
         last_lines_of(report.text, last_lines_chars).size() >= trimmed(report.text).size();
}

Body Body::whole(const Report& report) {
  Body body;
  if (report.status == TaskStatus::failed) {
    add_failure(body, report, longest_error_chars, last_lines_chars);
    if (!says_all(report)) add_how_to_get(body, report, {});
    return body;
  }
  body.add_code(only_white(report.text) ? std::string_view("(empty result)") : report.text);
  if (report.result_cut) body.add_line("The result was over its limit: its middle was not kept.");
  return body;
}

Body Body::excerpt(const Report& report, Excerpt excerpt, std::string_view file_name) {
  Body body;
  if (report.status == TaskStatus::failed) {
    add_failure(body, report, std::min(excerpt.head_chars, longest_error_chars),
                std::min(excerpt.tail_chars, last_lines_chars));
    add_how_to_get(body, report, file_name);
    return body;
  }
  const std::string_view text = report.text;
  const std::string_view head = head_of(text, excerpt.head_chars);
  const std::string_view tail = tail_of(text.substr(head.size()), excerpt.tail_chars);
  const std::uint64_t shown = utf8::count(head) + utf8::count(tail);
  const std::uint64_t all = all_chars(report);
  if (!only_white(head)) body.add_code(head);
  if (shown < all) {
    body.add_line("…[truncated] " + grouped(all - shown) + " of " + grouped(all) + " characters are left out here.");
  }
  if (!only_white(tail)) body.add_code(tail);
  for (Block& block : body.blocks) {
    if (block.kind == Block::Kind::code) block.language = language_of(text);
  }
  if (report.result_cut) body.add_line("The result was over its limit: its middle was not kept.");
  add_how_to_get(body, report, file_name);
  return body;
}

void Body::add_code(std::string_view text) {
  blocks.push_back({Block::Kind::code, text, language_of(text)});
}

void Body::add_line(std::string text) {
  blocks.push_back({Block::Kind::text, keep(std::move(text)), {}});
}

std::string file_name_of(const Report& report) {
  std::string name = report.tool.substr(0, longest_tool_name);
  for (char& c : name) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("._-").contains(c);
    if (!fine) c = '_';
  }
  if (name.empty() || name.front() == '.' || name.front() == '-') name.insert(0, "tool");
  const std::string id = short_id(report.task_id);
  if (!id.empty()) name += '-' + id;
  return name + (like_json(report.text) && !report.text_cut ? ".json" : ".txt");
}

}  // namespace meantime::render
