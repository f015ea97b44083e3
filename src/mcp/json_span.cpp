// SPDX-License-Identifier: MIT
#include "mcp/json_span.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace meantime::mcp {
namespace {

// Stands for itself inside a string: ASCII, no quote, no backslash, no control character.
constexpr std::array<bool, 256> plain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

constexpr bool is_plain(char c) noexcept {
  return plain[static_cast<unsigned char>(c)];
}
constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// First character in [at, end) that is not plain.
const char* past_plain(const char* at, const char* end) noexcept {
#ifdef __SSE2__
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed: bytes from 0x80 on count as negative, so one comparison finds controls and non-ASCII.
    const __m128i special = _mm_or_si128(
        _mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) return at + std::countr_zero(mask);
    at += 16;
  }
#endif
  while (at != end && is_plain(*at)) ++at;
  return at;
}

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Length of the well-formed UTF-8 sequence of a non-ASCII character at `at`; 0: ill-formed (RFC 3629).
std::size_t sequence_length(const char* at, const char* end) noexcept {
  const auto lead = static_cast<unsigned char>(*at);
  const auto left = static_cast<std::size_t>(end - at);
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return left >= 2 && continues(at[1]) ? 2 : 0;
  if (left < 3) return 0;
  const auto second = static_cast<unsigned char>(at[1]);
  if (lead < 0xF0) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;  // no surrogates
    return second >= low && second <= high && continues(at[2]) ? 3 : 0;
  }
  if (lead > 0xF4 || left < 4) return 0;
  const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high && continues(at[2]) && continues(at[3]) ? 4 : 0;
}

void append_utf8(std::string& out, char32_t c) {
  if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

/// The four digits after \u; the text was checked.
char32_t four_digits(std::string_view raw, std::size_t at) noexcept {
  char32_t c = 0;
  for (std::size_t i = at; i < at + 4 && i < raw.size(); ++i) {
    c = (c << 4) | static_cast<char32_t>(hex_value(raw[i]) & 0xF);
  }
  return c;
}

std::string_view inside(std::string_view quoted) noexcept {
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

JsonSpan::Kind JsonSpan::kind() const noexcept {
  if (raw_.empty()) return Kind::none;
  switch (raw_.front()) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      return Kind::number;
  }
}

bool JsonSpan::is(std::string_view wanted) const {
  if (!is_string()) return false;
  const std::string_view own = inside(raw_);
  if (own == wanted) return true;
  return own.find('\\') != std::string_view::npos && text() == wanted;
}

std::string JsonSpan::text() const {
  std::string out;
  if (is_string()) append_unescaped(out, inside(raw_));
  return out;
}

std::optional<std::int64_t> JsonSpan::integer() const noexcept {
  std::int64_t out = 0;
  const auto [stopped, error] = std::from_chars(raw_.data(), raw_.data() + raw_.size(), out);
  if (raw_.empty() || error != std::errc{} || stopped != raw_.data() + raw_.size()) return std::nullopt;
  return out;
}

std::optional<double> JsonSpan::number() const noexcept {
  if (kind() != Kind::number) return std::nullopt;
  double out = 0;
  const auto [stopped, error] = std::from_chars(raw_.data(), raw_.data() + raw_.size(), out);
  if (error != std::errc{} || stopped != raw_.data() + raw_.size()) return std::nullopt;
  return out;
}

std::optional<bool> JsonSpan::boolean() const noexcept {
  if (kind() != Kind::boolean) return std::nullopt;
  return raw_.front() == 't';
}

void append_unescaped(std::string& out, std::string_view raw) {
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t slash = raw.find('\\', at);
    out.append(raw.substr(at, slash - at));
    if (slash == std::string_view::npos || slash + 1 >= raw.size()) return;
    at = slash + 2;
    switch (const char c = raw[slash + 1]) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'u': {
        char32_t code = four_digits(raw, at);
        at += 4;
        const bool leads = code >= 0xD800 && code < 0xDC00;
        if (leads && at + 6 <= raw.size() && raw[at] == '\\' && raw[at + 1] == 'u') {
          const char32_t trail = four_digits(raw, at + 2);
          if (trail >= 0xDC00 && trail < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (trail - 0xDC00);
            at += 6;
          }
        }
        append_utf8(out, code);
        break;
      }
      default:
        out += c;
    }
  }
}

