// SPDX-License-Identifier: MIT
// webhook_contract.cpp: signed webhooks do what every adapter must, and what Standard Webhooks wants.
#include <cstdlib>

#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/webhook.hpp"
#include "fakes/fake_webhook.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* path = "/hooks/s3cr3t";
// The new key first, then the one that the receiver still has: 24 bytes 0xAA.
constexpr const char* keys =
    "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA= whsec_qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
constexpr const char* keys_variable = "MEANTIME_TEST_WEBHOOK_KEYS";

AdapterKind webhook() {
  return {
      .name = "Webhook",
      .channel = "ops",
      .secret = path,
      .limits = {},
      .make_fake = [](boost::asio::io_context& io,
                      Clock& clock) { return std::make_unique<FakeWebhook>(io, clock, path, std::string(24, '\xAA')); },
      .make_adapter =
          [](AdapterParts parts) {
            ::setenv(keys_variable, keys, 1);
            return std::make_unique<delivery::WebhookAdapter>(
                delivery::WebhookSettings{.place = {.addresses = http::Addresses::any},
                                          .url = parts.secret_url,
                                          .keys = delivery::Secret({.variable = keys_variable})},
                parts.client, parts.clock);
          },
      .answers = {{"too many", {429, "slowly", {{"Retry-After", "7"}}}, SendVerdict::retry_after, 7s, false},
                  {"later", {503, "", {{"Retry-After", "11"}}}, SendVerdict::retry_after, 11s, false},
                  {"too many, no time", {429, "slowly"}, SendVerdict::retry_backoff},
                  {"refused", {401, "no"}, SendVerdict::auth},
                  {"gone", {410, ""}, SendVerdict::target_gone},
                  {"elsewhere", {302, "", {{"Location", "http://127.0.0.1:1/"}}}, SendVerdict::target_gone},
                  {"bad", {400, "bad"}, SendVerdict::payload}},
      .remembers = FakeWebhook::remembers,
      .names_messages = false};
}

INSTANTIATE_TEST_SUITE_P(Webhook, AdapterContract, testing::Values(webhook()), adapter_name);

class WebhookAdapterTest : public AdapterContract {};
INSTANTIATE_TEST_SUITE_P(Own, WebhookAdapterTest, testing::Values(webhook()), adapter_name);

TEST_P(WebhookAdapterTest, EachAttemptIsSignedAnewWithItsOwnTime) {
  fake_->next(FakeAnswer{.status = 500});
  EXPECT_EQ(send_one().verdict, SendVerdict::retry_backoff);
  clock_.advance(1h);
  EXPECT_EQ(send_one().verdict, SendVerdict::arrived);  // the fake takes none older than five minutes
  ASSERT_THAT(fake_->requests(), SizeIs(2));
  EXPECT_EQ(fake_->requests()[0].header("webhook-id"), fake_->requests()[1].header("webhook-id"));
  EXPECT_NE(fake_->requests()[0].header("webhook-signature"), fake_->requests()[1].header("webhook-signature"));
}

TEST_P(WebhookAdapterTest, WhatIsNotPublicIsNotConnectedTo) {
  const delivery::Secret url({.file = folder_.path() / "url", .variable = {}});
  delivery::WebhookAdapter guarded({.place = {}, .url = url}, *client_, clock_);
  const auto chunks = plan(message("hello"));
  const auto plain = run(io_, guarded.send(outgoing(chunks, 1)));
  EXPECT_EQ(plain.verdict, SendVerdict::auth);
  EXPECT_THAT(plain.detail, HasSubstr("https://"));
  delivery::WebhookAdapter inside({.place = {.base_url = "https://127.0.0.1:9/hook"}}, *client_, clock_);
  const auto refused = run(io_, inside.send(outgoing(chunks, 1)));
  EXPECT_EQ(refused.verdict, SendVerdict::target_gone) << refused.detail;
  EXPECT_THAT(fake_->requests(), testing::IsEmpty());
}

}  // namespace
}  // namespace meantime::test
