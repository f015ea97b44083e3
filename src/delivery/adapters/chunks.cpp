// SPDX-License-Identifier: MIT
#include "delivery/adapters/chunks.hpp"

#include "core/utf8.hpp"
#include "delivery/render/clean.hpp"

namespace meantime::delivery {

Result<std::vector<std::string>> plan_chunks(const Message& message, render::Limits limits, std::string link) {
  limits.hard -= std::min(limits.hard, room_for_notes);
  const auto report =
      render::report_of(message.record, message.text, message.text_cut, message.redirect.max_chars, std::move(link));
  const auto chunks = render::render(report, limits);
  if (!chunks) return std::unexpected(chunks.error());
  std::vector<std::string> packed;
  packed.reserve(chunks->size());
  for (const render::Chunk& chunk : *chunks) packed.push_back(render::pack(chunk));
  return packed;
}

std::string link_to(std::string_view link, const Message& message) {
  constexpr std::string_view place = "{task_id}";
  std::string out(link);
  if (const auto at = out.find(place); at != std::string::npos) {
    out.replace(at, place.size(), message.id.task_id.text());
  }
  return out;
}

void add_note(render::Chunk& chunk, std::string_view note) {
  chunk.text.append("\n").append(note);
  if (!chunk.html.empty()) chunk.html.append("<p>").append(note).append("</p>");
}

void without_file(render::Chunk& chunk, const Outgoing& message) {
  const auto erase_line = [](std::string& text, std::string_view ends) {
    const std::size_t begin = text.find(render::whole_in_file);
    if (begin == std::string::npos) return;
    const std::size_t end = std::min(text.find_first_of(ends, begin), text.size());
    const std::size_t from = begin > 0 && text[begin - 1] == '\n' ? begin - 1 : begin;
    text.erase(from, end - from);
  };
  erase_line(chunk.text, "\n");
  erase_line(chunk.html, "<\n");
  add_note(chunk, "The file could not be attached. The whole output: " + render::how_to_ask(message.task_id.text()));
}

Task<Result<std::string>> file_of(const Outgoing& message, std::size_t max_bytes) {
  if (!message.whole_text) {
    co_return fail(errc::internal, "delivery.file", "There is no store to read the whole result from.");
  }
  auto text = co_await message.whole_text();
  if (!text) co_return std::unexpected(std::move(text.error()));
  bool cut = false;
  co_return utf8::head_and_tail(render::clean(*text), max_bytes, cut);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved = "-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || unreserved.contains(c)) {
      out += c;
    } else {
      out.append({'%', digits[byte >> 4U], digits[byte & 15U]});
    }
  }
  return out;
}

}  // namespace meantime::delivery
