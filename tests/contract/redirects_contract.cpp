// SPDX-License-Identifier: MIT
// redirects_contract.cpp: where results are to be delivered: set from anywhere, kept with the task.
#include "contract/store_contract.hpp"

namespace meantime::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Redirect to(std::string channel, std::uint32_t max_chars = 0, RedirectOn on = RedirectOn::always) {
  return {.destination = "chat \xE2\x9C\x93",
          .channel_id = std::move(channel),
          .platform = "matrix",
          .max_chars = max_chars,
          .on = on};
}

TEST_P(StoreContract, S45_ARedirectSetByAnotherWorkerWakesTheTasksOwn) {
  const TaskId id = start(*a_);
  const TaskId other = start(*a_);
  const Redirect redirect = to("general", 500, RedirectOn::failed);
  ASSERT_TRUE(wait(b_->add_redirect(id, redirect)));
  until([&] { return !heard_a_.redirected.empty(); });
  for (Store* store : {a_.get(), b_.get()}) {
    EXPECT_THAT(find(*store, id).redirects, ElementsAre(redirect));
    EXPECT_THAT(find(*store, other).redirects, IsEmpty());
  }
  EXPECT_THAT(heard_a_.redirected, ElementsAre(id));
  EXPECT_THAT(heard_b_.redirected, IsEmpty());
}

TEST_P(StoreContract, F24_RedirectsStandSideBySideAndTheSamePlaceIsReplaced) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->add_redirect(id, to("one", 10))));
  ASSERT_TRUE(wait(b_->add_redirect(id, to("two"))));
  ASSERT_TRUE(wait(b_->add_redirect(id, to("one", 20, RedirectOn::completed))));
  Redirect elsewhere = to("one");
  elsewhere.destination = "mail";
  ASSERT_TRUE(wait(a_->add_redirect(id, elsewhere)));
  const auto expected = std::vector{to("one", 20, RedirectOn::completed), to("two"), elsewhere};
  EXPECT_EQ(find(*a_, id).redirects, expected);
  EXPECT_EQ(list(*b_, {}).tasks.front().redirects, expected);
}

TEST_P(StoreContract, ATaskHasOnlySoManyRedirects) {
  const TaskId id = start(*a_);
  for (std::size_t i = 0; i < max_redirects; ++i) ASSERT_TRUE(wait(b_->add_redirect(id, to(std::to_string(i)))));
  const auto refused = wait(b_->add_redirect(id, to("one more")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::overloaded);
  EXPECT_THAT(refused.error().detail, ::testing::HasSubstr("16"));
  EXPECT_TRUE(wait(b_->add_redirect(id, to("7", 99)))) << "to replace one is no more";
  const auto redirects = find(*a_, id).redirects;
  ASSERT_EQ(redirects.size(), max_redirects);
  EXPECT_EQ(redirects[7].max_chars, 99U);
}

TEST_P(StoreContract, S40_ARedirectMayBeSetAfterTheEndAndStaysThroughIt) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->add_redirect(id, to("before"))));
  must_finish(*a_, id, "result");
  ASSERT_TRUE(wait(b_->add_redirect(id, to("after"))));
  EXPECT_THAT(find(*a_, id).redirects, ElementsAre(to("before"), to("after")));
  EXPECT_EQ(find(*b_, id).status, TaskStatus::completed);
  run_ready(loop_);
  EXPECT_THAT(heard_a_.redirected, IsEmpty()) << "nothing of it runs there any more";
}

TEST_P(StoreContract, S40_ARedirectOfATaskThatIsNotThereIsNotFound) {
  const auto refused = wait(a_->add_redirect(new_id(), to("general")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::not_found);
}

TEST_P(StoreContract, ARedirectGoesWithItsTask) {
  const TaskId id = start(*a_);
  ASSERT_TRUE(wait(a_->add_redirect(id, to("general", 0, RedirectOn::failed))));
  must_finish(*a_, id);
  clock_.advance(Milliseconds(1'000));
  EXPECT_EQ(wait(a_->forget_ended(clock_.wall_now())), 1U);
  EXPECT_EQ(wait(a_->add_redirect(id, to("general"))).error().code, errc::not_found);
}

}  // namespace
}  // namespace meantime::test
