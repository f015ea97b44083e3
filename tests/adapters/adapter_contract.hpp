// SPDX-License-Identifier: MIT
// adapter_contract.hpp: what every adapter has to do, whatever platform it is for. A new adapter joins with
//   INSTANTIATE_TEST_SUITE_P(Its, AdapterContract, testing::Values(AdapterKind{...}), adapter_name);
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "delivery/adapters/secret.hpp"
#include "delivery/render/limits.hpp"
#include "fakes/fake_platform.hpp"
#include "http/client.hpp"
#include "meantime/adapter.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {

/// An answer of the platform, and what follows from it.
struct AnswerCase {
  std::string name;  ///< Shown when it fails.
  FakeAnswer answer;
  SendVerdict verdict = SendVerdict::payload;
  Milliseconds after{0};           ///< With retry_after; 0: not looked at.
  bool whole_destination = false;  ///< With retry_after.
};

/// What an adapter is made with.
struct AdapterParts {
  std::string base_url;     ///< The fake's.
  delivery::Secret secret;  ///< AdapterKind::secret, in a file.
  /// The same with the fake's address before it: for webhooks, whose whole address is a secret.
  delivery::Secret secret_url;
  http::Client& client;
  Clock& clock;
};

/// One adapter with its fake.
struct AdapterKind {
  std::string name;  ///< Letters and digits.
  std::string channel;
  std::string wrong_channel;  ///< check() refuses it; empty: there is none.
  std::string secret;  ///< What must not stand in any text: a token, or the path of a webhook's URL ("/hooks/x").
  render::Limits limits;
  /// In place of what is at the path that takes the message: "" any. Faults of the suite are met there.
  std::string message_path;
  /// Gives a fake that takes `secret` for `channel`.
  std::function<std::unique_ptr<FakePlatform>(boost::asio::io_context&, Clock&)> make_fake;
  std::function<std::unique_ptr<Adapter>(AdapterParts)> make_adapter;
  std::vector<AnswerCase> answers;
  /// How long the platform remembers what it took, by its own rule; 0: it notices no repetition.
  Milliseconds remembers{0};
  bool names_messages = true;  ///< Its answers hold an id.
};

/// Shown by GoogleTest in place of its bytes.
inline void PrintTo(const AdapterKind& kind, std::ostream* out) {
  *out << kind.name;
}

inline std::string adapter_name(const testing::TestParamInfo<AdapterKind>& info) {
  return info.param.name;
}

class AdapterContract : public testing::TestWithParam<AdapterKind> {
 protected:
  AdapterContract();
  ~AdapterContract() override;

  [[nodiscard]] std::unique_ptr<Adapter> make_adapter();
  /// A task that ended with this.
  [[nodiscard]] Message message(std::string text, std::string error = {}) const;
  [[nodiscard]] std::vector<std::string> plan(const Message& message);
  /// Message `number` of `chunks`, from 1 on, with a key of that number's own.
  [[nodiscard]] Outgoing outgoing(const std::vector<std::string>& chunks, std::uint32_t number,
                                  bool maybe_repeated = false);
  [[nodiscard]] SendAnswer send(Outgoing message);
  /// Says hello.
  [[nodiscard]] SendAnswer send_one(bool maybe_repeated = false);
  [[nodiscard]] Redirect redirect() const;
  static Task<Result<std::string>> ready_text(std::string text);

  const AdapterKind& kind_ = GetParam();
  boost::asio::io_context io_;
  ManualClock clock_{io_};
  Loop loop_{io_};
  TempFolder folder_;
  std::unique_ptr<FakePlatform> fake_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<Adapter> adapter_;
  std::string whole_text_ = "the whole text";
};

/// A text whose file the platform did not take: it says how the whole is read, and speaks of no file that is there.
inline auto WithoutItsFile() {
  using ::testing::HasSubstr;
  return ::testing::AllOf(HasSubstr("The file could not be attached. The whole output: check"),
                          ::testing::Not(HasSubstr("is in the file")));
}

}  // namespace meantime::test
