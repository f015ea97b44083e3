// SPDX-License-Identifier: MIT
#include "delivery/render/breaks.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <optional>

#include "core/utf8.hpp"

namespace meantime::render {
namespace {

// Clusters are short: a family of four is 25 bytes. Longer ones are letters under a heap of accents, which may be cut.
constexpr std::size_t longest_cluster = 1'024;
constexpr std::size_t longest_span = 512;  // of a link, a mention, inline code: beyond that it may be cut

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}
constexpr bool letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Whether the character at `at` neither joins what stands before it nor what follows: ASCII, Latin, Greek, Cyrillic and
// the common ideographs, told by their first byte. Between two of them is a boundary (but for CRLF).
bool stands_alone(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  return lead < 0x80U || (lead >= 0xC3U && lead <= 0xCBU) || (lead >= 0xCEU && lead <= 0xD1U) || lead == 0xD3U ||
         (lead >= 0xE4U && lead <= 0xE9U);
}

std::size_t character_before(std::string_view text, std::size_t at) noexcept {
  do {
    --at;
  } while (at > 0 && continues(text[at]));
  return at;
}

// A boundary at or before `at`, which is between characters; found from there backwards.
std::size_t sure_boundary(std::string_view text, std::size_t at) noexcept {
  const std::size_t lowest = at > longest_cluster ? at - longest_cluster : 0;
  while (at > lowest) {
    const std::size_t before = character_before(text, at);
    if (stands_alone(text, before) && stands_alone(text, at) && text[before] != '\r') return at;
    at = before;
  }
  return at;
}

}  // namespace

std::size_t cluster_boundary(std::string_view text, std::size_t at_most) {
  if (at_most >= text.size()) return text.size();
  const std::size_t cut = utf8::cut_length(text, at_most);
  if (cut == 0) return 0;
  std::size_t at = sure_boundary(text, cut);
  if (at == cut) return cut;  // the usual case needs no tables
  std::size_t boundary = at;
  utf8proc_int32_t before = -1;
  utf8proc_int32_t state = 0;
  while (at <= cut && at < text.size()) {
    utf8proc_int32_t character = 0;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                        static_cast<utf8proc_ssize_t>(text.size() - at), &character);
    if (bytes <= 0) break;
    if (before < 0 || utf8proc_grapheme_break_stateful(before, character, &state)) boundary = at;
    before = character;
    at += static_cast<std::size_t>(bytes);
  }
  return boundary > 0 ? boundary : cut;
}

