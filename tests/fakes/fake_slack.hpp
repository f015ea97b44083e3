// SPDX-License-Identifier: MIT
// fake_slack.hpp: Slack's Web API as far as messages and files go, and one incoming webhook. Threads: the loop's.
#pragma once

#include <map>
#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

class FakeSlack final : public FakePlatform {
 public:
  struct Settings {
    std::string token;
    std::string channel;
    std::string webhook_path;  ///< "/services/T.../B.../..."; empty: there is none.
  };
  FakeSlack(boost::asio::io_context& io, Clock& clock, Settings settings)
      : FakePlatform(io, clock), settings_(std::move(settings)) {}

  /// Status 200 and {"ok":false,"error":...}.
  [[nodiscard]] static FakeAnswer error(std::string_view word);

 private:
  struct Upload {
    std::string name;
    std::size_t length = 0;
    std::string bytes;
  };
  FakeAnswer answer(const FakeRequest& request) override;
  FakeAnswer web_api(const FakeRequest& request, std::string_view method);
  FakeAnswer post_message(const FakeRequest& request);
  FakeAnswer begin_upload(const FakeRequest& request);
  FakeAnswer receive_upload(const FakeRequest& request);
  FakeAnswer complete_upload(const FakeRequest& request);
  FakeAnswer webhook(const FakeRequest& request);

  Settings settings_;
  std::map<std::string, Upload, std::less<>> uploads_;
};

}  // namespace meantime::test
