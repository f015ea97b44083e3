// SPDX-License-Identifier: MIT
// deliverer_test.cpp: what is due is sent in order, once where that can be known, whatever a platform answers: rows
// S40, S44, F22 to F24. The platform is a script here; the adapters have tests of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <set>

#include "delivery/retry.hpp"
#include "engine/loop.hpp"
#include "engine/wake.hpp"
#include "meantime/delivery.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "support/co_test.hpp"
#include "support/manual_clock.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What one platform was sent, by all processes, and what it answers next.
struct Platform {
  struct Got {
    std::string chunk;
    std::string channel;
    std::string key;
    bool maybe_repeated = false;
    SteadyTime at;
  };
  std::vector<Got> got;
  std::deque<SendAnswer> answers;
  std::set<std::string> broken_channels;
  AdapterTraits traits;
  bool hangs = false;
  std::string throws;  // when not empty: what send() throws
  std::uint32_t messages = 1;

  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const Got& each : got) out.push_back(each.chunk);
    return out;
  }
};

class ScriptedAdapter final : public Adapter {
 public:
  ScriptedAdapter(Platform& platform, boost::asio::io_context& loop, Clock& clock)
      : platform_(platform), never_(loop), clock_(clock) {}
  AdapterTraits traits() const noexcept override { return platform_.traits; }
  Result<void> check(const Redirect& redirect) const override {
    if (redirect.channel_id == "nowhere") return fail(errc::invalid_argument, "check", "'nowhere' is no channel");
    return {};
  }
  Result<std::vector<std::string>> plan(const Message& message) const override {
    std::vector<std::string> chunks;
    for (std::uint32_t i = 1; i <= platform_.messages; ++i) {
      chunks.push_back(message.text + message.record.error + " " + std::to_string(i));
    }
    return chunks;
  }
  Task<SendAnswer> send(Outgoing out) override {
    platform_.got.push_back(
        {std::string(out.chunk), out.redirect.channel_id, out.key, out.maybe_repeated, clock_.now()});
    if (platform_.hangs) co_await never_.wait();
    if (!platform_.throws.empty()) throw std::runtime_error(platform_.throws);
    if (platform_.broken_channels.contains(out.redirect.channel_id)) {
      co_return SendAnswer{.verdict = SendVerdict::target_gone, .detail = "no such channel"};
    }
    if (platform_.answers.empty()) co_return SendAnswer{.remote_id = "m" + std::to_string(platform_.got.size())};
    SendAnswer answer = std::move(platform_.answers.front());
    platform_.answers.pop_front();
    co_return answer;
  }

 private:
  Platform& platform_;
  Wake never_;
  Clock& clock_;
};

class Heard final : public Telemetry {
 public:
  std::vector<std::string> events;
  std::vector<std::string> faults;
  bool throws = false;
  void on_event(const TaskEvent& event) override {
    if (throws) throw std::runtime_error("the ear is broken");
    events.push_back(std::string(name_of(event.phase)) + " " + std::string(event.status) + " " +
                     std::string(event.redirect_destination) + " " + std::to_string(event.chunks_sent));
  }
  void on_fault(std::string_view where, std::string_view what) override {
    faults.push_back(std::string(where) + ": " + std::string(what));
  }
};

class DelivererTest : public ::testing::Test {
 protected:
  DelivererTest() : backend_(make_memory_backend(clock_)), store_(make_memory_store(loop_, backend_)) {
    here_ = make(*store_);
  }
  ~DelivererTest() override {
    here_.reset();
    run(loop_, store_->close());
    store_.reset();
    run_ready(loop_);
  }

