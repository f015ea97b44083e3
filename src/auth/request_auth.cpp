// SPDX-License-Identifier: MIT
#include "auth/request_auth.hpp"

namespace meantime::auth {
namespace {

class FixedAuth final : public RequestAuth {
 public:
  explicit FixedAuth(std::vector<WebHeader> headers) : headers_(std::move(headers)) {}
  Task<Result<std::vector<WebHeader>>> credentials(std::string, std::string) override { co_return headers_; }
  Task<Result<bool>> refused(std::string, std::string, Refusal) override { co_return false; }

 private:
  std::vector<WebHeader> headers_;
};

}  // namespace

std::unique_ptr<RequestAuth> make_fixed_auth(std::vector<WebHeader> headers) {
  return std::make_unique<FixedAuth>(std::move(headers));
}

}  // namespace meantime::auth
