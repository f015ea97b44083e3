// SPDX-License-Identifier: MIT
// journal_test.cpp: what both journals do, and what only the one on disk does.
#include "meantime/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "meantime/random.hpp"
#include "store/sqlite/database.hpp"
#include "support/co_test.hpp"
#include "support/full_disk.hpp"
#include "support/temp_folder.hpp"

namespace meantime {
namespace {

namespace fs = std::filesystem;
using test::FullDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JournalTest : public ::testing::TestWithParam<bool> {
 protected:
  ~JournalTest() override {
    journal_.reset();
    test::run_ready(loop_);
  }
  void open() {
    journal_.reset();
    auto opened = open_sqlite_journal(loop_, file_);
    if (!opened) throw std::runtime_error(opened.error().detail);
    journal_ = std::move(*opened);
  }
  JournalEntry entry(std::string result) {
    JournalEntry made;
    made.task_id = ids_.make(WallTime(Milliseconds(1'000)));
    made.tool_name = "search";
    made.caller = {"ann", "general", "matrix"};
    made.created_at = WallTime(Milliseconds(1'234));
    made.worker = "worker-1";
    made.start_stored = true;
    made.end.result = std::move(result);
    made.end.ended_at = WallTime(Milliseconds(5'678));
    return made;
  }
  Result<void> append(JournalEntry one) { return test::run(loop_, journal_->append(std::move(one))); }
  std::vector<std::string> results() {
    std::vector<std::string> found;
    for (const auto& each : journal_->front(1'000'000)) found.push_back(each->end.result);
    return found;
  }

  boost::asio::io_context loop_;
  SystemRandom random_;
  TaskIdSource ids_{random_};
  test::TempFolder folder_;
  fs::path file_ = folder_.path() / "deep" / "journal.db";
  std::unique_ptr<Journal> journal_;
};

class AnyJournal : public JournalTest {
 protected:
  void SetUp() override { GetParam() ? open() : void(journal_ = make_memory_journal()); }
};
INSTANTIATE_TEST_SUITE_P(Both, AnyJournal, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? std::string("Sqlite") : std::string("Memory"); });

TEST_P(AnyJournal, GivesEntriesInTheOrderInWhichTheyCameUntilTheyAreTakenOut) {
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(append(entry(text)));
  EXPECT_THAT(results(), ElementsAre("one", "two", "three"));
  EXPECT_EQ(journal_->front(2).size(), 2U);
  EXPECT_EQ(journal_->size(), 3U);
  const auto second = journal_->front(2).back();
  journal_->pop(*second);
  journal_->pop(*second);  // once too often: nothing
  EXPECT_THAT(results(), ElementsAre("one", "three"));
  EXPECT_EQ(journal_->find(second->task_id), nullptr);
}

TEST_P(AnyJournal, AnEntryThatIsPutBehindComesLast) {
  for (const char* text : {"one", "two"}) ASSERT_TRUE(append(entry(text)));
  journal_->defer(*journal_->front(1).front());
  EXPECT_THAT(results(), ElementsAre("two", "one"));
  ASSERT_TRUE(append(entry("three")));
  EXPECT_THAT(results(), ElementsAre("two", "one", "three"));
}

TEST_P(AnyJournal, OfTwoRunsOfOneTaskTheLaterIsFound) {
  const JournalEntry first = entry("first");
  JournalEntry second = entry("second");
  second.task_id = first.task_id;
  second.attempt = 2;
  ASSERT_TRUE(append(first));
  ASSERT_TRUE(append(second));
  EXPECT_EQ(journal_->find(first.task_id)->end.result, "second");
  journal_->pop(*journal_->front(1).front());
  EXPECT_EQ(journal_->find(first.task_id)->end.result, "second");
  journal_->pop(*journal_->front(1).front());
  EXPECT_EQ(journal_->find(first.task_id), nullptr);
}

TEST_P(AnyJournal, KnowsHowMuchItHolds) {
  EXPECT_EQ(journal_->bytes(), 0U);
  ASSERT_TRUE(append(entry(std::string(100'000, 'x'))));
  EXPECT_GT(journal_->bytes(), 100'000U);
  EXPECT_LT(journal_->bytes(), 102'000U);
  EXPECT_EQ(journal_->durable(), GetParam() ? 1U : 0U);
  journal_->pop(*journal_->front(1).front());
  EXPECT_EQ(journal_->bytes(), 0U);
  EXPECT_EQ(journal_->durable(), 0U);
}

TEST_P(AnyJournal, AnEntryIsThereBeforeItsAppendHasAnswered) {
  const JournalEntry one = entry("one");
  auto appending = journal_->append(one);
  ASSERT_NE(journal_->find(one.task_id), nullptr);
  test::run(loop_, std::move(appending));
}

using SqliteJournal = JournalTest;

TEST_F(SqliteJournal, F10_AllThatAnEntryHoldsIsThereAfterAReopen) {
  open();
  JournalEntry one = entry(std::string("bytes \0 and \xff", 13));
  one.caller = {"ann \xE2\x9C\x93", "", "matrix"};
  one.idempotency_key = "key";
  one.rerun_if_lost = true;
  one.arguments = R"({"a":1})";
  one.attempt = 3;
  one.start_stored = false;
  one.redirects = {
      {.destination = "chat", .channel_id = "a", .platform = "p", .max_chars = 5, .on = RedirectOn::failed},
      {.destination = "mail", .channel_id = "b", .platform = "q"}};
  one.end.status = TaskStatus::failed;
  one.end.reason = EndReason::timed_out;
  one.end.media_type = MediaType::mcp_error;
  one.end.error = "TimedOut: too long";
  one.end.exit_code = 7;
  one.end.result_cut = true;
  ASSERT_TRUE(append(one));
  ASSERT_TRUE(append(entry(std::string(3'000'000, 'x'))));
  open();
  ASSERT_EQ(journal_->size(), 2U);
  EXPECT_EQ(journal_->durable(), 2U);
  const JournalEntry& found = *journal_->front(1).front();
  EXPECT_EQ(found.task_id, one.task_id);
  EXPECT_EQ(found.tool_name, one.tool_name);
  EXPECT_EQ(found.caller, one.caller);
  EXPECT_EQ(found.created_at, one.created_at);
  EXPECT_EQ(found.idempotency_key, one.idempotency_key);
  EXPECT_EQ(found.rerun_if_lost, one.rerun_if_lost);
  EXPECT_EQ(found.arguments, one.arguments);
  EXPECT_EQ(found.attempt, one.attempt);
  EXPECT_EQ(found.worker, one.worker);
  EXPECT_EQ(found.start_stored, one.start_stored);
  EXPECT_EQ(found.redirects, one.redirects);
  EXPECT_EQ(found.end.status, one.end.status);
  EXPECT_EQ(found.end.reason, one.end.reason);
  EXPECT_EQ(found.end.result, one.end.result);
  EXPECT_EQ(found.end.media_type, one.end.media_type);
  EXPECT_EQ(found.end.error, one.end.error);
  EXPECT_EQ(found.end.exit_code, one.end.exit_code);
  EXPECT_EQ(found.end.result_cut, one.end.result_cut);
  EXPECT_EQ(found.end.ended_at, one.end.ended_at);
  EXPECT_EQ(journal_->front(2).back()->end.result.size(), 3'000'000U);
  EXPECT_FALSE(journal_->front(2).back()->end.exit_code);
  // New ones come behind those that were left.
  ASSERT_TRUE(append(entry("new")));
  EXPECT_EQ(results().back(), "new");
}

TEST_F(SqliteJournal, WhatWasTakenOutDoesNotComeBackAndGivesItsRoomBack) {
  open();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(append(entry(std::string(500'000, 'x'))));
  for (const auto& each : journal_->front(100)) journal_->pop(*each);
  open();
  EXPECT_EQ(journal_->size(), 0U);
  journal_.reset();
  EXPECT_LT(fs::file_size(file_), 1'000'000U);
}

TEST_F(SqliteJournal, IsMadeForItsUserAlone) {
  open();
  struct stat found{};
  ASSERT_EQ(stat(file_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat(file_.parent_path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0700U);
}

TEST_F(SqliteJournal, OneFileIsOfOneProcessAtATime) {
  open();
  const auto second = open_sqlite_journal(loop_, file_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::unavailable);
  EXPECT_THAT(second.error().detail, HasSubstr("another meantime process"));
  EXPECT_THAT(second.error().detail, HasSubstr("name another file"));
  EXPECT_TRUE(append(entry("goes on")));
  journal_.reset();
  EXPECT_TRUE(open_sqlite_journal(loop_, file_)) << "free again at its end";
}

TEST_F(SqliteJournal, FilesThatAreNoJournalAreRefusedAndLeftAsTheyWere) {
  fs::create_directories(file_.parent_path());
  std::ofstream(file_) << std::string(5'000, 'x');
  auto refused = open_sqlite_journal(loop_, file_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt);
  EXPECT_EQ(fs::file_size(file_), 5'000U);
  fs::remove(file_);
  {
    store::Database other(file_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(other.run("CREATE TABLE theirs(x)"));
  }
  refused = open_sqlite_journal(loop_, file_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt);
  EXPECT_THAT(refused.error().detail, HasSubstr("another program"));
  fs::remove(file_);
  open();
  journal_.reset();
  {
    store::Database newer(file_, SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(newer.run("PRAGMA user_version = 99"));
  }
  refused = open_sqlite_journal(loop_, file_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("update meantime"));
  EXPECT_EQ(open_sqlite_journal(loop_, {}).error().code, errc::invalid_argument);
  EXPECT_THAT(open_sqlite_journal(loop_, folder_.path()).error().detail, HasSubstr("is not a file"));
  EXPECT_THAT(open_sqlite_journal(loop_, "/proc/meantime/journal").error().detail, HasSubstr("for the journal"));
}

TEST_F(SqliteJournal, ADiskThatIsFullIsSaidAndTheEntryIsKeptInMemoryAndWrittenWhenThereIsSpaceAgain) {
  open();
  ASSERT_TRUE(append(entry("first")));
  {
    FullDisk full(200'000);
    const auto refused = append(entry(std::string(4 << 20, 'x')));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::unavailable);
    EXPECT_THAT(refused.error().detail, ::testing::AnyOf(HasSubstr("Free some space"), HasSubstr("free some")));
    EXPECT_EQ(journal_->size(), 2U) << "kept all the same";
    EXPECT_EQ(journal_->durable(), 1U);
  }
  test::run_until(loop_, [&] { return journal_->durable() == 2; });
  open();
  EXPECT_EQ(results().back().size(), 4U << 20U);
}

TEST_F(SqliteJournal, ManyAppendsAtOnceShareTheirSyncs) {
  open();
  std::vector<Task<Result<void>>> appends;
  for (int i = 0; i < 5'000; ++i) appends.push_back(journal_->append(entry(std::to_string(i))));
  for (auto& each : appends) ASSERT_TRUE(test::run(loop_, std::move(each)));
  open();
  const auto found = results();
  ASSERT_EQ(found.size(), 5'000U);
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], std::to_string(i));
}

TEST_F(SqliteJournal, WhatWasAcceptedIsWrittenAlthoughNobodyWaitsForIt) {
  open();
  {
    auto dropped = journal_->append(entry("dropped"));
  }
  open();
  EXPECT_THAT(results(), ElementsAre("dropped"));
}

}  // namespace
}  // namespace meantime
