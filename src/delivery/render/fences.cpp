// SPDX-License-Identifier: MIT
#include "delivery/render/fences.hpp"

#include <algorithm>

namespace meantime::render {
namespace {

constexpr std::string_view zero_width_space = "\u200B";
constexpr std::size_t shortest_marker = 3;
constexpr std::size_t longest_marker = 16;  // longer ones would leave no room for what they surround
constexpr std::size_t longest_language = 32;

struct Line {
  std::string_view text;  // without the line end
  std::size_t next = 0;   // where the next one begins
};

Line line_at(std::string_view text, std::size_t at) noexcept {
  const std::size_t end = text.find('\n', at);
  if (end == std::string_view::npos) return {text.substr(at), text.size()};
  std::string_view line = text.substr(at, end - at);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return {line, end + 1};
}

struct Marker {
  char character = 0;  // 0: the line is no marker
  std::size_t length = 0;
  std::string_view rest;
};

Marker marker_of(std::string_view line) noexcept {
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  if (indent > 3 || indent == line.size()) return {};
  const char c = line[indent];
  if (c != '`' && c != '~') return {};
  const std::size_t end = std::min(line.find_first_not_of(c, indent), line.size());
  if (end - indent < shortest_marker) return {};
  return {c, end - indent, line.substr(end)};
}

bool opens(const Marker& marker) noexcept {
  return marker.character != 0 && (marker.character == '~' || !marker.rest.contains('`'));
}

bool closes(const Marker& marker, const Marker& opener) noexcept {
  return marker.character == opener.character && marker.length >= opener.length &&
         marker.rest.find_first_not_of(" \t") == std::string_view::npos;
}

bool fit_for_language(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_+#.-").contains(c);
}

// The first word of the info string; the rest tells highlighters things that no chat knows.
std::string_view language_of(std::string_view info) noexcept {
  const std::size_t start = info.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  const std::string_view word = info.substr(start, info.find_first_of(" \t", start) - start);
  return word.size() <= longest_language && std::ranges::all_of(word, fit_for_language) ? word : std::string_view{};
}

}  // namespace

std::vector<Block> parse_blocks(std::string_view markdown) {
  std::vector<Block> blocks;
  std::size_t text_start = 0;
  std::size_t at = 0;
  const auto add_text = [&](std::size_t end) {
    if (end > text_start) blocks.push_back({Block::Kind::text, markdown.substr(text_start, end - text_start), {}});
  };
  while (at < markdown.size()) {
    const Line line = line_at(markdown, at);
    const Marker opener = marker_of(line.text);
    if (!opens(opener)) {
      at = line.next;
      continue;
    }
    add_text(at);
    const std::size_t code_start = line.next;
    std::size_t code_end = code_start;
    at = code_start;
    while (at < markdown.size()) {
      const Line inner = line_at(markdown, at);
      at = inner.next;
      if (closes(marker_of(inner.text), opener)) break;
      code_end = at;
    }
    blocks.push_back({Block::Kind::code, markdown.substr(code_start, code_end - code_start), language_of(opener.rest)});
    text_start = at;
  }
  add_text(markdown.size());
  return blocks;
}

std::size_t longest_backtick_run(std::string_view text) noexcept {
  std::size_t longest = 0;
  for (std::size_t at = text.find('`'); at != std::string_view::npos; at = text.find('`', at)) {
    const std::size_t end = std::min(text.find_first_not_of('`', at), text.size());
    longest = std::max(longest, end - at);
    at = end;
  }
  return longest;
}

namespace {

// Zero-width spaces between, so that no run of these characters is long enough for a fence.
std::string broken_up(std::string_view text, std::string_view characters) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::size_t run = 0;
  char before = 0;
  for (const char c : text) {
    run = !characters.contains(c) ? 0 : c == before ? run + 1 : 1;
    before = c;
    if (run == shortest_marker) {
      out += zero_width_space;
      run = 1;
    }
    out += c;
  }
  return out;
}

}  // namespace

std::string fenceable(std::string code, InnerFence how) {
  const std::size_t run = longest_backtick_run(code);
  if (run < shortest_marker || (how == InnerFence::longer_marker && run < longest_marker)) return code;
  return broken_up(code, "`");
}

std::string without_fences(std::string text) {
  if (!text.contains("```") && !text.contains("~~~")) return text;
  return broken_up(text, "`~");
}

std::string fence_marker(std::string_view code, InnerFence how) {
  const std::size_t run = how == InnerFence::longer_marker ? longest_backtick_run(code) : 0;
  return std::string(std::max(shortest_marker, run < longest_marker ? run + 1 : 0), '`');
}

}  // namespace meantime::render
