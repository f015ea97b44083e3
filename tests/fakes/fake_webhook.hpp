// SPDX-License-Identifier: MIT
// fake_webhook.hpp: a receiver of signed events as Standard Webhooks wants one. Threads: the loop's.
#pragma once

#include <string>
#include <vector>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

class FakeWebhook final : public FakePlatform {
 public:
  /// `key`: the bytes behind `whsec_`, decoded.
  FakeWebhook(boost::asio::io_context& io, Clock& clock, std::string path, std::string key);
  static constexpr Milliseconds remembers = std::chrono::hours(24);

 protected:
  FakeAnswer answer(const FakeRequest& request) override;

 private:
  /// What is wrong with the signature; empty: nothing.
  [[nodiscard]] std::string fault_of_signature(const FakeRequest& request);

  std::string path_;
  std::string key_;
};

}  // namespace meantime::test
