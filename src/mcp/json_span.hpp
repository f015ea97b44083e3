// SPDX-License-Identifier: MIT
// json_span.hpp: reads JSON where it stands: checks it once from front to back and gives views of the values asked for,
// so that everything else of a message travels on byte for byte. Pure: no I/O, no allocation but where text is decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meantime::mcp {

/// One JSON value as it stands in a text that was checked: its bytes, from its first to its last character.
class JsonSpan {
 public:
  enum class Kind : std::uint8_t { none, object, array, string, number, boolean, null };

  constexpr JsonSpan() noexcept = default;
  /// `raw` is one valid JSON value without white space around it, or empty: no value.
  constexpr explicit JsonSpan(std::string_view raw) noexcept : raw_(raw) {}

  [[nodiscard]] constexpr std::string_view raw() const noexcept { return raw_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return !raw_.empty(); }
  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::string; }
  [[nodiscard]] bool is_object() const noexcept { return kind() == Kind::object; }
  [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::array; }

  /// A string that reads `text`, however it is escaped.
  [[nodiscard]] bool is(std::string_view text) const;
  /// A string's characters; empty for every other kind. An escaped lone surrogate becomes U+FFFD.
  [[nodiscard]] std::string text() const;
  /// A number without fraction and exponent, within the range.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] std::optional<double> number() const noexcept;
  [[nodiscard]] std::optional<bool> boolean() const noexcept;

 private:
  std::string_view raw_;
};

/// Appends what `raw`, the inside of a JSON string, stands for.
void append_unescaped(std::string& out, std::string_view raw);

/// Walks over one JSON text (RFC 8259, valid UTF-8, at most `max_depth` deep) without recursion. Every function checks
/// what it passes over; the first fault ends the walk: all later calls answer false.
/// Two members of the same name: callers see both, in order; those of this folder let the last one win, as JSON.parse
/// does.
class JsonScanner {
 public:
  static constexpr unsigned max_depth = 512;

  explicit JsonScanner(std::string_view text) noexcept
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  /// Passes over one value of any kind.
  bool value(JsonSpan& out);
  bool skip() {
    JsonSpan ignored;
    return value(ignored);
  }

  /// Passes over one object and calls `on_member(JsonSpan key)` at each member's value; the callback passes over that
  /// value with this scanner and answers whether it could. A value that is no object is passed over as it is.
  template <class OnMember>
  bool object(JsonSpan& out, OnMember&& on_member) {
    if (!next_is('{')) return value(out);
    const char* start = at_;
    if (!enter()) return false;
    for (bool more = !leave_if('}'); more;) {
      JsonSpan name;
      if (!key(name) || !on_member(name) || !separator('}', more)) return stop();
    }
    --depth_;
    out = JsonSpan({start, static_cast<std::size_t>(at_ - start)});
    return true;
  }

  /// The same for an array: `on_element()` passes over one element.
  template <class OnElement>
  bool array(JsonSpan& out, OnElement&& on_element) {
    if (!next_is('[')) return value(out);
    const char* start = at_;
    if (!enter()) return false;
    for (bool more = !leave_if(']'); more;) {
      if (!on_element() || !separator(']', more)) return stop();
    }
    --depth_;
    out = JsonSpan({start, static_cast<std::size_t>(at_ - start)});
    return true;
  }

  /// True when nothing but white space is left.
  bool at_end();

  /// What is wrong, and where, as "...: byte 17"; empty while nothing is.
  [[nodiscard]] std::string fault() const;
  /// The byte at which it is wrong.
  [[nodiscard]] std::size_t fault_offset() const noexcept { return fault_at_; }
  /// True when the fault is the depth and not the grammar.
  [[nodiscard]] bool too_deep() const noexcept { return too_deep_; }

 private:
  bool next_is(char wanted) noexcept;
  bool enter();
  bool leave_if(char closing) noexcept;
  bool key(JsonSpan& out);
  bool separator(char closing, bool& more);
  bool string();
  bool escape();
  bool character();
  bool scalar();
  bool number();
  bool literal(std::string_view word);
  bool container();
  void skip_space() noexcept;
  bool fail(const char* what) noexcept;
  bool stop() noexcept { return fail("a value cannot be read"); }

  const char* begin_;
  const char* at_;
  const char* end_;
  unsigned depth_ = 0;
  const char* fault_ = nullptr;
  std::size_t fault_at_ = 0;
  bool too_deep_ = false;
};

/// The member `name` of a checked object; the last one where there are several; none where there is none.
[[nodiscard]] JsonSpan member(JsonSpan object, std::string_view name);

/// Calls `visit(key, value)` for every member of a checked object, in order.
template <class Visit>
void for_each_member(JsonSpan object, Visit&& visit) {
  JsonScanner scanner(object.raw());
  JsonSpan whole;
  if (!object.is_object()) return;
  scanner.object(whole, [&](JsonSpan key) {
    JsonSpan value;
    if (!scanner.value(value)) return false;
    visit(key, value);
    return true;
  });
}

/// Calls `visit(element)` for every element of a checked array, in order.
template <class Visit>
void for_each_element(JsonSpan array, Visit&& visit) {
  JsonScanner scanner(array.raw());
  JsonSpan whole;
  if (!array.is_array()) return;
  scanner.array(whole, [&] {
    JsonSpan value;
    if (!scanner.value(value)) return false;
    visit(value);
    return true;
  });
}

}  // namespace meantime::mcp
