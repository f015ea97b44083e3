// SPDX-License-Identifier: MIT
// redis_contract.cpp: the contract on a real Redis, and on Valkey where it is installed.
#include "contract/outbox_contract.hpp"
#include "meantime/redis_store.hpp"
#include "support/key_checker.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

class RedisUnderTest final : public StoreUnderTest {
 public:
  RedisUnderTest(boost::asio::io_context& loop, ManualClock& clock, const std::string& program)
      : loop_(loop), clock_(clock), server_(RedisServer::shared(program)), raw_(server_.connect()) {}
  RedisUnderTest(const RedisUnderTest&) = delete;
  RedisUnderTest& operator=(const RedisUnderTest&) = delete;
  ~RedisUnderTest() override { EXPECT_THAT(check_keys(raw_, "sg:"), ::testing::IsEmpty()); }

  std::unique_ptr<Store> join() override {
    // The server answers in real time: a test that turns the clock must not make its commands look late.
    auto store = open_redis_store(loop_, clock_, random_,
                                  {.port = server_.port(), .command_timeout = Milliseconds(std::chrono::hours(24))});
    if (!store) throw std::runtime_error(store.error().detail);
    // The suite asks for notices as such; a store that is still connecting would say "look" in their place.
    const std::string notices = "sg:mt:to:" + std::string((*store)->worker());
    run_until(loop_, [&] { return raw_.ask({"PUBSUB", "NUMSUB", notices}).items.at(1).number == 1; });
    return std::move(*store);
  }
  void kill(std::unique_ptr<Store> worker) override {
    worker.reset();
    let_lease_pass();
    raw_.ask({"PUBLISH", "sg:mt:workers", "found by another worker"});
  }
  // What is due, held or paused is so by the server's clock, too.
  void let_pass(Milliseconds time) override {
    raw_.ask({"EVAL",
              "local back = tonumber(ARGV[1]) "
              "local function each(pattern, change) for _, key in ipairs(redis.call('KEYS', pattern)) do change(key) "
              "end end "
              "local function scores(key) local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') "
              "for i = 1, #all, 2 do redis.call('ZADD', key, string.format('%.0f', all[i + 1] - back), all[i]) end end "
              "each('sg:mt:lane:*', scores) each('sg:mt:lanes:*', scores) each('sg:mt:due', scores) "
              "each('sg:mt:d:*', function(key) local due = redis.call('HGET', key, 'due') "
              "redis.call('HSET', key, 'due', string.format('%.0f', due - back)) end) "
              "each('sg:mt:pauses', function(key) local all = redis.call('HGETALL', key) for i = 1, #all, 2 do "
              "redis.call('HSET', key, all[i], (string.gsub(all[i + 1], '^%d+', function(till) "
              "return string.format('%.0f', till - back) end))) end end)",
              "0", std::to_string(time.count())});
    clock_.advance(time);
  }
  // Leases run by the server's clock, which no test can turn: what it wrote down is moved back instead.
  void let_lease_pass() override {
    raw_.ask({"EVAL",
              "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
              "for _, w in ipairs(redis.call('ZRANGE', 'sg:mt:workers', 0, -1)) do "
              "redis.call('ZADD', 'sg:mt:workers', now - 1, w) redis.call('ZADD', 'sg:mt:doubted', now - 12000, w) end "
              "if redis.call('EXISTS', 'sg:mt:doubted') == 1 then redis.call('EXPIRE', 'sg:mt:doubted', 86400) end",
              "0"});
  }

 private:
  boost::asio::io_context& loop_;
  ManualClock& clock_;
  SystemRandom random_;
  RedisServer& server_;
  RawRedis raw_;
};

std::vector<StoreKind> servers() {
  std::vector<StoreKind> out;
  for (const RedisKind& kind : RedisServer::kinds()) {
    out.push_back({kind.name, [program = kind.program](boost::asio::io_context& loop, ManualClock& clock) {
                     return std::make_unique<RedisUnderTest>(loop, clock, program);
                   }});
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Redis, StoreContract, ::testing::ValuesIn(servers()), name_of_kind);
INSTANTIATE_TEST_SUITE_P(Redis, OutboxContract, ::testing::ValuesIn(servers()), name_of_kind);

}  // namespace
}  // namespace meantime::test
