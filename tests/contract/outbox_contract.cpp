// SPDX-License-Identifier: MIT
// outbox_contract.cpp: what is to be delivered: made with the end of its task, held by one process at a time, step by
// step.
#include "contract/outbox_contract.hpp"

namespace meantime::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(OutboxContract, S40_ADeliveryComesWithTheEndOfItsTaskForEachRedirectThatIsForSuchAnEnd) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->add_redirect(id, to("chat"))));
  ASSERT_TRUE(wait(b_->add_redirect(id, to("mail", "ann", RedirectOn::failed))));
  ASSERT_TRUE(wait(b_->add_redirect(id, to("chat", "random", RedirectOn::completed))));
  EXPECT_THAT(claim(*a_), IsEmpty()) << "it still runs";
  must_finish(*a_, id);
  const auto claimed = claim(*b_);
  ASSERT_THAT(claimed, SizeIs(2));
  EXPECT_EQ(claimed[0].id, (DeliveryId{id, 1}));
  EXPECT_EQ(claimed[0].redirect, to("chat"));
  EXPECT_EQ(claimed[0].owner, "ann");
  EXPECT_EQ(claimed[0].tool_name, "search");
  EXPECT_EQ(claimed[0].state, DeliveryState::sending);
  EXPECT_EQ(claimed[0].worker, b_->worker());
  EXPECT_EQ(claimed[1].id, (DeliveryId{id, 3}));
  const TaskId bad = ended({to("chat", "x", RedirectOn::completed), to("mail", "ann", RedirectOn::failed)}, false);
  EXPECT_EQ(claim_one(*a_).id, (DeliveryId{bad, 2}));
}

TEST_P(OutboxContract, S40_ARedirectThatIsSetAfterTheEndIsDueAtOnceAndOneSetAgainIsDeliveredAgain) {
  const TaskId id = ended({});
  ASSERT_TRUE(wait(b_->add_redirect(id, to("chat"))));
  const Delivery first = claim_one(*a_);
  EXPECT_EQ(first.round, 1U);
  deliver(*a_, first);
  EXPECT_THAT(claim(*a_), IsEmpty());
  ASSERT_TRUE(wait(b_->add_redirect(id, to("chat"))));
  const Delivery again = claim_one(*b_);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.round, 2U);
  EXPECT_EQ(again.sent, 0U);
}

TEST_P(OutboxContract, RedirectsThatATaskStartsWithAreDurableWithIt) {
  const Caller caller{"ann", "general", "discord"};
  const std::vector redirects{to("chat"), to("mail", "ann", RedirectOn::failed)};
  const TaskId id = new_id();
  ASSERT_TRUE(wait(a_->start({.task_id = id,
                              .tool_name = "search",
                              .caller = &caller,
                              .created_at = clock_.wall_now(),
                              .redirects = redirects})));
  EXPECT_EQ(find(*b_, id).redirects, redirects);
  ASSERT_TRUE(wait(b_->add_redirect(id, to("mail", "bob"))));
  EXPECT_THAT(find(*a_, id).redirects, ElementsAre(redirects[0], redirects[1], to("mail", "bob")));
  must_finish(*a_, id);
  EXPECT_THAT(claim(*a_), SizeIs(2));
}

