// SPDX-License-Identifier: MIT
#include "delivery/render/payloads.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "delivery/render/breaks.hpp"

namespace meantime::render {
namespace {

// Byte offset of a UTF-16 offset, going on from a place already known.
class Utf16Cursor {
 public:
  explicit Utf16Cursor(std::string_view text) : text_(text) {}
  std::size_t byte_at(std::size_t utf16) {
    const Prefix step = measure_.prefix(text_.substr(bytes_), utf16 - std::min(utf16, units_));
    bytes_ += step.bytes;
    units_ += step.units;
    return bytes_;
  }

 private:
  Measure measure_{Unit::utf16};
  std::string_view text_;
  std::size_t bytes_ = 0;
  std::size_t units_ = 0;
};

void text_run(JsonWriter& json, std::string_view text, bool bold, bool monospace) {
  if (text.empty()) return;
  json.begin_object().field("type", "TextRun").field("text", text);
  if (bold) json.field("weight", "Bolder");
  if (monospace) json.field("fontType", "Monospace");
  json.end_object();
}

void event(std::string& out, const Report& report, std::string_view result, bool cut) {
  JsonWriter json(out);
  const bool failed = report.status == TaskStatus::failed;
  json.begin_object().field("type", failed ? "task.failed" : "task.completed");
  if (report.ended_at) json.field("timestamp", iso_time(*report.ended_at));
  json.key("data").begin_object();
  json.field("task_id", report.task_id).field("tool_name", report.tool);
  json.field("status", name_of(report.status)).field("reason", name_of(report.reason));
  json.key("elapsed_seconds").raw(seconds_text(report.elapsed));
  if (failed) json.field("error", report.error);
  if (report.exit_code) json.field("exit_code", *report.exit_code);
  if (!failed || !result.empty()) json.field("result", result);
  json.field("result_chars", report.result_chars).field("result_bytes", report.result_bytes);
  json.field("result_cut", cut || report.text_cut || report.result_cut);
  if (!report.link.empty()) json.field("link", report.link);
  json.end_object().end_object();
}

}  // namespace

std::string teams_card(const Chunk& chunk) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("type", "message").key("attachments").begin_array().begin_object();
  json.field("contentType", "application/vnd.microsoft.card.adaptive").key("contentUrl").null();
  json.key("content").begin_object();
  json.field("$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
  json.field("type", "AdaptiveCard").field("version", "1.4");
  json.key("msteams").begin_object().field("width", "full").end_object();
  json.key("body").begin_array().begin_object().field("type", "RichTextBlock").key("inlines").begin_array();
  Utf16Cursor cursor(chunk.text);
  const std::string_view text = chunk.text;
  std::size_t at = 0;
  for (std::size_t i = 0; i < chunk.entities.size(); ++i) {
    const Entity& entity = chunk.entities[i];
    // Bold and code of one place follow each other; one run says both.
    const bool both = i + 1 < chunk.entities.size() && chunk.entities[i + 1].offset == entity.offset;
    const bool bold = entity.kind == Entity::Kind::bold;
    const std::size_t start = cursor.byte_at(entity.offset);
    const std::size_t end = cursor.byte_at(entity.offset + entity.length);
    text_run(json, text.substr(at, start - at), false, false);
    text_run(json, text.substr(start, end - start), bold, both || !bold);
    at = end;
    if (both) ++i;
  }
  text_run(json, text.substr(at), false, false);
  json.end_array().end_object().end_array().end_object().end_object().end_array().end_object();
  return out;
}

Result<std::string> event_json(const Report& report, std::size_t max_bytes) {
  constexpr std::size_t least = 2'048;
  if (max_bytes < least) {
    return fail(errc::invalid_argument, "render.event",
                "An event of fewer than " + std::to_string(least) + " bytes says nothing: raise the limit.");
  }
  // Names and addresses are short; an error may not be.
  Report fitting = report;
  const auto fit = [](std::string& text, std::size_t most) { text.resize(cluster_boundary(text, most)); };
  fit(fitting.tool, 128);
  fit(fitting.task_id, 64);
  if (fitting.link.size() > 512) fitting.link.clear();
  std::string out;
  event(out, fitting, fitting.text, false);
  if (out.size() <= max_bytes) return out;

  const auto whole_error = fitting.error;
  std::size_t error_room = std::min<std::size_t>(fitting.error.size(), max_bytes / 4);
  std::size_t room = std::min(report.text.size(), max_bytes);
  while (true) {
    fitting.error = whole_error.substr(0, cluster_boundary(whole_error, error_room));
    bool cut = false;
    const std::string result = room == 0 ? std::string{} : utf8::head_and_tail(report.text, room, cut);
    out.clear();
    event(out, fitting, result, cut || (room == 0 && !report.text.empty()));
    if (out.size() <= max_bytes) return out;
    const std::size_t over = out.size() - max_bytes;
    if (room > 0) {
      room = room > over ? std::min(room - over, room * 7 / 8) : room / 2;
    } else {
      error_room /= 2;
    }
  }
}

std::string title_of(const Report& report, std::size_t max_bytes) {
  std::string title;
  for (const Span& span : header_of(report)) title += span.text;
  title.resize(cluster_boundary(title, max_bytes));
  return title;
}

}  // namespace meantime::render
