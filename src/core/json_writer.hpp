// SPDX-License-Identifier: MIT
// json_writer.hpp: appends JSON to a string, for what we send; documents that come in are read by Boost.JSON.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace meantime {

/// Appends `text` with quotes and escapes. `text` is valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// Writes one JSON value. Commas come by themselves; keys and values alternate inside objects.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  template <class Bool>
    requires std::same_as<Bool, bool>
  JsonWriter& value(Bool flag) {
    return raw(flag ? "true" : "false");
  }
  template <class Number>
    requires(std::integral<Number> && !std::same_as<Number, bool>)
  JsonWriter& value(Number number) {
    return raw(std::to_string(number));
  }
  /// Shortest form, without an exponent where a person would not write one; NaN and infinities become null.
  JsonWriter& value(double number);
  JsonWriter& null() { return raw("null"); }
  /// A value that is JSON already.
  JsonWriter& raw(std::string_view json);

  template <class Value>
  JsonWriter& field(std::string_view name, Value&& v) {
    return key(name).value(std::forward<Value>(v));
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool need_comma_ = false;
};

}  // namespace meantime
