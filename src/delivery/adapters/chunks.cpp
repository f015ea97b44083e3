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

void add_note(render::Chunk& chunk, std::string_view note) {
  chunk.text.append("\n").append(note);
  if (!chunk.html.empty()) chunk.html.append("<p>").append(note).append("</p>");
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
