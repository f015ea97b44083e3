// SPDX-License-Identifier: MIT
// loopback_consent.hpp: the user agrees in a browser, which is then sent to a port of this machine (RFC 8252).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "auth/oauth_settings.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime::auth {

struct LoopbackSettings {
  std::uint16_t port = 0;  ///< 0: the one of the last run, else any.
  std::string path = "/callback";
  std::chrono::seconds limit{300};  ///< For the user.
};

/// `open` shows the URL to the user: prints it, or starts a browser.
[[nodiscard]] std::unique_ptr<Consent> make_loopback_consent(boost::asio::io_context& loop, LoopbackSettings settings,
                                                             std::function<void(const std::string& url)> open);

}  // namespace meantime::auth
