// SPDX-License-Identifier: MIT
// delivery_test.cpp: redirects that are set with the call, by themselves or later, and results that were read instead:
// rows S40, S45, F24.
#include <gmock/gmock.h>

#include "support/manager_fixture.hpp"

namespace meantime {
namespace {

using namespace std::chrono_literals;
using test::ManagerTest;
using test::Process;
using test::run;
using test::run_ready;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// "chat" is known and everybody's; all that "crawl" gives goes there by itself.
class Rules final : public DeliveryRules {
 public:
  Result<Redirect> resolve(Redirect wanted, const Caller& owner) const override {
    if (wanted.destination != "chat" && wanted.destination != "mail") {
      return fail(errc::invalid_argument, "rules", "There is no destination '" + wanted.destination + "'.");
    }
    if (wanted.channel_id.empty()) wanted.channel_id = owner.channel_id;
    wanted.platform = "matrix";
    return wanted;
  }
  std::vector<Redirect> defaults(std::string_view tool, const Caller& caller) const override {
    if (tool != "crawl") return {};
    return {{.destination = "chat", .channel_id = caller.channel_id, .platform = "matrix", .suppress_if_read = true}};
  }
  std::vector<std::string> names_for(const Caller&) const override { return {"chat", "mail"}; }
};

class DeliveryTest : public ManagerTest {
 protected:
  void SetUp() override {
    here = std::make_unique<Process>(io, clock, backend, ManagerOptions{}, true, nullptr, false, &rules_);
    add_gate("crawl");
    add_gate("build");
  }
  static Redirect to(std::string destination, std::string channel = "channel") {
    return {.destination = std::move(destination), .channel_id = std::move(channel), .platform = "matrix"};
  }
  std::vector<Delivery> deliveries() {
    auto page = run(io, here->store.outbox().list_deliveries({}));
    return page ? page->deliveries : std::vector<Delivery>();
  }
  Rules rules_;
};

TEST_F(DeliveryTest, S40_ARedirectThatIsSetWithTheCallIsDurableWithItsTask) {
  ToolCall call = call_of("build");
  call.redirects = {{.destination = "chat"}, to("mail", "ann")};
  const TaskId id = background(call).task_id;
  Process other(io, clock, backend, {});
  EXPECT_THAT(run(io, other.manager->check(id))->redirects, ElementsAre(to("chat"), to("mail", "ann")));
  gate.open(ToolOutput("built"));
  run_ready(io);
  EXPECT_THAT(deliveries(), SizeIs(2));
}

TEST_F(DeliveryTest, ACallThatIsAnsweredInlineIsDeliveredNowhereElse) {
  ToolCall call = call_of("crawl");
  call.redirects = {{.destination = "mail"}};
  auto answer = manager().call(call);
  gate.open(ToolOutput("quick"));
  run_ready(io);
  ASSERT_TRUE(answer.done());
  EXPECT_EQ(std::get<Finished>(*answer.take()).output.text, "quick");
  EXPECT_THAT(deliveries(), IsEmpty());
}

TEST_F(DeliveryTest, WhatGoesSomewhereByItselfIsSetWhenTheCallBecomesATask) {
  const TaskId id = background(call_of("crawl")).task_id;
  EXPECT_THAT(check(id).redirects, SizeIs(1));
  EXPECT_EQ(check(id).redirects.front().channel_id, "channel");
  EXPECT_THAT(check(background(call_of("build")).task_id).redirects, IsEmpty());
  gate.open();
  run_ready(io);
  ASSERT_THAT(deliveries(), SizeIs(1));
  EXPECT_EQ(deliveries().front().id, (DeliveryId{id, 1}));
}

TEST_F(DeliveryTest, WhatItsCallerAskedForGoesBeforeWhatIsSetByItself) {
  ToolCall call = call_of("crawl");
  call.redirects = {{.destination = "chat", .max_chars = 77, .on = RedirectOn::failed}};
  const auto redirects = check(background(call).task_id).redirects;
  ASSERT_THAT(redirects, SizeIs(1));
  EXPECT_EQ(redirects.front().max_chars, 77U);
  EXPECT_EQ(redirects.front().on, RedirectOn::failed);
  gate.open();
  run_ready(io);
}

TEST_F(DeliveryTest, AKeyedCallGoesThereByItselfOnlyWhenItIsOverItsBudget) {
  ToolCall call = call_of("crawl");
  call.idempotency_key = "one";
  const TaskId id = background(call).task_id;
  EXPECT_THAT(check(id).redirects, SizeIs(1));
  call.idempotency_key = "two";
  auto answer = manager().call(call);
  run_ready(io);
  gate.open();
  run_ready(io);
  ASSERT_TRUE(answer.done());
  EXPECT_TRUE(std::holds_alternative<Finished>(*answer.take()));
  EXPECT_THAT(deliveries(), SizeIs(1));
}

TEST_F(DeliveryTest, AnUnknownDestinationIsRefusedBeforeTheToolRunsAndLater) {
  ToolCall call = call_of("build");
  call.redirects = {{.destination = "nowhere"}};
  const auto refused = run(io, manager().call(call));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_THAT(refused.error().detail, HasSubstr("'nowhere'"));
  EXPECT_EQ(gate.entered, 0U);
  const TaskId id = background(call_of("build")).task_id;
  EXPECT_EQ(run(io, manager().redirect(id, {.destination = "nowhere"}, "ann")).error().code, errc::invalid_argument);
  ASSERT_TRUE(run(io, manager().redirect(id, {.destination = "chat"}, "ann")));
  EXPECT_THAT(check(id).redirects, ElementsAre(to("chat"))) << "the channel is the one that the call came from";
  gate.open();
  run_ready(io);
}

TEST_F(DeliveryTest, AResultThatItsOwnerReadsInTimeIsNotPushed) {
  const TaskId id = background(call_of("crawl")).task_id;
  auto waiter = manager().await_task(id, std::nullopt, "ann");
  gate.open(ToolOutput("here"));
  run_ready(io);
  ASSERT_TRUE(waiter.done());
  ASSERT_THAT(deliveries(), SizeIs(1));
  EXPECT_EQ(deliveries().front().state, DeliveryState::suppressed);
}

TEST_F(DeliveryTest, SomebodyElsesLookIsNoReading) {
  const TaskId id = background(call_of("crawl")).task_id;
  auto foreign = manager().await_task(id, std::nullopt, "bob");
  auto operators = manager().await_task(id);
  gate.open(ToolOutput("here"));
  run_ready(io);
  EXPECT_FALSE(run(io, std::move(foreign)));
  EXPECT_TRUE(run(io, std::move(operators)));
  EXPECT_EQ(deliveries().front().state, DeliveryState::waiting);
}

}  // namespace
}  // namespace meantime
