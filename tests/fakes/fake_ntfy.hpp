// SPDX-License-Identifier: MIT
// fake_ntfy.hpp: an ntfy server with one user. Threads: the loop's.
#pragma once

#include <string>

#include "fakes/fake_platform.hpp"

namespace meantime::test {

struct FakeNtfyOptions {
  std::string token = "tk_token";
  std::string topic = "builds";  ///< The one that the user may write to.
  bool takes_files = true;
};

class FakeNtfy final : public FakePlatform {
 public:
  FakeNtfy(boost::asio::io_context& io, Clock& clock, FakeNtfyOptions options = {});

 protected:
  FakeAnswer answer(const FakeRequest& request) override;

 private:
  FakeAnswer document(const FakeRequest& request);
  FakeAnswer file(const FakeRequest& request);
  FakeAnswer taken(FakeMessage message);

  FakeNtfyOptions options_;
};

}  // namespace meantime::test