namespace {

using Found = std::optional<std::size_t>;

// The end of what starts at `at` and must not be cut; absent: nothing such starts there.
Found end_of_entity(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t longest_entity = 32;
  const std::size_t end = std::min(text.size(), at + longest_entity);
  std::size_t i = at + 1;
  while (i < end && (letter_or_digit(text[i]) || text[i] == '#')) ++i;
  return i < end && text[i] == ';' && i > at + 1 ? Found{i + 1} : std::nullopt;
}

Found end_of_angle(std::string_view text, std::size_t at) noexcept {
  if (at + 1 >= text.size()) return std::nullopt;
  const char kind = text[at + 1];
  if (!letter_or_digit(kind) && !std::string_view("@#!/:").contains(kind)) return std::nullopt;
  const std::size_t end = text.substr(0, at + longest_span).find_first_of(">\n", at);
  return end != std::string_view::npos && text[end] == '>' ? Found{end + 1} : std::nullopt;
}

Found end_of_link(std::string_view text, std::size_t at) noexcept {
  const std::string_view near = text.substr(0, at + longest_span);
  const std::size_t label = near.find_first_of("]\n", at);
  if (label == std::string_view::npos || !near.substr(label).starts_with("](")) return std::nullopt;
  const std::size_t end = near.find_first_of(")\n", label);
  return end != std::string_view::npos && near[end] == ')' ? Found{end + 1} : std::nullopt;
}

Found end_of_inline_code(std::string_view text, std::size_t at) noexcept {
  const std::string_view near = text.substr(0, at + longest_span);
  const std::size_t inside = std::min(near.find_first_not_of('`', at), near.size());
  const std::size_t ticks = inside - at;
  for (std::size_t i = near.find_first_of("`\n", inside); i != std::string_view::npos;
       i = near.find_first_of("`\n", i)) {
    if (near[i] == '\n') return std::nullopt;
    const std::size_t end = std::min(near.find_first_not_of('`', i), near.size());
    if (end - i == ticks) return end;
    i = end;
  }
  return std::nullopt;
}

Found end_of_span(std::string_view text, std::size_t at) noexcept {
  switch (text[at]) {
    case '\\': {
      std::size_t end = at + 2;
      while (end < text.size() && continues(text[end])) ++end;
      return at + 1 < text.size() ? Found{end} : std::nullopt;
    }
    case '&':
      return end_of_entity(text, at);
    case '<':
      return end_of_angle(text, at);
    case '[':
      return end_of_link(text, at);
    case '`':
      return end_of_inline_code(text, at);
    default:
      return std::nullopt;
  }
}

// `cut`, or where the link or the like begins that it would cut. All of them are of one line.
std::size_t outside_of_spans(std::string_view text, std::size_t cut, std::size_t at_most) noexcept {
  if (cut == 0 || cut >= text.size()) return cut;
  const std::size_t lowest = cut > longest_span ? cut - longest_span : 0;
  const std::size_t line = text.rfind('\n', cut - 1);
  std::size_t at = line == std::string_view::npos || line < lowest ? lowest : line + 1;
  while (at < cut) {
    at = text.find_first_of("\\&<[`", at);
    if (at >= cut) return cut;
    const Found end = end_of_span(text, at);
    if (end && *end > cut) return *end - at <= at_most && at > 0 ? at : cut;
    // Each run of backticks is looked at once.
    at = end ? *end : text[at] == '`' ? std::min(text.find_first_not_of('`', at), text.size()) : at + 1;
  }
  return cut;
}

bool ends_sentence(char c) noexcept {
  return c == '.' || c == '!' || c == '?' || c == ';';
}

// Behind the last place in [from, at_most) at which `good(i)` holds for the byte before the cut.
template <class Good>
std::size_t last_cut(std::size_t from, std::size_t at_most, Good&& good) {
  for (std::size_t cut = at_most; cut > from; --cut) {
    if (good(cut)) return cut;
  }
  return 0;
}

// Words of scripts without spaces may be cut at their punctuation; this is left to the hard cut.
std::size_t text_break(std::string_view text, std::size_t at_most) {
  const std::size_t half = at_most / 2;
  const std::size_t quarter = at_most / 4;
  const auto newline_before = [&](std::size_t cut) { return text[cut - 1] == '\n'; };
  const auto accept = [&](std::size_t cut) { return cut > 0 ? outside_of_spans(text, cut, at_most) : 0; };

  if (const auto cut =
          last_cut(half, at_most, [&](std::size_t c) { return newline_before(c) && c > 1 && text[c - 2] == '\n'; }))
    return cut;
  if (const auto cut = last_cut(quarter, at_most, newline_before)) return cut;
  const auto sentence =
      last_cut(half, at_most, [&](std::size_t c) { return text[c - 1] == ' ' && c > 1 && ends_sentence(text[c - 2]); });
  if (const auto cut = accept(sentence)) return cut;
  const auto space = last_cut(0, at_most, [&](std::size_t c) { return text[c - 1] == ' ' || newline_before(c); });
  if (const auto cut = accept(space)) return cut;
  if (const auto cut = accept(cluster_boundary(text, at_most))) return cut;
  return 0;
}

std::size_t code_break(std::string_view text, std::size_t at_most) {
  const std::size_t newline = text.rfind('\n', at_most - 1);
  if (newline != std::string_view::npos) {
    const std::size_t cut = newline + 1;
    // A line that fits into a message of its own is not cut only because it came late.
    const std::size_t next = text.substr(0, cut + at_most).find('\n', cut);
    if (cut > at_most / 2 || next != std::string_view::npos) return cut;
  }
  return cluster_boundary(text, at_most);
}

}  // namespace

std::size_t break_before(std::string_view text, std::size_t at_most, Block::Kind kind) {
  if (at_most >= text.size()) return text.size();
  if (at_most == 0) return 0;
  return kind == Block::Kind::code ? code_break(text, at_most) : text_break(text, at_most);
}

}  // namespace meantime::render
