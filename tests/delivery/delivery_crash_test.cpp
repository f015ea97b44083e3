// SPDX-License-Identifier: MIT
// delivery_crash_test.cpp: processes that deliver are killed in the middle of it, again and again: nothing is lost, the
// order is kept, a platform that notices repetitions shows none, and each other one is counted and says so: F22, F23.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "fakes/fake_discord.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/child.hpp"
#include "support/co_test.hpp"
#include "support/redis_server.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view channel = "112233445566778899";
constexpr std::string_view webhook = "/api/webhooks/223344556677889900/abcdefghijklmnopqrstuvwxyz";
constexpr Milliseconds hold{150};

int rounds_wanted() {
  const char* wanted = std::getenv("MEANTIME_CRASH_ROUNDS");  // NOLINT(concurrency-mt-unsafe): read at the start
  return wanted != nullptr ? std::stoi(wanted) : 200;
}

class DeliveryCrashTest : public ::testing::TestWithParam<const char*> {
 protected:
  DeliveryCrashTest() {
    setenv("BOT_TOKEN", "MTA5.token", 1);  // NOLINT(concurrency-mt-unsafe): one thread
    if (std::string_view(GetParam()) == "Redis") {
      redis_ = std::make_unique<RedisServer>(RedisServerOptions{});
      where_ = "redis:" + std::to_string(redis_->port());
      auto opened = open_redis_store(io_, clock_, random_, {.port = redis_->port()});
      if (!opened) throw std::runtime_error(opened.error().detail);
      store_ = std::move(*opened);
    } else {
      where_ = (folder_.path() / "tasks.db").string();
      auto opened = open_sqlite_store(io_, clock_, random_, {.file = where_});
      if (!opened) throw std::runtime_error(opened.error().detail);
      store_ = std::move(*opened);
    }
  }
  ~DeliveryCrashTest() override {
    run(io_, store_->close());
    store_.reset();
    run_ready(io_);
  }

  void start(Child& worker) {
    worker = Child({DELIVERY_WORKER, where_, platform_.url(), std::string(webhook), std::string(channel),
                    std::to_string(hold.count())},
                   {.err = STDERR_FILENO});
  }

  // A result of several messages, each of whose lines says which task's it is.
  TaskId end_task() {
    const TaskId id = ids_.make(clock_.wall_now());
    const Caller caller{"ann", std::string(channel), "discord"};
    const std::vector<Redirect> redirects{
        {.destination = "bot", .channel_id = std::string(channel), .platform = "discord"},
        {.destination = "hook", .channel_id = "", .platform = "discord"}};
    const auto started = run(io_, store_->start({.task_id = id,
                                                 .tool_name = "crawl",
                                                 .caller = &caller,
                                                 .created_at = clock_.wall_now(),
                                                 .redirects = redirects}));
    EXPECT_TRUE(started) << started.error().detail;
    std::string text;
    for (int line = 0; line < 120; ++line) text += id.text() + " line " + std::to_string(line) + "\n";
    const auto ended = run(io_, store_->finish({id, 1}, {.result = text, .ended_at = clock_.wall_now()}));
    EXPECT_TRUE(ended) << ended.error().detail;
    ids_made_.push_back(id);
    return id;
  }

