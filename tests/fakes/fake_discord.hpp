// SPDX-License-Identifier: MIT
// fake_discord.hpp: Discord's REST API v10 as far as messages go: one bot, one webhook. Threads: the loop's.
#pragma once

#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

class FakeDiscord final : public FakePlatform {
 public:
  struct Settings {
    std::string token;         ///< The bot's.
    std::string channel;       ///< Its channel, and the webhook's.
    std::string webhook_path;  ///< "/api/webhooks/<id>/<token>"; empty: there is none.
  };
  FakeDiscord(boost::asio::io_context& io, Clock& clock, Settings settings)
      : FakePlatform(io, clock), settings_(std::move(settings)) {}

  /// An answer as Discord gives it.
  [[nodiscard]] static FakeAnswer error(int status, int code, std::string_view message);
  [[nodiscard]] static FakeAnswer limit(std::string_view retry_after, bool global);
  /// Headers of the next answers: the bucket is empty for so many seconds. Empty: it is not.
  void say_empty_for(std::string seconds) { empty_for_ = std::move(seconds); }

 private:
  FakeAnswer answer(const FakeRequest& request) override;
  FakeAnswer message(const FakeRequest& request, const std::string& channel, bool webhook);

  Settings settings_;
  std::string empty_for_;
};

}  // namespace meantime::test
