// SPDX-License-Identifier: MIT
// reply.hpp: the two ends of one request: where its messages go, and what a door holds of it while it is open.
#pragma once

#include <string_view>

namespace meantime::serve {

/// The client's end of one request. Doors implement it. Messages are JSON texts without a newline.
class Reply {
 public:
  virtual ~Reply() = default;
  /// A notification or request that belongs to this request and comes before its answer.
  virtual void message(std::string_view json) = 0;
  /// The answer. `http_status` is for an answer over HTTP that nothing came before. Nothing may follow, and the door
  /// may let go of the request inside this call.
  virtual void end(std::string_view json, int http_status) = 0;
};

/// A request that is not answered yet. Destroying it gives the request up: what has not become a task is cancelled.
class OpenRequest {
 public:
  virtual ~OpenRequest() = default;
  /// The client is gone, and that is no cancel (handshake family): a tool's call goes to the background, where it can
  /// be found. Keep the request until it has ended.
  virtual void detach() {}
};

}  // namespace meantime::serve
