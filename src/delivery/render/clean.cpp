// SPDX-License-Identifier: MIT
#include "delivery/render/clean.hpp"

#include <array>

#include "core/utf8.hpp"

namespace meantime::render {
namespace {

constexpr char escape = '\x1b';

// Bytes at which a closer look is needed: controls, and the first bytes of the few wide characters that are left out.
constexpr std::array<bool, 256> make_special() {
  std::array<bool, 256> special{};
  for (std::size_t byte = 0; byte < 0x20; ++byte) special[byte] = byte != '\n' && byte != '\t';
  special[0x7F] = special[0xC2] = special[0xE2] = special[0xEF] = true;
  return special;
}
constexpr auto special_bytes = make_special();

constexpr bool special(char c) noexcept {
  return special_bytes[static_cast<unsigned char>(c)];
}

constexpr bool within(char c, unsigned first, unsigned last) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= first && byte <= last;
}

// A string sequence (title, link, image) ends at BEL or ESC \; one that never ends takes its line at most, so that a
// broken sequence cannot swallow a whole result.
std::size_t end_of_string_sequence(std::string_view text, std::size_t at) noexcept {
  for (; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == '\a') return at + 1;
    if (text[at] == escape) return at + 1 < text.size() && text[at + 1] == '\\' ? at + 2 : at;
    if (text[at] == '\xC2' && at + 1 < text.size() && text[at + 1] == '\x9C') return at + 2;
  }
  return at;
}

// Behind "ESC [": parameters, intermediates, one final byte.
std::size_t end_of_control_sequence(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && within(text[at], 0x30, 0x3F)) ++at;
  while (at < text.size() && within(text[at], 0x20, 0x2F)) ++at;
  return at < text.size() && within(text[at], 0x40, 0x7E) ? at + 1 : at;
}

// `kind` is the byte behind ESC, or a C1 control without its 0x40 offset.
std::size_t end_of_sequence(std::string_view text, std::size_t at, char kind) noexcept {
  switch (kind) {
    case '[':
      return end_of_control_sequence(text, at);
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
      return end_of_string_sequence(text, at);
    default:
      return at;
  }
}

std::size_t end_of_escape(std::string_view text, std::size_t at) noexcept {
  if (at + 1 >= text.size()) return text.size();
  const char kind = text[at + 1];
  if (within(kind, 0x40, 0x5F)) return end_of_sequence(text, at + 2, kind);
  std::size_t end = at + 1;
  while (end < text.size() && within(text[end], 0x20, 0x2F)) ++end;  // as "ESC ( B"
  return end < text.size() && within(text[end], 0x30, 0x7E) ? end + 1 : end;
}

struct Look {
  std::size_t next = 0;  // where to go on
  bool keep = false;     // the bytes up to there
  bool line_end = false;
};

Look look_at_wide(std::string_view text, std::size_t at) noexcept {
  const std::string_view rest = text.substr(at);
  if (rest[0] == '\xC2' && within(rest[1], 0x80, 0x9F)) {  // C1
    if (rest[1] == '\x85') return {at + 2, false, true};   // next line
    return {end_of_sequence(text, at + 2, static_cast<char>(static_cast<unsigned char>(rest[1]) - 0x40U)), false};
  }
  if (rest[0] == '\xE2' && rest[1] == '\x80') {
    if (within(rest[2], 0xA8, 0xA9)) return {at + 3, false, true};
    if (within(rest[2], 0xAA, 0xAE)) return {at + 3};
  }
  if (rest[0] == '\xE2' && rest[1] == '\x81' && within(rest[2], 0xA6, 0xA9)) return {at + 3};
  if (rest[0] == '\xEF' && rest[1] == '\xBB' && rest[2] == '\xBF') return {at + 3};
  return {at + 1, true};
}

Look look(std::string_view text, std::size_t at) noexcept {
  const char c = text[at];
  if (c == escape) return {end_of_escape(text, at)};
  if (c == '\r') {
    std::size_t next = at + 1;
    while (next < text.size() && text[next] == '\r') ++next;
    if (next < text.size() && text[next] == '\n') return {next};  // the '\n' itself is kept as it comes
    return {next, false, true};
  }
  if (static_cast<unsigned char>(c) >= 0x80U) return look_at_wide(text, at);
  return {at + 1};
}

// Where the next special byte at or behind `at` is, or the end. Most bytes are passed over many at a time.
std::size_t next_special(std::string_view text, std::size_t at) noexcept {
  constexpr std::size_t block = 32;
  while (at + block <= text.size()) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < block; ++i) {
      const auto c = static_cast<unsigned char>(text[at + i]);
      // As make_special() says; any wide character is worth the closer look.
      found |=
          static_cast<unsigned char>(c >= 0x7FU) |
          static_cast<unsigned char>(static_cast<unsigned char>(c < 0x20U) & static_cast<unsigned char>(c != '\n') &
                                     static_cast<unsigned char>(c != '\t'));
    }
    if (found != 0) {
      for (const std::size_t end = at + block; at < end; ++at) {
        if (special(text[at])) return at;
      }
      continue;
    }
    at += block;
  }
  while (at < text.size() && !special(text[at])) ++at;
  return at;
}

std::string controls_left_out(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t from = 0;
  std::size_t at = 0;
  while (true) {
    at = next_special(text, at);
    if (at == text.size()) break;
    const Look seen = look(text, at);
    if (!seen.keep) {
      out.append(text, from, at - from);
      if (seen.line_end) out += '\n';
      from = seen.next;
    }
    at = seen.next;
  }
  out.append(text, from);
  return out;
}

}  // namespace

std::string without_controls(std::string_view text) {
  if (utf8::valid(text)) return controls_left_out(text);
  return controls_left_out(utf8::repaired(std::string(text)));
}

std::string clean(std::string_view text) {
  return without_secrets(without_controls(text));
}

std::string without_mentions(std::string text, MentionGuard guard) {
  if (guard == MentionGuard::none) return text;
  constexpr std::string_view zero_width_space = "\u200B";
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    const std::string_view rest = std::string_view(text).substr(at + 1);
    if (!rest.empty() && rest[0] != ' ' && rest[0] != '\n' && !rest.starts_with(zero_width_space))
      text.insert(at + 1, zero_width_space);
  }
  return text;
}

}  // namespace meantime::render
