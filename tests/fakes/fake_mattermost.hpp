// SPDX-License-Identifier: MIT
// fake_mattermost.hpp: Mattermost's REST API v4 as far as posts and files go, and one incoming webhook.
// Threads: the loop's.
#pragma once

#include <map>
#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

class FakeMattermost final : public FakePlatform {
 public:
  struct Settings {
    std::string token;
    std::string channel;
    std::string webhook_path;  ///< "/hooks/..."; empty: there is none.
  };
  FakeMattermost(boost::asio::io_context& io, Clock& clock, Settings settings)
      : FakePlatform(io, clock), settings_(std::move(settings)) {}

  [[nodiscard]] static FakeAnswer error(int status, std::string_view id, std::string_view message);

 private:
  FakeAnswer answer(const FakeRequest& request) override;
  FakeAnswer post(const FakeRequest& request);
  FakeAnswer upload(const FakeRequest& request);
  FakeAnswer webhook(const FakeRequest& request);

  Settings settings_;
  std::map<std::string, std::pair<std::string, std::string>, std::less<>> files_;  // id to name and bytes
};

}  // namespace meantime::test
