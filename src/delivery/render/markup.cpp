// SPDX-License-Identifier: MIT
#include "delivery/render/markup.hpp"

namespace meantime::render {
namespace {

// What JSON around two text runs costs at most, where the message is counted as JSON: a card.
constexpr std::size_t card_run = 192;

constexpr std::size_t block = 32;  // bytes that are looked at together

// How many bytes from `at` on stay as they are. The inner loop has no branch: it becomes vector instructions.
std::size_t end_of_plain(std::string_view text, std::size_t at, unsigned char line_end) noexcept {
  const auto special = [line_end](char byte) {
    const auto c = static_cast<unsigned char>(byte);
    return static_cast<unsigned char>(c == '&') | static_cast<unsigned char>(c == '<') |
           static_cast<unsigned char>(c == '>') | static_cast<unsigned char>(c == line_end);
  };
  while (at + block <= text.size()) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < block; ++i) found |= special(text[at + i]);
    if (found != 0) break;
    at += block;
  }
  while (at < text.size() && special(text[at]) == 0) ++at;
  return at;
}

void append_escaped(std::string& out, std::string_view text, Escape escape) {
  const unsigned char line_end = escape == Escape::html ? '\n' : '&';
  for (std::size_t from = 0;;) {
    const std::size_t at = end_of_plain(text, from, line_end);
    out.append(text, from, at - from);
    if (at == text.size()) return;
    out += text[at] == '&' ? "&amp;" : text[at] == '<' ? "&lt;" : text[at] == '>' ? "&gt;" : "<br>";
    from = at + 1;
  }
}

bool is_fenced(Markup markup) noexcept {
  return markup == Markup::markdown || markup == Markup::mrkdwn || markup == Markup::html;
}

std::string opening_tag(std::string_view language) {
  if (language.empty()) return "<pre><code>";
  return "<pre><code class=\"language-" + std::string(language) + "\">";
}
constexpr std::string_view closing_tag = "</code></pre>";

}  // namespace

void ChunkWriter::append(std::string_view text) {
  chunk_.text += text;
  if (limits_.markup == Markup::entities) utf16_ += length(text, Unit::utf16);
}

// In both bodies where there are two, without the markup of a block.
void ChunkWriter::plain(std::string_view text) {
  if (limits_.markup == Markup::mrkdwn) {
    append_escaped(chunk_.text, text, Escape::angle);
    return;
  }
  append(text);
  if (limits_.markup == Markup::html) {
    append_escaped(chunk_.html, text, Escape::html);
    html_line_ = text.empty() ? html_line_ : text.ends_with('\n');
  }
}

void ChunkWriter::entity(Entity::Kind kind, std::size_t start, std::string_view language) {
  if (utf16_ > start) chunk_.entities.push_back({kind, start, utf16_ - start, std::string(language)});
}

void ChunkWriter::header(const std::vector<Span>& spans) {
  const bool marks = is_fenced(limits_.markup);
  const bool html = limits_.markup == Markup::html;
  const std::string_view bold = limits_.markup == Markup::mrkdwn ? "*" : "**";
  for (const Span& span : spans) {
    const bool is_bold = span.style == Span::Style::bold_code;
    const bool is_code = span.style != Span::Style::plain;
    const std::size_t start = utf16_;
    if (marks && is_bold) chunk_.text += bold;
    if (marks && is_code) chunk_.text += '`';
    if (html && is_bold) chunk_.html += "<strong>";
    if (html && is_code) chunk_.html += "<code>";
    plain(span.text);
    if (marks && is_code) chunk_.text += '`';
    if (marks && is_bold) chunk_.text += bold;
    if (html && is_code) chunk_.html += "</code>";
    if (html && is_bold) chunk_.html += "</strong>";
    if (limits_.markup == Markup::entities && is_bold) entity(Entity::Kind::bold, start);
    if (limits_.markup == Markup::entities && is_code) entity(Entity::Kind::code, start);
  }
}

void ChunkWriter::next_line() {
  if (!chunk_.text.empty() && !chunk_.text.ends_with('\n')) append("\n");
  if (limits_.markup == Markup::html && !html_line_) {
    chunk_.html += "<br>";
    html_line_ = true;
  }
}

void ChunkWriter::text(std::string_view text) {
  plain(text);
}

void ChunkWriter::code(std::string_view code, std::string_view language, std::string_view marker) {
  if (!is_fenced(limits_.markup)) {
    const std::size_t start = utf16_;
    append(code);
    if (limits_.markup == Markup::entities) entity(Entity::Kind::pre, start, language);
    return;
  }
  chunk_.text += marker;
  if (limits_.fence_language) chunk_.text += language;
  chunk_.text += '\n';
  if (limits_.markup == Markup::mrkdwn) {
    append_escaped(chunk_.text, code, Escape::angle);
  } else {
    chunk_.text += code;
  }
  if (!chunk_.text.ends_with('\n')) chunk_.text += '\n';
  chunk_.text += marker;
  if (limits_.markup == Markup::html) {
    chunk_.html += opening_tag(language);
    append_escaped(chunk_.html, code, Escape::angle);
    chunk_.html += closing_tag;
    html_line_ = true;
  }
}

Frame frame_of(const Limits& limits, std::string_view language, std::string_view marker) {
  if (limits.markup == Markup::plain) return {};
  if (limits.markup == Markup::entities) {
    const std::size_t cost = limits.unit == Unit::json_bytes ? card_run : 0;
    return {cost, cost};
  }
  const auto cost = [&](std::string_view name) {
    std::string frame(marker);
    if (limits.fence_language) frame += name;
    frame += "\n\n";
    frame += marker;
    if (limits.markup == Markup::html) {
      frame += opening_tag(name);
      frame += closing_tag;
    }
    return length(frame, limits.unit);
  };
  return {cost(language), cost({})};
}

}  // namespace meantime::render