  std::unique_ptr<Deliverer> make(Store& store) {
    auto deliverer = std::make_unique<Deliverer>(
        DelivererPorts{.loop = loop_, .clock = clock_, .random = random_, .store = store, .telemetry = &heard_},
        DelivererOptions{.hold = 60s, .failures_to_pause = 3});
    for (const auto& [name, platform] : {std::pair("chat", &chat_), std::pair("hook", &hook_)}) {
      const auto added = deliverer->add({.name = name, .platform = "test", .channel_id = "general", .max_failures = 6},
                                        std::make_unique<ScriptedAdapter>(*platform, loop_, clock_));
      EXPECT_TRUE(added) << added.error().detail;
    }
    deliverer->start();
    return deliverer;
  }
  // With what the platforms' traits are now.
  void restart() {
    here_.reset();
    here_ = make(*store_);
  }
  TaskId ended(std::string result, std::vector<Redirect> redirects, std::string error = {}) {
    const TaskId id = ids_.make(clock_.wall_now());
    const Caller caller{"ann", "general", "test"};
    EXPECT_TRUE(run(loop_, store_->start({.task_id = id,
                                          .tool_name = "crawl",
                                          .caller = &caller,
                                          .created_at = clock_.wall_now(),
                                          .redirects = redirects})));
    TaskEnd end{.result = std::move(result), .ended_at = clock_.wall_now()};
    if (!error.empty()) {
      end.status = TaskStatus::failed;
      end.reason = EndReason::tool_error;
      end.error = std::move(error);
    }
    EXPECT_TRUE(run(loop_, store_->finish({id, 1}, std::move(end))));
    run_ready(loop_);
    return id;
  }
  static Redirect to(std::string destination, std::string channel = "general") {
    return {.destination = std::move(destination), .channel_id = std::move(channel), .platform = "test"};
  }
  Delivery at(const TaskId& id, std::uint32_t place = 1) {
    auto found = run(loop_, store_->outbox().find_delivery({id, place}));
    EXPECT_TRUE(found) << found.error().detail;
    return found ? *found : Delivery{};
  }
  static SendAnswer answer(SendVerdict verdict, std::string detail = "a reason", Milliseconds after = 0ms) {
    return {.verdict = verdict, .after = after, .detail = std::move(detail)};
  }

  boost::asio::io_context loop_;
  ManualClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  Heard heard_;
  Platform chat_;
  Platform hook_;
  std::shared_ptr<MemoryBackend> backend_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Deliverer> here_;
};

TEST_F(DelivererTest, S40_AResultGoesToEachOfItsDestinationsWhenItsTaskEnds) {
  chat_.messages = 3;
  const TaskId id = ended("found it", {to("chat"), to("hook", "x")});
  EXPECT_THAT(chat_.texts(), ElementsAre("found it 1", "found it 2", "found it 3"));
  EXPECT_THAT(hook_.texts(), ElementsAre("found it 1"));
  const Delivery delivery = at(id);
  EXPECT_EQ(delivery.state, DeliveryState::delivered);
  EXPECT_THAT(delivery.remote_ids, ElementsAre("m1", "m2", "m3"));
  EXPECT_EQ(delivery.attempts, 3U);
  EXPECT_THAT(heard_.events,
              ::testing::UnorderedElementsAre("redirect_delivered ok chat 3", "redirect_delivered ok hook 1"));
  EXPECT_THAT(heard_.faults, IsEmpty());
}

TEST_F(DelivererTest, S40_ARedirectThatIsSetAfterTheEndIsDeliveredAtOnce) {
  const TaskId id = ended("late wish", {});
  EXPECT_THAT(chat_.got, IsEmpty());
  ASSERT_TRUE(run(loop_, store_->add_redirect(id, to("chat"))));
  run_ready(loop_);
  EXPECT_THAT(chat_.texts(), ElementsAre("late wish 1"));
}

