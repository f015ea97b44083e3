// SPDX-License-Identifier: MIT
// host_rules.hpp: which Host and Origin headers a door answers: the guard against DNS rebinding. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meantime::mcp {

/// Names of this machine (localhost, 127.0.0.1, [::1]) are allowed with any port; further ones as listed.
class HostRules {
 public:
  /// hosts: "name" (any port) or "name:port"; "*": every host. origins: "https://name[:port]", exact; "*": every one.
  HostRules() = default;
  HostRules(std::vector<std::string> hosts, std::vector<std::string> origins);

  /// An absent Host is refused: HTTP/1.1 has one.
  [[nodiscard]] bool host_allowed(std::optional<std::string_view> host) const;
  /// An absent Origin is allowed: no browser sent it. "null" is allowed only where it is listed.
  [[nodiscard]] bool origin_allowed(std::optional<std::string_view> origin) const;

  /// Why a request is refused (403), for people; none: it may pass.
  [[nodiscard]] std::optional<std::string> refuse(std::optional<std::string_view> host,
                                                  std::optional<std::string_view> origin) const;

 private:
  std::vector<std::string> hosts_;
  std::vector<std::string> origins_;
  bool any_host_ = false;
  bool any_origin_ = false;
};

}  // namespace meantime::mcp
