// SPDX-License-Identifier: MIT
// event_log.hpp: the SSE events of one session that can be asked for again (handshake family): every event has an id
// that names its stream, and a client that comes back with the last one gets the rest of that stream. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace meantime::mcp {

class EventLog {
 public:
  struct Limits {
    std::size_t bytes = std::size_t{4} << 20;  ///< Of all events kept; the newest one is kept whatever its size.
    std::size_t events = 1'000;
  };
  using Stream = std::uint64_t;

  /// What a returning client gets: the stream, and its events since, oldest first. Views until the next add().
  struct Replay {
    struct Event {
      std::string id;
      std::string_view data;
    };
    Stream stream = 0;
    std::vector<Event> events;
    bool complete = true;  ///< False: older ones were dropped by the limits.
    bool ended = false;    ///< The stream's answer is among what was kept or was seen: nothing more will come.
  };

  EventLog() = default;
  explicit EventLog(Limits limits) : limits_(limits) {}

  [[nodiscard]] Stream open();
  /// Keeps an event; its id is unique in the session. Empty data: the priming event, of which only the id matters.
  [[nodiscard]] std::string add(Stream stream, std::string_view data);
  /// Nothing more will come on it.
  void end(Stream stream);
  /// After `last_event_id`. None: no id of this session.
  [[nodiscard]] std::optional<Replay> replay(std::string_view last_event_id) const;

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t events() const noexcept { return events_.size(); }

 private:
  struct Entry {
    Stream stream;
    std::uint64_t number;
    std::string data;
  };
  struct State {
    std::uint64_t last = 0;     // number of its newest event
    std::uint64_t dropped = 0;  // newest number that is not kept any more
    bool ended = false;
    std::size_t kept = 0;
  };

  void drop_oldest();

  Limits limits_;
  std::deque<Entry> events_;
  std::unordered_map<Stream, State> streams_;
  Stream last_stream_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace meantime::mcp