TEST_P(OutboxContract, F22_OneProcessHoldsADeliveryAndAnotherTakesItOverWhenItWasSilentForTooLong) {
  const TaskId id = ended({to("chat")});
  const Delivery first = claim_one(*a_);
  must_plan(*a_, first, {"one", "two", "three"});
  must_step(*a_, first, {.sent = 1, .remote_id = "m1", .attempts = 1, .hold = Milliseconds(5'000)});
  EXPECT_THAT(claim(*b_), IsEmpty()) << "it is held";
  let_pass(4'000);
  EXPECT_THAT(claim(*b_), IsEmpty()) << "a step holds it for longer";
  let_pass(1'001);
  const Delivery second = claim_one(*b_);
  EXPECT_EQ(second.id, first.id);
  ASSERT_TRUE(second.stepped_at) << "what is in doubt was sent after that";
  EXPECT_EQ(second.sent, 1U);
  EXPECT_EQ(second.chunks, 3U);
  EXPECT_TRUE(second.in_doubt) << "its second message may have been on its way";
  EXPECT_THAT(second.remote_ids, ElementsAre("m1"));
  const auto chunks = wait(b_->outbox().chunks(second.id));
  ASSERT_TRUE(chunks);
  EXPECT_THAT(*chunks, ElementsAre("one", "two", "three")) << "the same messages, whoever sends them";
  const auto refused = wait(a_->outbox().step(token(first), {.sent = 2, .remote_id = "late"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::already_final);
  EXPECT_EQ(wait(a_->outbox().plan(token(first), {"other"})).error().code, errc::already_final);
  must_step(*b_, second, {.sent = 2, .remote_id = "m2", .attempts = 1, .repeated = 1, .hold = Milliseconds(5'000)});
  must_step(*b_, second, {.state = DeliveryState::delivered, .sent = 3, .remote_id = "m3", .attempts = 1});
  const Delivery over = at(*a_, first.id);
  EXPECT_EQ(over.state, DeliveryState::delivered);
  EXPECT_THAT(over.remote_ids, ElementsAre("m1", "m2", "m3"));
  EXPECT_EQ(over.attempts, 3U);
  EXPECT_EQ(over.repeated, 1U);
  EXPECT_FALSE(over.in_doubt);
  EXPECT_TRUE(over.ended_at);
  EXPECT_EQ(find(*a_, id).status, TaskStatus::completed);
}

TEST_P(OutboxContract, AClaimThatWasLetGoOfIsDueAgainAtItsTimeAndNotInDoubt) {
  ended({to("chat")});
  const Delivery first = claim_one(*a_);
  must_plan(*a_, first, {"one"});
  must_step(*a_, first,
            {.state = DeliveryState::waiting,
             .attempts = 1,
             .failed = true,
             .again_in = Milliseconds(3'000),
             .error = "retry_backoff: it is troubled"});
  const auto early = wait(b_->outbox().claim(query()));
  ASSERT_TRUE(early);
  EXPECT_THAT(early->deliveries, IsEmpty());
  ASSERT_TRUE(early->next_in);
  EXPECT_LE(*early->next_in, Milliseconds(3'000));
  EXPECT_GT(*early->next_in, Milliseconds(2'000));
  let_pass(3'001);
  const Delivery second = claim_one(*b_);
  EXPECT_EQ(second.failures, 1U);
  EXPECT_EQ(second.attempts, 1U);
  EXPECT_EQ(second.error, "retry_backoff: it is troubled");
  EXPECT_FALSE(second.in_doubt);
  EXPECT_GT(second.claim, first.claim);
}

TEST_P(OutboxContract, AnAttemptWithoutAnAnswerLeavesItInDoubt) {
  ended({to("chat")});
  const Delivery first = claim_one(*a_);
  must_plan(*a_, first, {"one"});
  must_step(*a_, first, {.state = DeliveryState::waiting, .attempts = 1, .failed = true, .in_doubt = true});
  EXPECT_TRUE(claim_one(*b_).in_doubt);
}

TEST_P(OutboxContract, WhileItsFirstMessageOfSeveralIsInDoubtTheOthersOfItsChannelWait) {
  const TaskId first = ended({to("chat")});
  const TaskId second = ended({to("chat")});
  const Delivery held = claim_one(*a_);
  must_plan(*a_, held, {"one", "two"});
  must_step(*a_, held,
            {.state = DeliveryState::waiting,
             .attempts = 1,
             .failed = true,
             .in_doubt = true,
             .again_in = Milliseconds(2'000)});
  EXPECT_THAT(claim(*b_), IsEmpty()) << "its beginning may stand there";
  let_pass(2'001);
  const Delivery again = claim_one(*b_);
  EXPECT_EQ(again.id.task_id, first);
  must_step(*b_, again, {.state = DeliveryState::delivered, .sent = 2, .attempts = 2});
  EXPECT_EQ(claim_one(*b_).id.task_id, second);
}

TEST_P(OutboxContract, MessagesOfTwoTasksNeverMixInOneChannel) {
  const TaskId first = ended({to("chat")});
  const TaskId second = ended({to("chat")});
  const TaskId elsewhere = ended({to("chat", "random")});
  auto claimed = claim(*a_);
  ASSERT_THAT(claimed, SizeIs(2)) << "one in each channel";
  EXPECT_EQ(claimed[0].id.task_id, first);
  EXPECT_EQ(claimed[1].id.task_id, elsewhere);
  EXPECT_THAT(claim(*b_), IsEmpty());
  must_plan(*a_, claimed[0], {"one", "two"});
  must_step(*a_, claimed[0],
            {.state = DeliveryState::waiting, .sent = 1, .attempts = 2, .again_in = Milliseconds(2'000)});
  EXPECT_THAT(claim(*b_), IsEmpty()) << "half of the first stands there";
  let_pass(2'001);
  const Delivery rest = claim_one(*b_);
  EXPECT_EQ(rest.id.task_id, first);
  must_step(*b_, rest, {.state = DeliveryState::delivered, .sent = 2, .attempts = 1});
  EXPECT_EQ(claim_one(*b_).id.task_id, second);
}

TEST_P(OutboxContract, OneThatWaitsAndWasNotBegunHoldsNobodyUp) {
  ended({to("chat")});
  const Delivery first = claim_one(*a_);
  must_step(*a_, first, {.state = DeliveryState::waiting, .attempts = 1, .again_in = Milliseconds(60'000)});
  const TaskId second = ended({to("chat")});
  EXPECT_EQ(claim_one(*a_).id.task_id, second);
}

TEST_P(OutboxContract, APausedDestinationIsClaimedByNobodyAndTheOthersGoOn) {
  ASSERT_TRUE(wait(a_->outbox().pause("chat", Milliseconds(10'000), "its token is refused")));
  ended({to("chat")});
  const TaskId other = ended({to("mail", "ann")});
  const auto claimed = wait(b_->outbox().claim(query()));
  ASSERT_TRUE(claimed);
  ASSERT_THAT(claimed->deliveries, SizeIs(1));
  EXPECT_EQ(claimed->deliveries.front().id.task_id, other);
  ASSERT_TRUE(claimed->next_in);
  const auto loads = wait(b_->outbox().destinations());
  ASSERT_TRUE(loads);
  ASSERT_THAT(*loads, SizeIs(2));
  EXPECT_EQ((*loads)[0].name, "chat");
  EXPECT_EQ((*loads)[0].waiting, 1U);
  EXPECT_EQ((*loads)[0].why, "its token is refused");
  EXPECT_TRUE((*loads)[0].paused_until);
  EXPECT_EQ((*loads)[1].sending, 1U);
  EXPECT_FALSE((*loads)[1].paused_until);
  ASSERT_TRUE(wait(a_->outbox().pause("chat", Milliseconds(0), "")));
  EXPECT_THAT(claim(*b_), SizeIs(1));
}

TEST_P(OutboxContract, APauseEndsByItself) {
  ASSERT_TRUE(wait(a_->outbox().pause("chat", Milliseconds(10'000), "slow down")));
  ended({to("chat")});
  EXPECT_THAT(claim(*b_), IsEmpty());
  let_pass(10'001);
  EXPECT_THAT(claim(*b_), SizeIs(1));
}

TEST_P(OutboxContract, OnlyDestinationsThatAProcessKnowsAreClaimed) {
  ended({to("chat")});
  EXPECT_THAT(claim(*a_, query({"mail"})), IsEmpty());
  EXPECT_THAT(claim(*a_, query({})), IsEmpty());
  EXPECT_THAT(claim(*a_, query({"other", "chat"})), SizeIs(1));
}

TEST_P(OutboxContract, AClaimTakesNoMoreThanItsLimits) {
  for (int i = 0; i < 10; ++i) ended({to("chat", "c" + std::to_string(i)), to("mail", "m" + std::to_string(i))});
  ClaimQuery some = query();
  some.of_one_destination = 3;
  EXPECT_THAT(claim(*a_, some), SizeIs(6));
  some.limit = 2;
  const auto two = wait(a_->outbox().claim(some));
  ASSERT_TRUE(two);
  EXPECT_THAT(two->deliveries, SizeIs(2));
  ASSERT_TRUE(two->next_in) << "there is more";
  EXPECT_LE(*two->next_in, Milliseconds(1));
}

TEST_P(OutboxContract, F23_OneThatWasGivenUpIsReplayedFromWhereItStoppedOrFromTheBeginning) {
  ended({to("chat")});
  const Delivery first = claim_one(*a_);
  must_plan(*a_, first, {"one", "two"});
  EXPECT_EQ(wait(b_->outbox().replay(first.id)).error().code, errc::invalid_argument) << "it is under way";
  must_step(*a_, first,
            {.state = DeliveryState::partial, .sent = 1, .attempts = 2, .failed = true, .error = "payload: no"});
  EXPECT_EQ(at(*b_, first.id).state, DeliveryState::partial);
  EXPECT_THAT(claim(*a_), IsEmpty());
  clock_.advance(Milliseconds(1'000));
  ASSERT_TRUE(wait(b_->outbox().replay(first.id)));
  const Delivery rest = claim_one(*a_);
  EXPECT_GT(rest.created_at, first.created_at) << "its age counts from here";
  EXPECT_EQ(rest.sent, 1U);
  EXPECT_EQ(rest.chunks, 2U);
  EXPECT_EQ(rest.round, 1U);
  EXPECT_EQ(rest.failures, 0U);
  must_step(*a_, rest, {.state = DeliveryState::delivered, .sent = 2, .remote_id = "m2", .attempts = 1});
  ASSERT_TRUE(wait(b_->outbox().replay(first.id)));
  const Delivery whole = claim_one(*a_);
  EXPECT_EQ(whole.sent, 0U);
  EXPECT_EQ(whole.chunks, 0U);
  EXPECT_EQ(whole.round, 2U);
  must_step(*a_, whole, {.state = DeliveryState::dead, .failed = true, .error = "target_gone: no such channel"});
  const Delivery dead = at(*b_, first.id);
  EXPECT_EQ(dead.state, DeliveryState::dead);
  EXPECT_EQ(dead.error, "target_gone: no such channel");
}

TEST_P(OutboxContract, OneThatIsReplayedFromItsMiddleWaitsForTheOneThatIsHeld) {
  ended({to("chat")});
  const Delivery first = claim_one(*a_);
  must_plan(*a_, first, {"one", "two"});
  must_step(*a_, first, {.state = DeliveryState::partial, .sent = 1, .attempts = 2, .error = "payload: no"});
  ended({to("chat")});
  const Delivery second = claim_one(*a_);
  ASSERT_TRUE(wait(b_->outbox().replay(first.id)));
  EXPECT_THAT(claim(*b_), IsEmpty());
  deliver(*a_, second);
  EXPECT_EQ(claim_one(*b_).id, first.id);
}

TEST_P(OutboxContract, AResultThatItsOwnerHasReadIsNotPushedWhereTheRedirectSaysSo) {
  Redirect quiet = to("chat");
  quiet.suppress_if_read = true;
  const TaskId id = ended({quiet, to("mail", "ann")});
  EXPECT_EQ(find(*b_, id).redirects.front(), quiet);
  EXPECT_EQ(claim_one(*a_).redirect.destination, "mail") << "who waits has a moment to read the other";
  EXPECT_EQ(wait(b_->outbox().suppress_read(id)), 1U);
  EXPECT_EQ(wait(b_->outbox().suppress_read(id)), 0U);
  let_pass(2'001);
  EXPECT_THAT(claim(*a_), IsEmpty());
  EXPECT_EQ(at(*a_, {id, 1}).state, DeliveryState::suppressed);
  const TaskId unread = ended({quiet});
  let_pass(2'001);
  EXPECT_EQ(claim_one(*a_).id.task_id, unread);
  EXPECT_EQ(wait(b_->outbox().suppress_read(unread)), 0U) << "it is on its way";
}

TEST_P(OutboxContract, ATaskStaysUntilItIsDelivered) {
  const TaskId id = ended({to("chat")});
  clock_.advance(Milliseconds(1'000));
  EXPECT_EQ(wait(a_->forget_ended(clock_.wall_now())), 0U);
  deliver(*a_, claim_one(*a_), 2);
  EXPECT_EQ(wait(a_->forget_ended(clock_.wall_now())), 1U);
  const auto gone = wait(a_->outbox().find_delivery({id, 1}));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, errc::not_found);
  EXPECT_EQ(wait(a_->outbox().replay({id, 1})).error().code, errc::not_found);
  const auto all = wait(a_->outbox().list_deliveries({}));
  ASSERT_TRUE(all);
  EXPECT_THAT(all->deliveries, IsEmpty());
}

TEST_P(OutboxContract, DeliveriesAreListedNewestFirstInPagesAndByWhatIsAskedFor) {
  const TaskId first = ended({to("chat"), to("mail", "ann")});
  const TaskId second = ended({to("chat", "random")});
  Outbox& outbox = b_->outbox();
  const auto ids = [&](DeliveryQuery query) {
    const auto page = wait(outbox.list_deliveries(std::move(query)));
    EXPECT_TRUE(page) << page.error().detail;
    std::vector<DeliveryId> out;
    for (const Delivery& each : page->deliveries) out.push_back(each.id);
    return out;
  };
  EXPECT_THAT(ids({}), ElementsAre(DeliveryId{second, 1}, DeliveryId{first, 2}, DeliveryId{first, 1}));
  EXPECT_THAT(ids({.task_id = first}), SizeIs(2));
  EXPECT_THAT(ids({.owner = "ann"}), SizeIs(3));
  EXPECT_THAT(ids({.owner = "bob"}), IsEmpty());
  EXPECT_THAT(ids({.destination = "mail"}), ElementsAre(DeliveryId{first, 2}));
  EXPECT_THAT(claim(*a_, query({"mail"})), SizeIs(1));
  EXPECT_THAT(ids({.states = {DeliveryState::sending, DeliveryState::dead}}), ElementsAre(DeliveryId{first, 2}));
  auto page = wait(outbox.list_deliveries({.limit = 2}));
  ASSERT_TRUE(page);
  EXPECT_THAT(page->deliveries, SizeIs(2));
  ASSERT_FALSE(page->next_cursor.empty());
  EXPECT_THAT(ids({.limit = 2, .cursor = page->next_cursor}), ElementsAre(DeliveryId{first, 1}));
  EXPECT_EQ(wait(outbox.list_deliveries({.limit = 0})).error().code, errc::invalid_argument);
  EXPECT_EQ(wait(outbox.list_deliveries({.cursor = "no cursor"})).error().code, errc::invalid_argument);
}

TEST_P(OutboxContract, ALostTaskIsToldOfAsFailed) {
  const TaskId id = start(*b_);
  ASSERT_TRUE(wait(b_->add_redirect(id, to("chat", "general", RedirectOn::failed))));
  state_->kill(std::move(b_));
  state_->let_lease_pass();
  const auto report = wait(a_->reap_lost({}));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_THAT(report->lost, ElementsAre(id));
  EXPECT_EQ(claim_one(*a_).id, (DeliveryId{id, 1}));
}

TEST_P(OutboxContract, EveryProcessThatDeliversHearsWhenSomethingIsDue) {
  DueHeard here;
  DueHeard there;
  a_->outbox().listen(&here);
  b_->outbox().listen(&there);
  run_ready(loop_);
  here.due = there.due = 0;
  ended({to("chat")});
  until([&] { return here.due > 0 && there.due > 0; });
  const Delivery held = claim_one(*a_);
  ended({to("chat")});
  until([&] { return there.due > 1; });
  EXPECT_THAT(claim(*b_), IsEmpty());
  there.due = 0;
  deliver(*a_, held);
  until([&] { return there.due > 0; });
  EXPECT_THAT(claim(*b_), SizeIs(1)) << "the channel is free";
  a_->outbox().listen(nullptr);
  b_->outbox().listen(nullptr);
}

TEST_P(OutboxContract, WhatIsNotThereIsNotFoundAndSaysSo) {
  const DeliveryId none{new_id(), 1};
  EXPECT_THAT(wait(a_->outbox().find_delivery(none)).error().detail, HasSubstr(none.text()));
  EXPECT_EQ(wait(a_->outbox().chunks(none)).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->outbox().plan({none, 1}, {"x"})).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->outbox().step({none, 1}, {})).error().code, errc::not_found);
  EXPECT_EQ(wait(a_->outbox().suppress_read(none.task_id)), 0U);
}

}  // namespace
}  // namespace meantime::test
