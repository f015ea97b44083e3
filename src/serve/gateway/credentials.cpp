// SPDX-License-Identifier: MIT
#include "serve/gateway/credentials.hpp"

#include "auth/http_fetch.hpp"
#include "config/store_settings.hpp"

namespace meantime::serve {
namespace {

// A token that stands in a file: read again when it is refused, for it may have been replaced meanwhile.
class FileToken final : public auth::RequestAuth {
 public:
  FileToken(std::string upstream, std::string token, std::filesystem::path file,
            std::function<void(std::string_view)> log)
      : upstream_(std::move(upstream)), token_(std::move(token)), file_(std::move(file)), log_(std::move(log)) {}

  Task<Result<std::vector<auth::WebHeader>>> credentials(std::string, std::string) override {
    co_return std::vector<auth::WebHeader>{{"Authorization", authorization()}};
  }

  Task<Result<bool>> refused(std::string, std::string, auth::Refusal refusal) override {
    if (refusal.status != 401) co_return false;
    // Another request may have read the new one already.
    for (const auth::WebHeader& each : refusal.sent) {
      if (each.name == "Authorization" && each.value != authorization()) co_return true;
    }
    auto read = config::read_password(file_);
    if (!read) {
      log_("upstream '" + upstream_ + "' refuses its token, and a new one cannot be read: " + read.error().detail);
      co_return false;
    }
    if (*read == token_) co_return false;
    token_ = std::move(*read);
    co_return true;
  }

 private:
  [[nodiscard]] std::string authorization() const { return "Bearer " + token_; }

  std::string upstream_;
  std::string token_;
  std::filesystem::path file_;
  std::function<void(std::string_view)> log_;
};

// Says once what an OAuth client could not keep: tokens that end with the process are asked for again and again.
class LoggedOauth final : public auth::RequestAuth {
 public:
  LoggedOauth(std::string upstream, std::unique_ptr<auth::OauthClient> client,
              std::function<void(std::string_view)> log)
      : upstream_(std::move(upstream)), client_(std::move(client)), log_(std::move(log)) {}

  Task<Result<std::vector<auth::WebHeader>>> credentials(std::string method, std::string url) override {
    auto given = co_await client_->credentials(std::move(method), std::move(url));
    look();
    co_return given;
  }
  Task<Result<bool>> refused(std::string method, std::string url, auth::Refusal refusal) override {
    auto again = co_await client_->refused(std::move(method), std::move(url), std::move(refusal));
    look();
    co_return again;
  }

 private:
  void look() {
    const std::string& problem = client_->store_problem();
    if (problem == told_) return;
    told_ = problem;
    if (!problem.empty()) log_("upstream '" + upstream_ + "', its OAuth tokens: " + problem);
  }

  std::string upstream_;
  std::unique_ptr<auth::OauthClient> client_;
  std::function<void(std::string_view)> log_;
  std::string told_;
};

}  // namespace

std::unique_ptr<auth::OauthClient> oauth_client_of(const config::UpstreamSettings& settings, http::Client& http,
                                                   Clock& clock, Random& random, auth::TokenStore* store,
                                                   auth::Consent* consent) {
  const config::UpstreamHttp& place = *settings.http;
  const config::OauthClientSettings& given = *place.oauth;
  auth::OauthSettings oauth;
  using Kind = config::OauthClientSettings::Kind;
  oauth.grant =
      given.kind == Kind::client_credentials ? auth::Grant::client_credentials : auth::Grant::authorization_code;
  oauth.issuer = given.issuer;
  oauth.client_id = given.client_id;
  oauth.client_secret = given.client_secret;
  oauth.client_metadata_url = given.client_metadata_url;
  oauth.private_key = given.private_key;
  oauth.scopes = given.scopes;
  auth::OauthParts own;
  own.fetch = auth::fetch_over(http, {.ca_file = place.tls_ca.string()});
  own.clock = &clock;
  own.random = &random;
  own.store = store;
  own.consent = consent;
  return std::make_unique<auth::OauthClient>(settings.name, place.url, std::move(oauth), std::move(own));
}

std::unique_ptr<auth::RequestAuth> credentials_of(const config::UpstreamSettings& settings, const GatewayParts& parts,
                                                  Random& random, auth::TokenStore* store) {
  if (!settings.http) return nullptr;
  const config::UpstreamHttp& http = *settings.http;
  if (!http.bearer_token.empty() && !http.bearer_token_file.empty()) {
    return std::make_unique<FileToken>(settings.name, http.bearer_token, http.bearer_token_file, parts.log);
  }
  if (!http.bearer_token.empty()) return auth::make_fixed_auth({{"Authorization", "Bearer " + http.bearer_token}});
  if (!http.oauth) return nullptr;
  auto client = oauth_client_of(settings, *parts.http, parts.clock, random, store, nullptr);
  return std::make_unique<LoggedOauth>(settings.name, std::move(client), parts.log);
}

}  // namespace meantime::serve