  std::uint64_t open_deliveries(std::string destination = {}) {
    const auto page =
        run(io_, store_->outbox().list_deliveries({.destination = std::move(destination),
                                                   .states = {DeliveryState::waiting, DeliveryState::sending},
                                                   .limit = 1'000}));
    EXPECT_TRUE(page) << page.error().detail;
    return page ? page->deliveries.size() : 0;
  }

  boost::asio::io_context io_;
  SystemClock clock_{io_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  TempFolder folder_;
  std::unique_ptr<RedisServer> redis_;
  std::string where_;
  std::unique_ptr<Store> store_;
  FakeDiscord platform_{
      io_, clock_, {.token = "MTA5.token", .channel = std::string(channel), .webhook_path = std::string(webhook)}};
  std::vector<TaskId> ids_made_;
};

// What stands in the channel of one task, by one of its two ways, in order: the number of each message.
struct Seen {
  std::vector<int> numbers;
  int said_repeated = 0;
};

// As "(2/5)", first of all or behind the header.
int number_of(const std::string& text) {
  for (auto at = text.find('('); at != std::string::npos; at = text.find('(', at + 1)) {
    int number = 0;
    int of = 0;
    if (std::sscanf(text.c_str() + at, "(%d/%d)", &number, &of) == 2) return number;
  }
  return 0;
}

TEST_P(DeliveryCrashTest, F22_F23_NothingIsLostOrMixedUpAndEachRepetitionIsNoticedOrCounted) {
  std::mt19937 dice(20261123);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same kills each time
  const auto roll = [&dice](int sides) { return static_cast<int>(dice() % static_cast<unsigned>(sides)); };
  std::vector<Child> workers(2);
  for (Child& worker : workers) start(worker);
  const int rounds = rounds_wanted();
  for (int round = 0; round < rounds; ++round) {
    // More at a time each time: the workers may be quicker than who counts.
    for (int more = 1; open_deliveries("bot") < 2 || open_deliveries("hook") < 2; more *= 2) {
      for (int i = 0; i < more; ++i) end_task();
    }
    // One that fails each time would wait longer and longer.
    const std::size_t so_far = platform_.messages().size();
    run_until(io_, [&] { return platform_.messages().size() > so_far; });
    const std::string way = roll(2) == 0 ? "/channels/" : "/webhooks/";
    const auto before = platform_.requests().size();
    const int fault = roll(3);
    if (fault == 0) platform_.next(Fault::hold, way);        // it arrived, and the answer never comes
    if (fault == 1) platform_.next(Fault::cut_before, way);  // it never arrived
    const auto requests = before + 1 + static_cast<std::size_t>(roll(4));
    end_task();  // all others may have been delivered by now
    run_until(io_, [&] { return fault == 2 ? platform_.requests().size() >= requests : platform_.left() == 0; });
    for (Child& worker : workers) worker.kill();
    platform_.release();
    for (Child& worker : workers) start(worker);
  }
  run_until(io_, [&] { return open_deliveries() == 0; });
  for (Child& worker : workers) worker.kill();
  EXPECT_THAT(platform_.complaints(), ::testing::IsEmpty());

  std::map<std::pair<std::string, bool>, Seen> seen;  // by task, and whether it came by the bot
  for (const FakeMessage& message : platform_.messages()) {
    const auto at = message.text.find(" line ");
    ASSERT_NE(at, std::string::npos) << message.text;
    const std::string id = message.text.substr(at - 32, 32);
    Seen& of = seen[{id, !message.key.empty()}];
    of.numbers.push_back(number_of(message.text));
    if (message.text.find("repeated") != std::string::npos) ++of.said_repeated;
  }
  std::uint32_t repeated = 0;
  for (const TaskId& id : ids_made_) {
    for (const bool by_bot : {true, false}) {
      const auto found = run(io_, store_->outbox().find_delivery({id, by_bot ? 1U : 2U}));
      ASSERT_TRUE(found) << found.error().detail;
      EXPECT_EQ(found->state, DeliveryState::delivered) << found->error;
      const Seen& of = seen[{id.text(), by_bot}];
      const std::set<int> different(of.numbers.begin(), of.numbers.end());
      EXPECT_EQ(different.size(), found->chunks) << "nothing is lost: " << id.text();
      EXPECT_TRUE(std::ranges::is_sorted(of.numbers)) << ::testing::PrintToString(of.numbers);
      const auto twice = of.numbers.size() - different.size();
      if (by_bot) {
        EXPECT_EQ(twice, 0U) << "the platform notices them";
        EXPECT_EQ(found->repeated, 0U);
      } else {
        EXPECT_LE(twice, found->repeated) << "each is counted";
        EXPECT_GE(of.said_repeated, static_cast<int>(twice)) << "and says so";
        repeated += found->repeated;
      }
    }
  }
  RecordProperty("kills", rounds * 2);
  RecordProperty("messages", static_cast<int>(platform_.messages().size()));
  RecordProperty("noticed_by_the_platform", static_cast<int>(platform_.noticed()));
  RecordProperty("counted_as_repeated", static_cast<int>(repeated));
  std::printf("%d rounds, %zu messages of %zu tasks; %llu repetitions noticed by the platform, %u counted\n", rounds,
              platform_.messages().size(), ids_made_.size(), static_cast<unsigned long long>(platform_.noticed()),
              repeated);
}

INSTANTIATE_TEST_SUITE_P(Stores, DeliveryCrashTest, ::testing::Values("Sqlite", "Redis"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace meantime::test
