// SPDX-License-Identifier: MIT
// list_contract.cpp: S36 and F25, lists over all workers, paged and filtered.
#include "contract/store_contract.hpp"

namespace meantime::test {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

TEST_P(StoreContract, S36_F25_AListShowsTheTasksOfAllWorkersNewestFirst) {
  std::vector<TaskId> made;
  for (int i = 0; i < 6; ++i) {
    made.push_back(start(i % 2 == 0 ? *a_ : *b_));
    clock_.advance(Milliseconds(10));
  }
  must_finish(*a_, made[0]);
  std::ranges::reverse(made);
  EXPECT_THAT(ids_of(list(*a_, {.user_id = "ann"})), ElementsAreArray(made));
  EXPECT_THAT(ids_of(list(*b_, {})), ElementsAreArray(made));
  const TaskRecord last = list(*b_, {.user_id = "ann"}).tasks.back();
  EXPECT_EQ(last.status, TaskStatus::completed);
  EXPECT_EQ(last.result_bytes, 2U);
}

TEST_P(StoreContract, S31_AnOwnersListHoldsNothingOfOthers) {
  const TaskId anns = start(*a_, {.owner = "ann"});
  const TaskId bobs = start(*a_, {.owner = "bob"});
  EXPECT_THAT(ids_of(list(*b_, {.user_id = "ann"})), ElementsAre(anns));
  EXPECT_THAT(ids_of(list(*b_, {.user_id = "bob", .status = TaskStatus::running})), ElementsAre(bobs));
  EXPECT_THAT(ids_of(list(*b_, {.user_id = "carl"})), ElementsAre());
  EXPECT_THAT(ids_of(list(*b_, {.user_id = ""})), ElementsAre());  // nobody's: not everybody's
  // Another's task as the cursor gives nothing of another's.
  EXPECT_THAT(ids_of(list(*b_, {.user_id = "ann", .after = bobs})), ElementsAre(anns));
}

TEST_P(StoreContract, S36_AListIsFilteredByStatusToolAndAge) {
  const TaskId old = start(*a_, {.tool = "alpha"});
  clock_.advance(Milliseconds(1'000));
  const WallTime middle = clock_.wall_now();
  const TaskId running = start(*a_, {.tool = "beta"});
  const TaskId failed_task = start(*b_, {.tool = "beta"});
  must_finish(*a_, old);
  ASSERT_TRUE(finish(*b_, failed_task, failed("E: x")));
  for (const auto& owner : {std::optional<std::string>("ann"), std::optional<std::string>()}) {
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .status = TaskStatus::running})), ElementsAre(running));
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .status = TaskStatus::completed})), ElementsAre(old));
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .status = TaskStatus::failed})), ElementsAre(failed_task));
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .tool_name = "beta"})), ElementsAre(failed_task, running));
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .tool_name = "gamma"})), ElementsAre());
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .created_after = middle})), ElementsAre(failed_task, running));
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner, .created_before = middle})), ElementsAre(old));
    EXPECT_THAT(ids_of(list(*b_, {.user_id = owner,
                                  .status = TaskStatus::running,
                                  .tool_name = "beta",
                                  .created_after = middle,
                                  .created_before = middle + Milliseconds(1)})),
                ElementsAre(running));
  }
}

TEST_P(StoreContract, S36_PagesFollowEachOtherWithoutGapsAndEnd) {
  std::vector<TaskId> made;
  for (int i = 0; i < 57; ++i) {
    made.push_back(start(i % 3 == 0 ? *a_ : *b_));
    if (i % 5 == 0) clock_.advance(Milliseconds(3));
  }
  for (std::size_t i = 0; i < made.size(); i += 2) {
    const bool of_a = i % 3 == 0;
    must_finish(of_a ? *a_ : *b_, made[i]);
  }
  std::ranges::reverse(made);
  for (const std::uint32_t limit : {1U, 10U, 56U, 57U, 58U, 1'000U}) {
    for (const auto& owner : {std::optional<std::string>("ann"), std::optional<std::string>()}) {
      std::vector<TaskId> seen;
      std::optional<TaskId> cursor;
      do {
        const TaskList page = list(*a_, {.user_id = owner, .limit = limit, .after = cursor});
        EXPECT_LE(page.tasks.size(), limit);
        for (const TaskId& id : ids_of(page)) seen.push_back(id);
        cursor = page.next;
      } while (cursor);
      EXPECT_THAT(seen, ElementsAreArray(made)) << limit;
    }
  }
}

TEST_P(StoreContract, APageGoesOnWhereItsCursorWasAlthoughThatTaskEndedMeanwhile) {
  std::vector<TaskId> made;
  for (int i = 0; i < 10; ++i) {
    made.push_back(start(*a_));
    clock_.advance(Milliseconds(2));
  }
  ListQuery query{.user_id = "ann", .status = TaskStatus::running, .limit = 4};
  TaskList page = list(*b_, query);
  ASSERT_EQ(page.next, made[6]);
  must_finish(*a_, made[6]);
  query.after = page.next;
  page = list(*b_, query);
  EXPECT_THAT(ids_of(page), ElementsAre(made[5], made[4], made[3], made[2]));
}

TEST_P(StoreContract, APageGoesOnAlthoughItsCursorWasForgottenMeanwhile) {
  std::vector<TaskId> made;
  for (int i = 0; i < 6; ++i) {
    made.push_back(start(*a_));
    clock_.advance(Milliseconds(2));
  }
  must_finish(*a_, made[3]);
  clock_.advance(Milliseconds(2));
  ASSERT_EQ(wait(a_->forget_ended(clock_.wall_now())), 1U);
  for (const auto& owner : {std::optional<std::string>("ann"), std::optional<std::string>()}) {
    const TaskList page = list(*b_, {.user_id = owner, .after = made[3]});
    EXPECT_THAT(ids_of(page), ElementsAre(made[2], made[1], made[0]));
  }
}

TEST_P(StoreContract, AListWithALimitThatMakesNoSenseIsRefused) {
  for (const std::uint32_t limit : {0U, 1'001U, 4'000'000'000U}) {
    const auto answer = wait(a_->list({.limit = limit}));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, errc::invalid_argument);
    EXPECT_NE(answer.error().detail.find("1 to 1000"), std::string::npos);
  }
}

TEST_P(StoreContract, NamesThatLookLikeQueriesAreOnlyNames) {
  const std::string odd = "x' OR '1'='1";
  const TaskId id = start(*a_, {.tool = "t\"; DROP", .owner = odd});
  start(*a_);
  EXPECT_THAT(ids_of(list(*b_, {.user_id = odd})), ElementsAre(id));
  EXPECT_THAT(ids_of(list(*b_, {.tool_name = "t\"; DROP"})), ElementsAre(id));
}

}  // namespace
}  // namespace meantime::test
