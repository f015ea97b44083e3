// SPDX-License-Identifier: MIT
// ntfy.hpp: topics of an ntfy server: pushes to telephones.
#pragma once

#include <optional>
#include <string>

#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web.hpp"
#include "delivery/render/limits.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// A longer message would come as a file whose name says nothing.
inline constexpr render::Limits ntfy_limits{
    .markup = render::Markup::plain,
    .unit = render::Unit::bytes,
    .hard = 4'096,
    .takes_files = true,
};
inline constexpr AdapterTraits ntfy_traits{
    .repeats = Repeats::not_noticed,
    .channels_at_once = 2,                    // 60 requests, and one more every five seconds, of one sender
    .between_messages = Milliseconds(5'000),  // in one topic
    .burst = 20,
};
inline constexpr std::size_t ntfy_file_bytes = 2'000'000;  ///< What ntfy.sh takes; servers of one's own take 15 MB.

struct NtfySettings {
  WebPlace place;               ///< base_url: https://ntfy.sh, or a server of one's own
  std::optional<Secret> token;  ///< `tk_...`; absent: the topic is open, and its name is the only secret.
  std::string link;             ///< As link_to() takes it: opened by a tap.
};

class NtfyAdapter final : public Adapter {
 public:
  /// Both outlive it.
  NtfyAdapter(NtfySettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return ntfy_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  [[nodiscard]] SendAnswer judge(const http::Response& answer);

  NtfySettings settings_;
  http::Client& client_;
  Clock& clock_;
};

}  // namespace meantime::delivery