void JsonScanner::skip_space() noexcept {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

bool JsonScanner::fail(const char* what) noexcept {
  if (fault_ == nullptr) {
    fault_ = what;
    fault_at_ = static_cast<std::size_t>(at_ - begin_);
  }
  at_ = end_;
  return false;
}

std::string JsonScanner::fault() const {
  return fault_ == nullptr ? std::string() : std::string(fault_) + ": byte " + std::to_string(fault_at_);
}

bool JsonScanner::at_end() {
  skip_space();
  if (fault_ != nullptr) return false;
  return at_ == end_ || fail("something follows the value");
}

bool JsonScanner::next_is(char wanted) noexcept {
  skip_space();
  return at_ != end_ && *at_ == wanted;
}

bool JsonScanner::enter() {
  if (depth_ == max_depth) {
    too_deep_ = true;
    return fail("nested deeper than 512 levels");
  }
  ++depth_;
  ++at_;
  return true;
}

bool JsonScanner::leave_if(char closing) noexcept {
  skip_space();
  if (at_ == end_ || *at_ != closing) return false;
  ++at_;
  return true;
}

bool JsonScanner::key(JsonSpan& out) {
  skip_space();
  const char* start = at_;
  if (at_ == end_ || *at_ != '"') return fail("a member's name is missing");
  if (!string()) return false;
  out = JsonSpan({start, static_cast<std::size_t>(at_ - start)});
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail("a colon is missing");
  ++at_;
  return true;
}

bool JsonScanner::separator(char closing, bool& more) {
  skip_space();
  if (at_ == end_) return fail("the text ends too early");
  more = *at_ == ',';
  if (!more && *at_ != closing) return fail("a comma or a closing bracket is missing");
  ++at_;
  return true;
}

bool JsonScanner::value(JsonSpan& out) {
  skip_space();
  if (at_ == end_) return fail("the text ends too early");
  const char* start = at_;
  const bool nested = *at_ == '{' || *at_ == '[';
  if (!(nested ? container() : scalar())) return false;
  out = JsonSpan({start, static_cast<std::size_t>(at_ - start)});
  return true;
}

// Which brackets are open is kept in bits, not on the stack: a hostile text costs no more than its length.
bool JsonScanner::container() {
  std::array<std::uint64_t, max_depth / 64> objects{};
  const unsigned base = depth_;
  for (;;) {
    skip_space();
    if (at_ == end_) return fail("the text ends too early");
    const char first = *at_;
    if (first == '{' || first == '[') {
      if (!enter()) return false;
      const bool object = first == '{';
      std::uint64_t& word = objects[(depth_ - 1) / 64];
      const std::uint64_t bit = std::uint64_t{1} << ((depth_ - 1) % 64);
      word = object ? word | bit : word & ~bit;
      if (!leave_if(object ? '}' : ']')) {
        JsonSpan ignored;
        if (object && !key(ignored)) return false;
        continue;
      }
      --depth_;
    } else if (!scalar()) {
      return false;
    }
    for (bool more = false; !more;) {
      if (depth_ == base) return true;
      const bool object = ((objects[(depth_ - 1) / 64] >> ((depth_ - 1) % 64)) & 1U) != 0;
      if (!separator(object ? '}' : ']', more)) return false;
      if (!more) {
        --depth_;
      } else if (JsonSpan ignored; object && !key(ignored)) {
        return false;
      }
    }
  }
}

bool JsonScanner::scalar() {
  switch (*at_) {
    case '"':
      return string();
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
  }
}

bool JsonScanner::literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) {
    return fail("not a JSON value");
  }
  at_ += word.size();
  return true;
}

bool JsonScanner::number() {
  const auto digits = [this] {
    const char* start = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != start;
  };
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
  } else if (!digits()) {
    return fail("not a JSON value");
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail("a number without digits after its point");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail("a number without digits in its exponent");
  }
  return true;
}

bool JsonScanner::string() {
  ++at_;
  for (;;) {
    at_ = past_plain(at_, end_);
    if (at_ == end_) return fail("a string has no end");
    if (*at_ == '"') {
      ++at_;
      return true;
    }
    if (!(*at_ == '\\' ? escape() : character())) return false;
  }
}

bool JsonScanner::escape() {
  if (end_ - at_ < 2) return fail("a string has no end");
  switch (at_[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      at_ += 2;
      return true;
    case 'u':
      if (end_ - at_ < 6) return fail("a string has no end");
      for (int i = 2; i < 6; ++i) {
        if (hex_value(at_[i]) < 0) return fail("\\u without four hexadecimal digits");
      }
      at_ += 6;
      return true;
    default:
      return fail("an escape that JSON does not know");
  }
}

bool JsonScanner::character() {
  if (static_cast<unsigned char>(*at_) < 0x20) return fail("a control character in a string");
  const std::size_t length = sequence_length(at_, end_);
  if (length == 0) return fail("not valid UTF-8");
  at_ += length;
  return true;
}

JsonSpan member(JsonSpan object, std::string_view name) {
  JsonSpan found;
  for_each_member(object, [&](JsonSpan key, JsonSpan value) {
    if (key.is(name)) found = value;
  });
  return found;
}

}  // namespace meantime::mcp
