// SPDX-License-Identifier: MIT
// request_state.hpp: `requestState` of a round of input: opaque to the client, bound to who asked for what, and for how
// long; whatever was changed on the way is refused. Pure: the MAC comes from outside.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "mcp/json_rpc.hpp"
#include "meantime/clock.hpp"

namespace meantime::mcp {

/// A keyed MAC of at least 128 bits, e.g. HMAC-SHA256.
class StateKey {
 public:
  [[nodiscard]] virtual std::string mac(std::string_view bytes) const = 0;

 protected:
  ~StateKey() = default;
};

/// What a state is good for: the same principal, method and params (but for `_meta`, responses and the state itself;
/// however they are written).
[[nodiscard]] std::string state_binding(std::string_view principal, const Message& request);

/// `payload` is any bytes; readable by the client, not changeable.
[[nodiscard]] std::string seal_state(const StateKey& key, std::string_view payload, std::string_view binding,
                                     WallTime expires);

/// The payload. Errors: what to say with a -32602 (changed, expired, or made for another request: never which).
[[nodiscard]] std::expected<std::string, std::string> open_state(const StateKey& key, std::string_view state,
                                                                 std::string_view binding, WallTime now);

}  // namespace meantime::mcp