TEST_F(DelivererTest, S44_APlatformThatNamesATimeIsWaitedForAndNothingIsSentTwice) {
  chat_.messages = 2;
  chat_.answers = {SendAnswer{.remote_id = "one"}, answer(SendVerdict::retry_after, "slow down", 7s)};
  const TaskId id = ended("text", {to("chat")});
  EXPECT_THAT(chat_.got, SizeIs(2));
  clock_.advance(6'900ms);
  EXPECT_THAT(chat_.got, SizeIs(2));
  clock_.advance(200ms);
  EXPECT_THAT(chat_.texts(), ElementsAre("text 1", "text 2", "text 2"));
  EXPECT_EQ(chat_.got[1].key, chat_.got[2].key) << "it is the same message";
  EXPECT_NE(chat_.got[0].key, chat_.got[1].key);
  EXPECT_FALSE(chat_.got[2].maybe_repeated) << "the platform said that it did not take it";
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
  EXPECT_EQ(at(id).failures, 0U);
}

TEST_F(DelivererTest, S44_ATroubledPlatformIsTriedAgainUntilItIsWell) {
  chat_.answers = {answer(SendVerdict::retry_backoff), answer(SendVerdict::retry_backoff)};
  const TaskId id = ended("text", {to("chat")});
  EXPECT_EQ(at(id).state, DeliveryState::waiting);
  EXPECT_EQ(at(id).failures, 1U);
  EXPECT_EQ(at(id).error, "retry_backoff: a reason");
  clock_.advance(10s);
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
  EXPECT_THAT(chat_.got, SizeIs(3));
}

TEST_F(DelivererTest, S44_OneThatFailsAgainAndAgainIsGivenUpSaysSoAndCanBeReplayed) {
  chat_.answers.assign(6, answer(SendVerdict::retry_backoff, "it is down"));
  const TaskId id = ended("text", {to("chat")});
  clock_.advance(2h);
  const Delivery dead = at(id);
  EXPECT_EQ(dead.state, DeliveryState::dead);
  EXPECT_THAT(dead.error, HasSubstr("it is down"));
  EXPECT_THAT(heard_.faults, ::testing::Contains(HasSubstr("is given up after 0 of 1 messages")));
  EXPECT_THAT(heard_.events, ElementsAre("redirect_delivered error chat 0"));
  ASSERT_TRUE(run(loop_, store_->outbox().replay({id, 1})));
  clock_.advance(10min);
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, AnAdapterThatThrowsHarmsNobodyAndItsMessageIsInDoubt) {
  chat_.throws = "no memory for the picture";
  const TaskId id = ended("text", {to("chat"), to("hook")});
  EXPECT_THAT(hook_.texts(), ElementsAre("text 1"));
  EXPECT_EQ(at(id).state, DeliveryState::waiting);
  EXPECT_TRUE(at(id).in_doubt) << "it may have sent it before it threw";
  EXPECT_EQ(at(id).error, "unknown_outcome: the adapter threw: no memory for the picture");
  chat_.throws.clear();
  clock_.advance(10s);
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, S51_WhatTelemetryThrowsReachesNoDelivery) {
  heard_.throws = true;
  const TaskId id = ended("text", {to("chat")});
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
  EXPECT_THAT(heard_.faults, ElementsAre("telemetry.on_event: the ear is broken"));
}

TEST_F(DelivererTest, AMessageThatTakesLongIsHeldByWhoSendsItAndOneThatTakesForEverIsGivenUp) {
  auto other_store = make_memory_store(loop_, backend_);
  auto other = make(*other_store);
  chat_.hangs = true;
  const TaskId id = ended("text", {to("chat")});
  clock_.advance(5min);
  EXPECT_THAT(chat_.got, SizeIs(1)) << "who sends it has not died";
  EXPECT_EQ(at(id).state, DeliveryState::sending);
  chat_.hangs = false;
  clock_.advance(5min + 30s);
  EXPECT_THAT(chat_.got, SizeIs(2)) << "its outcome is unknown, so it is sent again";
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
  EXPECT_EQ(at(id).repeated, 1U);
  other.reset();
  run(loop_, other_store->close());
}

TEST_F(DelivererTest, OneThatIsTooOldIsGivenUp) {
  chat_.answers.assign(4, answer(SendVerdict::auth, "the token is refused"));
  const TaskId id = ended("text", {to("chat")});
  clock_.advance(25h);
  EXPECT_EQ(at(id).state, DeliveryState::delivered) << "its token was mended after a while";
  chat_.answers.assign(10'000, answer(SendVerdict::auth, "the token is refused"));
  const TaskId other = ended("text", {to("chat")});
  clock_.advance(25h);
  EXPECT_EQ(at(other).state, DeliveryState::dead);
  EXPECT_THAT(at(other).error, HasSubstr("too old"));
}

TEST_F(DelivererTest, RefusedCredentialsStopTheWholeDestinationAndNoOther) {
  chat_.answers = {answer(SendVerdict::auth, "the token is refused")};
  const TaskId id = ended("one", {to("chat")});
  ended("two", {to("chat", "random"), to("hook")});
  EXPECT_THAT(chat_.got, SizeIs(1)) << "nobody tries the same token again at once";
  EXPECT_THAT(hook_.texts(), ElementsAre("two 1"));
  EXPECT_EQ(at(id).state, DeliveryState::waiting);
  clock_.advance(6min);
  EXPECT_THAT(chat_.got, SizeIs(3));
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, AChannelThatIsGoneEndsItsDeliveryAndHoldsNobodyUp) {
  chat_.broken_channels = {"old"};
  const TaskId id = ended("text", {to("chat", "old"), to("chat", "general")});
  EXPECT_EQ(at(id, 1).state, DeliveryState::dead);
  EXPECT_EQ(at(id, 1).error, "target_gone: no such channel");
  EXPECT_EQ(at(id, 2).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, AMessageThatIsNotTakenLeavesTheRestForAReplay) {
  chat_.messages = 3;
  chat_.answers = {SendAnswer{.remote_id = "one"}, answer(SendVerdict::payload, "it is too long")};
  const TaskId id = ended("text", {to("chat")});
  EXPECT_EQ(at(id).state, DeliveryState::partial);
  EXPECT_EQ(at(id).sent, 1U);
  ASSERT_TRUE(run(loop_, store_->outbox().replay({id, 1})));
  run_ready(loop_);
  EXPECT_THAT(chat_.texts(), ElementsAre("text 1", "text 2", "text 2", "text 3"));
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, F23_WithoutAnAnswerItIsSentAgainAndSaysThatItMayStandThereTwice) {
  chat_.answers = {answer(SendVerdict::unknown, "no answer came")};
  const TaskId id = ended("text", {to("chat")});
  EXPECT_TRUE(at(id).in_doubt);
  clock_.advance(10s);
  ASSERT_THAT(chat_.got, SizeIs(2));
  EXPECT_FALSE(chat_.got[0].maybe_repeated);
  EXPECT_TRUE(chat_.got[1].maybe_repeated);
  EXPECT_EQ(at(id).repeated, 1U);
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, F23_ARefusalSaysNothingOfTheAttemptBeforeWhichMayHaveArrived) {
  chat_.answers = {answer(SendVerdict::unknown, "no answer came"), answer(SendVerdict::retry_backoff, "it is down")};
  const TaskId id = ended("text", {to("chat")});
  clock_.advance(1min);
  ASSERT_THAT(chat_.got, SizeIs(3));
  EXPECT_TRUE(chat_.got[2].maybe_repeated);
  EXPECT_EQ(at(id).state, DeliveryState::delivered);
}

TEST_F(DelivererTest, F23_WhereThePlatformNoticesRepetitionsItIsSimplySentAgain) {
  chat_.traits.repeats = Repeats::noticed;
  restart();
  chat_.answers = {answer(SendVerdict::unknown, "no answer came")};
  const TaskId id = ended("text", {to("chat")});
  clock_.advance(10s);
  ASSERT_THAT(chat_.got, SizeIs(2));
  EXPECT_FALSE(chat_.got[1].maybe_repeated);
  EXPECT_EQ(chat_.got[0].key, chat_.got[1].key);
  EXPECT_EQ(at(id).repeated, 0U);
}

TEST_F(DelivererTest, F22_AnotherProcessTakesOverWhatADeadOneHeldInOrderAndFromWhereItStopped) {
  chat_.messages = 3;
  chat_.answers = {SendAnswer{.remote_id = "one"}};
  auto other_store = make_memory_store(loop_, backend_);
  // The second message hangs in the first process when that dies.
  chat_.traits.between_messages = 100ms;
  restart();
  ended("text", {to("chat")});
  EXPECT_THAT(chat_.got, SizeIs(1));
  chat_.hangs = true;
  clock_.advance(150ms);
  EXPECT_THAT(chat_.texts(), ElementsAre("text 1", "text 2"));
  here_.reset();
  chat_.hangs = false;
  chat_.traits.between_messages = 0ms;
  auto there = make(*other_store);
  run_ready(loop_);
  EXPECT_THAT(chat_.got, SizeIs(2)) << "it is held";
  clock_.advance(61s);
  EXPECT_THAT(chat_.texts(), ElementsAre("text 1", "text 2", "text 2", "text 3"));
  EXPECT_TRUE(chat_.got[2].maybe_repeated) << "nobody knows whether it arrived";
  EXPECT_FALSE(chat_.got[3].maybe_repeated);
  EXPECT_EQ(chat_.got[1].key, chat_.got[2].key);
  there.reset();
  run(loop_, other_store->close());
}

TEST_F(DelivererTest, MessagesOfAChannelFollowEachOtherNoFasterThanThePlatformAllows) {
  chat_.traits.between_messages = 1s;
  chat_.traits.burst = 2;
  chat_.messages = 4;
  restart();
  ended("text", {to("chat"), to("chat", "other")});
  EXPECT_THAT(chat_.got, SizeIs(4)) << "two in each channel";
  clock_.advance(990ms);
  EXPECT_THAT(chat_.got, SizeIs(4));
  clock_.advance(20ms);
  EXPECT_THAT(chat_.got, SizeIs(6));
  clock_.advance(1s);
  EXPECT_THAT(chat_.got, SizeIs(8));
}

TEST_F(DelivererTest, ADestinationThatIsDownIsLeftAloneAndTheOthersDoNotFeelIt) {
  hook_.answers.assign(4, answer(SendVerdict::retry_backoff, "refused"));
  for (int i = 0; i < 20; ++i) ended("a", {to("hook", "h" + std::to_string(i)), to("chat", std::to_string(i))});
  EXPECT_THAT(chat_.got, SizeIs(20));
  EXPECT_LE(hook_.got.size(), 4U) << "after three failures nothing is sent for a while";
  const auto loads = run(loop_, store_->outbox().destinations());
  ASSERT_TRUE(loads);
  EXPECT_TRUE(loads->at(1).paused_until);
  clock_.advance(1h);
  EXPECT_THAT(hook_.got, SizeIs(24));
}

TEST_F(DelivererTest, ADrainLetsGoOfWhatHasNotBeenBegunAndWaitsForWhatHas) {
  chat_.traits.between_messages = 1s;
  chat_.messages = 2;
  restart();
  const TaskId id = ended("text", {to("chat")});
  EXPECT_THAT(chat_.got, SizeIs(1));
  auto drained = here_->drain(5s);
  clock_.advance(1'100ms);
  ASSERT_TRUE(drained.done());
  EXPECT_THAT(ended("new", {to("hook")}),
              ::testing::Truly([&](const TaskId& other) { return at(other).state == DeliveryState::waiting; }));
  const auto state = at(id).state;
  EXPECT_TRUE(state == DeliveryState::delivered || state == DeliveryState::waiting);
  EXPECT_FALSE(at(id).in_doubt);
}

TEST_F(DelivererTest, AFailedTaskIsToldOfToo) {
  ended("", {to("chat")}, "Weather: it rains");
  EXPECT_THAT(chat_.texts(), ElementsAre("Weather: it rains 1"));
}

TEST_F(DelivererTest, AChannelThatTheAdapterDoesNotKnowIsSaidAtOnce) {
  const TaskId id = ended("text", {to("chat", "nowhere")});
  EXPECT_EQ(at(id).state, DeliveryState::dead);
  EXPECT_EQ(at(id).error, "payload: 'nowhere' is no channel");
}

TEST_F(DelivererTest, ATestMessageGoesOutWithoutATask) {
  const auto said = run(loop_, here_->test("chat", ""));
  ASSERT_TRUE(said) << said.error().detail;
  EXPECT_EQ(said->verdict, SendVerdict::arrived);
  ASSERT_THAT(chat_.got, SizeIs(1));
  EXPECT_THAT(chat_.got[0].chunk, HasSubstr("test"));
  EXPECT_EQ(chat_.got[0].channel, "general");
  const auto unknown = run(loop_, here_->test("chats", ""));
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().detail, HasSubstr("chat, hook"));
}

TEST(Retry, PausesGrowAndStayWithinTheirBounds) {
  using delivery::backoff;
  EXPECT_EQ(backoff(0, 1.0, 1s), 1s);
  EXPECT_EQ(backoff(3, 1.0, 1s), 8s);
  EXPECT_EQ(backoff(40, 1.0, 1s), 15min);
  EXPECT_EQ(backoff(40, 0.0, 1s), 10ms);
  EXPECT_EQ(backoff(3, 0.5, 1s), 4s);
}

TEST(Retry, ADestinationThatMustNotRepeatGivesUpInDoubt) {
  const Destination strict{.name = "x", .repeat_in_doubt = false};
  const Delivery delivery{.chunks = 2, .sent = 1, .in_doubt = true};
  EXPECT_EQ(delivery::decide_in_doubt(delivery, {}, strict, {}), delivery::InDoubt::give_up);
  const auto decided =
      delivery::decide({.verdict = SendVerdict::unknown, .detail = "cut"}, delivery, 2, {}, strict, {}, 1);
  EXPECT_EQ(decided.step.state, DeliveryState::partial);
}

TEST(Retry, APlatformThatNoticesForAWhileIsTrustedForThatLong) {
  const Destination destination{.name = "x"};
  const AdapterTraits traits{.repeats = Repeats::noticed_soon, .notices_for = 2min};
  const WallTime sent{1h};
  const Delivery delivery{.chunks = 1, .in_doubt = true, .stepped_at = sent};
  EXPECT_EQ(delivery::decide_in_doubt(delivery, traits, destination, sent + 1min), delivery::InDoubt::send_again);
  EXPECT_EQ(delivery::decide_in_doubt(delivery, traits, destination, sent + 3min), delivery::InDoubt::send_and_say_so);
}

TEST(Retry, AMessageHasOneNameWhoeverSendsItAndAnotherInAnotherRound) {
  const auto id = TaskId::parse("abcdefabcdef");
  ASSERT_TRUE(id);
  Delivery delivery{.id = {*id, 1}};
  const std::string key = delivery::message_key(delivery, 1);
  EXPECT_THAT(key, ::testing::MatchesRegex("[0-9a-z]+"));
  EXPECT_THAT(key, SizeIs(32));
  EXPECT_EQ(delivery::message_key(delivery, 1), key);
  EXPECT_NE(delivery::message_key(delivery, 2), key);
  delivery.round = 2;
  EXPECT_NE(delivery::message_key(delivery, 1), key);
}

TEST(DestinationRules, OnlyWhatIsAllowedCanBeNamedAndTheChannelIsTheConfigurations) {
  boost::asio::io_context loop;
  ManualClock clock(loop);
  SystemRandom random;
  const auto store = make_memory_store(loop, clock);
  Platform platform;
  Deliverer deliverer({.loop = loop, .clock = clock, .random = random, .store = *store});
  const auto add = [&](Destination destination) {
    return deliverer.add(std::move(destination), std::make_unique<ScriptedAdapter>(platform, loop, clock));
  };
  ASSERT_TRUE(add({.name = "team", .platform = "slack", .channel_id = "C1", .owners = {"ann"}}));
  ASSERT_TRUE(add({.name = "here", .platform = "discord", .channel_id = "caller"}));
  EXPECT_EQ(add({.name = "here"}).error().code, errc::invalid_argument);
  EXPECT_EQ(add({}).error().code, errc::invalid_argument);
  const Caller ann{"ann", "42", "discord"};
  const Caller bob{"bob", "", "cli"};
  EXPECT_THAT(deliverer.names_for(ann), ElementsAre("here", "team"));
  EXPECT_THAT(deliverer.names_for(bob), ElementsAre("here"));
  EXPECT_EQ(deliverer.resolve({.destination = "team"}, ann)->channel_id, "C1");
  EXPECT_EQ(deliverer.resolve({.destination = "here"}, ann)->channel_id, "42");
  const auto refused = deliverer.resolve({.destination = "team"}, bob);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, ::testing::AllOf(HasSubstr("no destination 'team'"), HasSubstr("here")));
  EXPECT_THAT(deliverer.resolve({.destination = "here"}, bob).error().detail, HasSubstr("names none"));
  EXPECT_EQ(deliverer.add_default({.destination = "nobody"}).error().code, errc::invalid_argument);
  ASSERT_TRUE(deliverer.add_default({.destination = "here", .platform = "discord"}));
  ASSERT_TRUE(deliverer.add_default({.destination = "team", .tool = "build_*", .on = RedirectOn::failed}));
  EXPECT_THAT(deliverer.defaults("crawl", ann), SizeIs(1));
  EXPECT_THAT(deliverer.defaults("build_all", ann), SizeIs(2));
  EXPECT_THAT(deliverer.defaults("build_all", bob), IsEmpty());
}

}  // namespace
}  // namespace meantime::test
