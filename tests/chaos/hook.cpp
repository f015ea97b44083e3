// SPDX-License-Identifier: MIT
#include "chaos/hook.hpp"

#include <boost/json.hpp>
#include <fstream>

#include "delivery/adapters/webhook.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;

constexpr std::string_view key = "thirty-two-bytes-that-sign-parts";
constexpr std::string_view key_as_secret = "whsec_dGhpcnR5LXR3by1ieXRlcy10aGF0LXNpZ24tcGFydHM=";

/// The real adapter, but that it tells everything three times, each time as a message of its own.
class InParts final : public Adapter {
 public:
  explicit InParts(std::unique_ptr<Adapter> adapter) : adapter_(std::move(adapter)) {}
  AdapterTraits traits() const noexcept override { return adapter_->traits(); }
  Result<void> check(const Redirect& redirect) const override { return adapter_->check(redirect); }
  Result<std::vector<std::string>> plan(const Message& message) const override {
    auto planned = adapter_->plan(message);
    if (!planned) return planned;
    std::vector<std::string> parts;
    for (int part = 1; part <= parts_of_a_result; ++part) {
      parts.push_back("{\"part\":" + std::to_string(part) + ',' + planned->front().substr(1));
    }
    return parts;
  }
  Task<SendAnswer> send(Outgoing message) override { return adapter_->send(std::move(message)); }

 private:
  std::unique_ptr<Adapter> adapter_;
};

}  // namespace

Hook::Hook(const std::filesystem::path& folder) : fake_("/hook", std::string(key)) {
  std::ofstream(folder / "secret") << key_as_secret << "\n";
}

void Hook::next(Fault fault) {
  fake_.ask([fault](FakeWebhook& fake) { fake.next(fault); });
}

void Hook::next_fails() {
  fake_.ask([](FakeWebhook& fake) { fake.next(FakeAnswer{.status = 500, .body = "chaos", .type = "text/plain"}); });
}

void Hook::release() {
  fake_.ask([](FakeWebhook& fake) { fake.release(); });
}

// Which part it was stands in the request that brought it.
Arrivals Hook::arrivals() {
  return fake_.ask([](FakeWebhook& fake) {
    Arrivals out{.parts = {}, .came_again = fake.noticed(), .complaints = fake.complaints()};
    for (const FakeMessage& message : fake.messages()) {
      const json::value event = json::parse(fake.requests().at(message.request).body);
      out.parts.push_back({.task_id = std::string(event.at("data").at("task_id").as_string()),
                           .channel = std::string(event.at("channel_id").as_string()),
                           .part = event.at("part").to_number<int>()});
    }
    return out;
  });
}

std::unique_ptr<Adapter> adapter_to_hook(const std::string& url, const std::filesystem::path& folder,
                                         http::Client& http, Clock& clock) {
  constexpr std::size_t small = 4'096;
  constexpr Milliseconds impatient{2'000};
  delivery::WebhookSettings settings{
      .place = {.base_url = url, .addresses = http::Addresses::any, .time_limit = impatient},
      .url = std::nullopt,
      .keys = delivery::Secret({.file = folder / "secret", .variable = {}}),
      .max_bytes = small,
      .link = {}};
  return std::make_unique<InParts>(std::make_unique<delivery::WebhookAdapter>(std::move(settings), http, clock));
}

}  // namespace meantime::test
