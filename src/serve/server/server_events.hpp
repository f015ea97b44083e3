// SPDX-License-Identifier: MIT
// server_events.hpp: what a server tells whoever listens to it.
#pragma once

#include <cstdint>
#include <string_view>

namespace meantime::serve {

/// What a server tells those who listen to it; each door's streams are such listeners.
class ServerEvents {
 public:
  enum class List : std::uint8_t { tools, prompts, resources };
  virtual ~ServerEvents() = default;
  virtual void on_list_changed(List list) = 0;
  virtual void on_resource_updated(std::string_view uri) = 0;
  /// The server goes: streams that lie open end in order.
  virtual void on_closing() = 0;
};

}  // namespace meantime::serve
