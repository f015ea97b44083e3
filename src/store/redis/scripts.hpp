// SPDX-License-Identifier: MIT
// scripts.hpp: every change of state is one of these Lua scripts, run whole by the server: nobody sees half of one.
// docs/redis_keys.md describes the keys; each script says in scripts.cpp what it is given and answers.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "store/redis/link.hpp"

namespace meantime::store::redis {

enum class Script : std::uint8_t {
  start,
  finish,
  late,
  progress,
  output,
  cancel,
  redirect,
  ask,
  answer,
  heartbeat,
  leave,
  reap,
  slice,
  forget,
  drop_block,
  trim,
  claim,
  plan,
  step,
  replay,
  suppress,
  pause,
  loads,
};
inline constexpr std::size_t script_count = 23;

/// The text, as the server gets it.
[[nodiscard]] std::string_view text_of(Script script) noexcept;
/// What it answers: as RedisStore::ask() takes it.
[[nodiscard]] std::string_view shape_of(Script script) noexcept;
/// The name of a text at the server: its SHA-1 in hex, known before the server has it.
[[nodiscard]] const std::string& name_of(Script script);

/// Adds SCRIPT LOAD for all of them; their answers come in order.
void add_loads(Request& request);

/// EVALSHA with its keys, then its arguments.
class ScriptCall {
 public:
  explicit ScriptCall(Script script) : script_(script) {}
  ScriptCall& key(std::string text) {
    keys_.push_back(std::move(text));
    return *this;
  }
  ScriptCall& arg(std::string text) {
    args_.push_back(std::move(text));
    return *this;
  }
  ScriptCall& arg(std::string_view text) { return arg(std::string(text)); }
  ScriptCall& arg(const char* text) { return arg(std::string(text)); }
  template <class Number>
    requires std::integral<Number>
  ScriptCall& arg(Number number) {
    return arg(std::to_string(number));
  }
  /// Says something else in argument `number`, counted as in Lua.
  void change_arg(std::size_t number, std::string text) { args_.at(number - 1) = std::move(text); }
  [[nodiscard]] std::string_view shape() const noexcept { return shape_of(script_); }
  [[nodiscard]] Request request() const;

 private:
  Script script_;
  std::vector<std::string> keys_;
  std::vector<std::string> args_;
};

}  // namespace meantime::store::redis
