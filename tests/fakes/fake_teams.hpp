// SPDX-License-Identifier: MIT
// fake_teams.hpp: a workflow of Microsoft Teams that writes cards into one channel. Threads: the loop's.
#pragma once

#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

class FakeTeams final : public FakePlatform {
 public:
  /// `secret_path`: path and query of the workflow's address.
  FakeTeams(boost::asio::io_context& io, Clock& clock, std::string secret_path, std::string channel);

 protected:
  FakeAnswer answer(const FakeRequest& request) override;

 private:
  std::string secret_path_;
  std::string channel_;
};

}  // namespace meantime::test
