// SPDX-License-Identifier: MIT
// fake_matrix.hpp: a Matrix homeserver with one user and some rooms. Threads: the loop's.
#pragma once

#include <map>
#include <set>
#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

struct FakeMatrixOptions {
  std::string token = "syt_token";
  std::set<std::string, std::less<>> rooms{"!room:example.org"};        ///< That the user has joined.
  std::set<std::string, std::less<>> encrypted{"!secret:example.org"};  ///< Of these.
  std::size_t max_upload = 50'000'000;
  Milliseconds remembers{std::chrono::minutes(30)};  ///< Transaction ids, as Synapse does.
};

class FakeMatrix final : public FakePlatform {
 public:
  FakeMatrix(boost::asio::io_context& io, Clock& clock, FakeMatrixOptions options = {});

 protected:
  FakeAnswer answer(const FakeRequest& request) override;

 private:
  FakeAnswer send(const FakeRequest& request, const std::string& room, const std::string& transaction);
  FakeAnswer upload(const FakeRequest& request);

  FakeMatrixOptions options_;
  std::map<std::string, std::string, std::less<>> uploads_;  // address to bytes
};

}  // namespace meantime::test
