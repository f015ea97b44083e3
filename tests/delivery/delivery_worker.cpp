// SPDX-License-Identifier: MIT
// delivery_worker.cpp: delivers what a store's outbox holds to a bot and to a webhook, until it is killed.
//   delivery_worker FILE|redis:PORT PLATFORM_URL WEBHOOK_PATH CHANNEL HOLD_MS     the bot's token is $BOT_TOKEN
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "delivery/adapters/discord.hpp"
#include "delivery/adapters/discord_webhook.hpp"
#include "engine/loop.hpp"
#include "http/client.hpp"
#include "meantime/delivery.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"

namespace meantime::test {
namespace {

/// The real adapter without its pauses: what is tested is what becomes of a kill, not patience.
class Hasty final : public Adapter {
 public:
  explicit Hasty(std::unique_ptr<Adapter> adapter) : adapter_(std::move(adapter)) {}
  AdapterTraits traits() const noexcept override {
    AdapterTraits traits = adapter_->traits();
    traits.between_messages = Milliseconds(0);
    return traits;
  }
  Result<void> check(const Redirect& redirect) const override { return adapter_->check(redirect); }
  Result<std::vector<std::string>> plan(const Message& message) const override { return adapter_->plan(message); }
  Task<SendAnswer> send(Outgoing message) override { return adapter_->send(std::move(message)); }

 private:
  std::unique_ptr<Adapter> adapter_;
};

Result<std::unique_ptr<Store>> open(boost::asio::io_context& io, Clock& clock, Random& random,
                                    const std::string& where) {
  constexpr std::string_view redis = "redis:";
  if (!where.starts_with(redis)) return open_sqlite_store(io, clock, random, {.file = where});
  return open_redis_store(io, clock, random,
                          {.port = static_cast<std::uint16_t>(std::stoi(where.substr(redis.size())))});
}

int run(char** arguments) {
  boost::asio::io_context io;
  SystemClock clock(io);
  SystemRandom random;
  auto store = open(io, clock, random, arguments[1]);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().detail.c_str());
    return 2;
  }
  Loop loop(io);
  http::Client client(loop);
  Deliverer deliverer(
      {.loop = io, .clock = clock, .random = random, .store = **store},
      {.hold = Milliseconds(std::stoi(arguments[5])), .look_again = Milliseconds(50), .failures_to_pause = 1'000'000});
  const std::string url = arguments[2];
  auto bot = std::make_unique<Hasty>(std::make_unique<delivery::DiscordAdapter>(
      delivery::DiscordSettings{.place = {.base_url = url + "/api/v10", .addresses = http::Addresses::any},
                                .token = delivery::Secret({.file = {}, .variable = "BOT_TOKEN"})},
      client, clock));
  auto hook = std::make_unique<Hasty>(std::make_unique<delivery::DiscordWebhookAdapter>(
      delivery::DiscordWebhookSettings{.place = {.base_url = url + arguments[3], .addresses = http::Addresses::any},
                                       .url = std::nullopt},
      client, clock));
  const std::string channel = arguments[4];
  for (auto& [name, adapter] : {std::pair<const char*, std::unique_ptr<Hasty>&>("bot", bot),
                                std::pair<const char*, std::unique_ptr<Hasty>&>("hook", hook)}) {
    const auto added = deliverer.add({.name = name,
                                      .platform = "discord",
                                      .channel_id = channel,
                                      .first_backoff = Milliseconds(10),
                                      .max_failures = 100'000},
                                     std::move(adapter));
    if (!added) return 3;
  }
  deliverer.start();
  io.run();
  return 0;
}

}  // namespace
}  // namespace meantime::test

int main(int count, char** arguments) {
  return count == 6 ? meantime::test::run(arguments) : 64;
}
