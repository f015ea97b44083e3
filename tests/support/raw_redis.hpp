// SPDX-License-Identifier: MIT
// raw_redis.hpp: a small blocking Redis client (RESP2) that shares nothing with the product's own, so that what we
// write is read by a second implementation. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/descriptor.hpp"

namespace meantime::test {

/// One answer of the server; errors are answers too.
struct RedisValue {
  enum class Kind : std::uint8_t { null, integer, string, status, error, array };
  Kind kind = Kind::null;
  std::int64_t number = 0;
  std::string text;  ///< Of string, status and error.
  std::vector<RedisValue> items;

  [[nodiscard]] bool is_null() const { return kind == Kind::null; }
  [[nodiscard]] bool is_error() const { return kind == Kind::error; }
  /// As redis-cli shows it, on one line: for messages of failing tests.
  [[nodiscard]] std::string shown() const;
  friend bool operator==(const RedisValue&, const RedisValue&) = default;
};

struct RedisMessage {
  std::string channel;
  std::string payload;
  friend bool operator==(const RedisMessage&, const RedisMessage&) = default;
};

/// The connection was cut, or nothing came within the limit.
class RedisGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A command as bytes on the wire: an array of bulk strings.
[[nodiscard]] std::string redis_command(const std::vector<std::string>& words);

class RawRedis {
 public:
  using Words = std::vector<std::string>;
  using Milliseconds = std::chrono::milliseconds;

  /// Connects. Errors: here and below, RedisGone when the server cannot be reached or is silent for `limit()`.
  static RawRedis tcp(std::uint16_t port, const std::string& address = "127.0.0.1");
  static RawRedis unix_socket(const std::string& path);

  /// Sends one command and waits for its answer, which may be an error.
  RedisValue command(const Words& words);
  /// The same, where an error is not expected. Errors: throws std::runtime_error with the server's words.
  RedisValue ask(const Words& words);
  /// Sends all, then reads all answers.
  std::vector<RedisValue> pipeline(const std::vector<Words>& commands);
  /// Every key, by SCAN; no order, each once.
  std::vector<std::string> keys(const std::string& pattern = "*");

  /// Returns when the server has confirmed. From then on only these and next_message() may be used.
  void subscribe(const Words& channels);
  void subscribe_pattern(const Words& patterns);
  /// The next published message; absent when none comes within `limit`.
  std::optional<RedisMessage> next_message(Milliseconds limit);

  /// Bytes as they are, and the next answer whatever it belongs to (MONITOR's lines, too); absent after `limit`.
  void send(std::string_view bytes);
  std::optional<RedisValue> receive(Milliseconds limit);
  /// The next `count` bytes, as they came.
  std::string receive_bytes(std::size_t count);

  [[nodiscard]] Milliseconds limit() const { return limit_; }
  void set_limit(Milliseconds limit) { limit_ = limit; }

 private:
  explicit RawRedis(Descriptor socket) : socket_(std::move(socket)) {}
  RedisValue answer();
  bool fill(std::chrono::steady_clock::time_point give_up_at);
  void confirm(const std::string& verb, const Words& names);

  Descriptor socket_;
  std::string unread_;
  std::size_t read_ = 0;             // how much of it was given out
  std::vector<RedisMessage> early_;  // messages that came between two confirmations
  Milliseconds limit_ = std::chrono::seconds(30);
};

}  // namespace meantime::test
