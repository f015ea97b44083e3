// SPDX-License-Identifier: MIT
// sse.hpp: server-sent events: written by a server, read by a client however the bytes arrive. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace meantime::mcp {

/// Appends one event. Empty id or event name: left out; line ends inside the data are kept. A trailing newline of
/// `data` is not part of it (messages are built with one).
void append_event(std::string& out, std::string_view id, std::string_view event, std::string_view data);
/// How long a client waits before it comes back.
void append_retry(std::string& out, std::uint64_t milliseconds);
/// A comment: keeps a silent connection alive.
void append_comment(std::string& out, std::string_view text);

/// One event as a client gets it.
struct SseEvent {
  std::string event;              ///< Its name; empty means "message".
  std::string data;               ///< May be empty: a priming event has an id alone.
  std::optional<std::string> id;  ///< Where the event set one.
};

/// Cuts a stream into events: LF, CR LF and CR line ends, comments, a byte order mark at the start. Events without a
/// single data line are given only where they set an id. An id with a NUL, and a retry that is no number, are ignored.
class SseParser {
 public:
  explicit SseParser(std::size_t max_event_bytes) : max_(max_event_bytes) {}

  /// False: an event is over the limit; the stream is of no use any more.
  [[nodiscard]] bool feed(std::string_view bytes);
  [[nodiscard]] std::optional<SseEvent> next();

  /// Of the newest event that was dispatched; what a client says when it comes back. Empty: none.
  [[nodiscard]] const std::string& last_event_id() const noexcept { return last_id_; }
  /// What the server asked for with `retry`.
  [[nodiscard]] std::optional<std::uint64_t> retry_ms() const noexcept { return retry_ms_; }

 private:
  void take_line(std::string_view line);
  void dispatch();

  std::size_t max_;
  std::string line_;  // begun, not ended
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool failed_ = false;
  bool first_ = true;
  std::deque<SseEvent> ready_;
  std::string last_id_;
  std::optional<std::uint64_t> retry_ms_;
};

}  // namespace meantime::mcp
