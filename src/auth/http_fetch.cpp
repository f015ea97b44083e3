// SPDX-License-Identifier: MIT
#include "auth/http_fetch.hpp"

namespace meantime::auth {
namespace {

constexpr std::size_t longest_body = 1U << 20U;

Task<Result<WebAnswer>> send(http::Client& client, FetchOptions options, WebRequest request) {
  http::ClientRequest out;
  out.method = std::move(request.method);
  out.url = std::move(request.url);
  for (auto& each : request.headers) out.headers.emplace_back(std::move(each.name), std::move(each.value));
  out.body = std::move(request.body);
  out.total_timeout = std::chrono::seconds(30);
  out.max_body = longest_body;
  out.ca_file = std::move(options.ca_file);
  out.addresses = options.addresses;
  auto response = co_await client.send(std::move(out));
  if (!response) co_return std::unexpected(response.error());
  WebAnswer answer{.status = response->status, .headers = {}, .body = std::move(response->body)};
  for (auto& [name, value] : response->headers) answer.headers.push_back({std::move(name), std::move(value)});
  co_return answer;
}

}  // namespace

Fetch fetch_over(http::Client& client, FetchOptions options) {
  return
      [&client, options = std::move(options)](WebRequest request) { return send(client, options, std::move(request)); };
}

}  // namespace meantime::auth
