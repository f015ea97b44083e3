// SPDX-License-Identifier: MIT
// matrix.hpp: rooms of a Matrix server, as a user of it (client-server API v3). Rooms that are not encrypted.
#pragma once

#include <set>
#include <string>

#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/web.hpp"
#include "delivery/render/limits.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// An event has at most 65,536 bytes of JSON, with the server's own signatures and ids; both bodies count.
inline constexpr render::Limits matrix_limits{
    .markup = render::Markup::html,
    .unit = render::Unit::json_bytes,
    .hard = 58'000,
    .fence_language = true,
    .inner_fence = render::InnerFence::longer_marker,
    .takes_files = true,
};
inline constexpr AdapterTraits matrix_traits{
    .repeats = Repeats::noticed_soon,  // by the transaction id; Synapse has forgotten it after half an hour
    .notices_for = std::chrono::minutes(30),
    .channels_at_once = 1,  // the limit is the user's: 1 message in 5 s after 10 at once, as Synapse comes
    .between_messages = Milliseconds(5'000),
    .burst = 10,
};
inline constexpr std::size_t matrix_file_bytes = 10'000'000;

struct MatrixSettings {
  WebPlace place;    ///< base_url: the homeserver's, https://matrix.example.org
  Secret token;      ///< An access token. Its device must stay the same, or repeated messages are not noticed.
  std::string link;  ///< As link_to() takes it.
};

class MatrixAdapter final : public Adapter {
 public:
  /// Both outlive it.
  MatrixAdapter(MatrixSettings settings, http::Client& client, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return matrix_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  // One exchange as the user whose token it is; what comes back does not hold it.
  Task<WebAnswer> ask(const std::string& token, std::string method, std::string path, std::string_view type = {},
                      std::string body = {});
  // Absent: the room takes what is not encrypted, as far as is known.
  Task<std::optional<SendAnswer>> refuse_encrypted(const std::string& token, const std::string& room);
  // The content's address, or what stands in the way.
  Task<std::expected<std::string, SendAnswer>> upload(const std::string& token, const std::string& file_name,
                                                      std::string bytes);
  Task<SendAnswer> put_event(const std::string& token, const std::string& room, const std::string& key,
                             std::string event);
  [[nodiscard]] SendAnswer judge(const http::Response& answer);

  MatrixSettings settings_;
  http::Client& client_;
  Clock& clock_;
  std::set<std::string, std::less<>> plain_rooms_;
};

}  // namespace meantime::delivery
