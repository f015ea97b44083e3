// SPDX-License-Identifier: MIT
// event_stream.hpp: one SSE answer that may lie open for long. Threads: the loop's.
#pragma once

#include <list>
#include <string>
#include <string_view>

#include "http/exchange.hpp"
#include "mcp/sse.hpp"

namespace meantime::serve {

class HttpDoor;

/// An answer that is begun at the first event; comments keep it alive until it ends or its client goes.
class EventStream {
 public:
  EventStream(HttpDoor& door, http::Exchange& exchange, std::string extra_headers)
      : door_(door), exchange_(&exchange), headers_(std::move(extra_headers)) {}
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();

  [[nodiscard]] bool begun() const noexcept { return begun_; }
  [[nodiscard]] bool open() const noexcept { return exchange_ != nullptr; }
  void begin();
  void event(std::string_view id, std::string_view data);
  void retry(std::uint64_t milliseconds);
  void comment();
  /// The whole answer in one piece, where nothing was begun.
  void respond(int status, std::string_view json);
  void end();
  /// The client is gone: nothing may be written any more.
  void gone() noexcept;
  [[nodiscard]] http::Exchange* exchange() const noexcept { return exchange_; }

 private:
  friend class HttpDoor;
  HttpDoor& door_;
  http::Exchange* exchange_;
  std::string headers_;
  bool begun_ = false;
  bool listed_ = false;
  bool silent_ = true;  // since the last look
  std::list<EventStream*>::iterator place_;
};

}  // namespace meantime::serve
