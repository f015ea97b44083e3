// SPDX-License-Identifier: MIT
// fake_telegram.hpp: Telegram's Bot API as far as messages and documents go. Threads: the loop's.
#pragma once

#include <boost/json/array.hpp>
#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

class FakeTelegram final : public FakePlatform {
 public:
  struct Settings {
    std::string token;
    std::string chat;  ///< Its number.
  };
  FakeTelegram(boost::asio::io_context& io, Clock& clock, Settings settings)
      : FakePlatform(io, clock), settings_(std::move(settings)) {}

  /// An error as Telegram gives it; `parameters` is JSON, or empty.
  [[nodiscard]] static FakeAnswer error(int code, std::string_view description, std::string_view parameters = {});
  /// From now on the chat has another number, and the old one says so.
  void move_chat(std::string number) { moved_to_ = std::move(number); }
  /// Texts of the next messages with entities are refused.
  void refuse_entities() { refuses_entities_ = true; }

 private:
  FakeAnswer answer(const FakeRequest& request) override;
  FakeAnswer send_message(const FakeRequest& request);
  FakeAnswer send_document(const FakeRequest& request);
  FakeAnswer keep(FakeMessage message, const boost::json::array* entities, std::size_t longest);

  Settings settings_;
  std::string moved_to_;
  bool refuses_entities_ = false;
};

}  // namespace meantime::test
