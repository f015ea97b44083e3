// SPDX-License-Identifier: MIT
// mail.hpp: letters by a mail server that takes them from its users (SMTP, STARTTLS).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "delivery/adapters/secret.hpp"
#include "delivery/adapters/smtp.hpp"
#include "delivery/render/limits.hpp"
#include "engine/blocking_pool.hpp"
#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"

namespace meantime::delivery {

// Servers take megabytes; people do not read them in a letter.
inline constexpr render::Limits mail_limits{
    .markup = render::Markup::plain,
    .unit = render::Unit::bytes,
    .hard = 100'000,
    .max_chunks = 1,
    .takes_files = true,
};
inline constexpr AdapterTraits mail_traits{
    .repeats = Repeats::not_noticed,  // by its Message-ID, where the receiver's mailbox cares
    .channels_at_once = 2,
    .between_messages = Milliseconds(1'000),
    .burst = 10,
};
inline constexpr std::size_t mail_file_bytes = 7'000'000;  ///< Ten megabytes in base64, which most servers take.
inline constexpr std::size_t mail_most_receivers = 20;

struct MailSettings {
  MailServer server;
  std::optional<Secret> password;  ///< Of server.user.
  std::string from;                ///< One address, as meantime@example.org.
  std::string link;                ///< As link_to() takes it.
};

/// A channel is one address, or several with commas between; all get one letter.
class MailAdapter final : public Adapter {
 public:
  /// Both outlive it.
  MailAdapter(MailSettings settings, Loop& loop, Clock& clock);
  [[nodiscard]] AdapterTraits traits() const noexcept override { return mail_traits; }
  [[nodiscard]] Result<void> check(const Redirect& redirect) const override;
  [[nodiscard]] Result<std::vector<std::string>> plan(const Message& message) const override;
  [[nodiscard]] Task<SendAnswer> send(Outgoing message) override;

 private:
  [[nodiscard]] Result<Letter> letter_of(const Outgoing& message, const std::string& subject) const;

  MailSettings settings_;
  Clock& clock_;
  BlockingPool pool_;
};

}  // namespace meantime::delivery
