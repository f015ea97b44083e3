// SPDX-License-Identifier: MIT
// What only the SQLite store does: its file, its schema, faults of the disk, and waking without polls.
#include "meantime/sqlite_store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <latch>
#include <thread>

#include "meantime/random.hpp"
#include "meantime/system_clock.hpp"
#include "store/sqlite/notices.hpp"
#include "store/sqlite/schema.hpp"
#include "support/co_test.hpp"
#include "support/full_disk.hpp"
#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using test::FullDisk;
using ::testing::HasSubstr;

class Listener final : public StoreListener {
 public:
  std::vector<TaskId> ended;
  std::vector<bool> available;
  void on_ended(const TaskId& task) override { ended.push_back(task); }
  void on_cancel_requested(const TaskId&) override {}
  void on_changed(const TaskId&) override {}
  void on_worker_died() override {}
  void on_redirected(const TaskId&) override {}
  void on_input_answered(const TaskId&) override {}
  void on_available(bool is, std::string_view) override { available.push_back(is); }
  void on_forgotten() override {}
};

// Root may write whatever a file's mode says: where the tests run as root, this part of one does not.
class OrdinaryUser {
 public:
  OrdinaryUser() : was_root_(geteuid() == 0) {
    if (was_root_ && seteuid(nobody) != 0) throw std::runtime_error("cannot become an ordinary user");
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;
  ~OrdinaryUser() {
    if (was_root_ && seteuid(0) != 0) std::abort();
  }

 private:
  static constexpr uid_t nobody = 65534;
  const bool was_root_;
};

class SqliteStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Store>> try_open(SqliteOptions options) {
    return open_sqlite_store(loop_, clock_, random_, std::move(options));
  }
  std::unique_ptr<Store> open() {
    auto store = try_open({.file = file_});
    if (!store) throw std::runtime_error(store.error().detail);
    return std::move(*store);
  }
  template <class T>
  T wait(Task<T> task) {
    return test::run(loop_, std::move(task));
  }
  Task<Result<StartVerdict>> starting(Store& store, const TaskId& id) {
    const TaskStart start{.task_id = id, .tool_name = "search", .caller = &caller_, .created_at = clock_.wall_now()};
    return store.start(start);
  }
  TaskId start(Store& store) {
    const TaskId id = ids_.make(clock_.wall_now());
    const auto verdict = wait(starting(store, id));
    EXPECT_TRUE(verdict) << verdict.error().detail;
    return id;
  }
  Result<FinishVerdict> finish(Store& store, const TaskId& id, std::string result = "ok") {
    return wait(store.finish({id, 1}, {.result = std::move(result), .ended_at = clock_.wall_now()}));
  }
  void close(std::unique_ptr<Store> store) { wait(store->close()); }
  void sql(const std::string& text) {
    store::Database db(file_, SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(db.run(text.c_str())) << db.fault("test").detail;
  }
  std::int64_t number(const std::string& text) {
    store::Database db(file_, SQLITE_OPEN_READWRITE);
    return db.integer(text.c_str());
  }
  static unsigned mode(const fs::path& path) {
    struct stat found{};
    EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 0777U;
  }

  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  Caller caller_{"ann", "general", "discord"};
  test::TempFolder folder_;
  fs::path file_ = folder_.path() / "deep" / "state" / "tasks.db";
};

TEST_F(SqliteStoreTest, FolderAndFilesAreMadeForTheirUserAlone) {
  auto store = open();
  start(*store);
  EXPECT_EQ(mode(folder_.path() / "deep"), 0700U);
  EXPECT_EQ(mode(folder_.path() / "deep" / "state"), 0700U);
  EXPECT_EQ(mode(file_), 0600U);
  EXPECT_EQ(mode(file_.string() + "-wal"), 0600U);
  EXPECT_EQ(mode(file_.string() + "-run"), 0700U);
  close(std::move(store));
  EXPECT_TRUE(fs::is_empty(file_.string() + "-run"));
}

TEST_F(SqliteStoreTest, AResultIsOnDiskBeforeAnyoneIsTold) {
  auto store = open();
  const TaskId id = start(*store);
  ASSERT_TRUE(finish(*store, id, "durable")->stored);
  // Another connection, as after a crash, with nothing of this store's memory.
  EXPECT_EQ(number("SELECT count(*) FROM tasks WHERE status = 1 AND result = CAST('durable' AS BLOB)"), 1);
  close(std::move(store));
}

TEST_F(SqliteStoreTest, ATaskIsThereAfterAReopen) {
  auto store = open();
  const TaskId id = start(*store);
  ASSERT_TRUE(finish(*store, id, "kept"));
  close(std::move(store));
  store = open();
  EXPECT_EQ(wait(store->read_result(id, 0, 0))->text, "kept");
  close(std::move(store));
}

TEST_F(SqliteStoreTest, AStartAndItsEndThatWaitTogetherAreOneRowWrittenOnce) {
  auto store = open();
  const TaskId id = ids_.make(clock_.wall_now());
  // Another program holds the lock, so that both wait for the same transaction.
  store::Database other(file_, SQLITE_OPEN_READWRITE);
  ASSERT_TRUE(other.run("BEGIN IMMEDIATE"));
  auto first = starting(*store, ids_.make(clock_.wall_now()));
  auto started = starting(*store, id);
  auto ended = store->finish({id, 1}, {.result = "both", .ended_at = clock_.wall_now()});
  ASSERT_TRUE(other.run("COMMIT"));
  EXPECT_FALSE(wait(std::move(started))->joined);
  EXPECT_TRUE(wait(std::move(ended))->stored);
  ASSERT_TRUE(wait(std::move(first)));
  EXPECT_EQ(wait(store->find(id))->status, TaskStatus::completed);
  EXPECT_EQ(wait(store->read_result(id, 0, 0))->text, "both");
  close(std::move(store));
}

TEST_F(SqliteStoreTest, ManyProcessesThatMakeTheSameNewFileAtOnceAllOpenIt) {
  for (int round = 0; round < 20; ++round) {
    file_ = folder_.path() / ("round" + std::to_string(round)) / "tasks.db";
    std::vector<std::string> errors(6);
    std::vector<std::thread> openers;
    std::latch together(static_cast<std::ptrdiff_t>(errors.size()));
    for (std::string& error : errors) {
      openers.emplace_back([&] {
        together.arrive_and_wait();
        const auto opened = store::open_for_writing({.file = file_});
        if (!opened) error = opened.error().detail;
      });
    }
    for (std::thread& opener : openers) opener.join();
    EXPECT_THAT(errors, ::testing::Each(""));
  }
}

TEST_F(SqliteStoreTest, AnotherProgramsFileIsRefused) {
  fs::create_directories(file_.parent_path());
  {
    store::Database other(file_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(other.run("CREATE TABLE theirs(x)"));
  }
  const auto store = try_open({.file = file_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::corrupt);
  EXPECT_THAT(store.error().detail, HasSubstr("another program"));
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master"), 1);  // and left as it was
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsRefusedAndLeftAsItWas) {
  fs::create_directories(file_.parent_path());
  std::ofstream(file_) << std::string(5'000, 'x');
  const auto store = try_open({.file = file_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::corrupt);
  EXPECT_THAT(store.error().detail, HasSubstr("is not a database"));
  EXPECT_EQ(fs::file_size(file_), 5'000U);
}

TEST_F(SqliteStoreTest, ANewerSchemaIsRefusedWithTheRemedy) {
  close(open());
  sql("PRAGMA user_version = 99");
  const auto store = try_open({.file = file_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::corrupt);
  EXPECT_THAT(store.error().detail, HasSubstr("update meantime"));
  EXPECT_THAT(store.error().detail, HasSubstr("schema 99"));
}

TEST_F(SqliteStoreTest, AnOlderSchemaIsBroughtUpToDateStepByStepAndKeepsItsTasks) {
  auto store = open();
  const TaskId id = start(*store);
  ASSERT_TRUE(finish(*store, id, "old"));
  close(std::move(store));
  std::vector<const char*> steps(store::migrations().begin(), store::migrations().end());
  const auto now = static_cast<std::int64_t>(steps.size());
  steps.push_back("ALTER TABLE tasks ADD COLUMN first_new TEXT DEFAULT 'new'");
  steps.push_back("CREATE TABLE second_new(x); INSERT INTO second_new VALUES(7)");
  {
    const auto opened = store::open_for_writing({.file = file_}, steps);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->db->integer("PRAGMA user_version"), now + 2);
    EXPECT_EQ(opened->db->integer("SELECT count(*) FROM tasks WHERE first_new = 'new'"), 1);
    EXPECT_EQ(opened->db->integer("SELECT x FROM second_new"), 7);
  }
  // A step that fails leaves the file at the version it had.
  steps.push_back("CREATE TABLE third(x); INSERT INTO nowhere VALUES(1)");
  EXPECT_FALSE(store::open_for_writing({.file = file_}, steps));
  EXPECT_EQ(number("PRAGMA user_version"), now + 2);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name = 'third'"), 0);
}

TEST_F(SqliteStoreTest, AFileOfTheFirstSchemaIsReadAndTakesRedirects) {
  fs::create_directories(file_.parent_path());
  const TaskId id = ids_.make(clock_.wall_now());
  {
    const auto first = store::open_for_writing({.file = file_}, store::migrations().first(1));
    ASSERT_TRUE(first) << first.error().detail;
    store::Statement insert(*first->db,
                            "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created, status, reason, "
                            "ended, result_bytes, result_chars, result) "
                            "VALUES(?,'ann','search','general','discord','gone',1,1,1,2,3,3,CAST('old' AS BLOB))");
    ASSERT_TRUE(insert.run(store::Blob{id.raw()}));
  }
  auto store = open();
  EXPECT_EQ(number("PRAGMA user_version"), static_cast<std::int64_t>(store::migrations().size()));
  EXPECT_EQ(wait(store->read_result(id, 0, 0))->text, "old");
  const Redirect redirect{
      .destination = "chat", .channel_id = "general", .platform = "matrix", .on = RedirectOn::failed};
  ASSERT_TRUE(wait(store->add_redirect(id, redirect)));
  EXPECT_EQ(wait(store->find(id))->redirects, std::vector{redirect});
  EXPECT_EQ(wait(store->forget_ended(clock_.wall_now())), 1U);
  EXPECT_EQ(number("SELECT count(*) FROM redirects"), 0);
  close(std::move(store));
}

TEST_F(SqliteStoreTest, AFileOfTheSecondSchemaTakesInputAndAnswers) {
  fs::create_directories(file_.parent_path());
  ASSERT_TRUE(store::open_for_writing({.file = file_}, store::migrations().first(2)));
  EXPECT_EQ(number("PRAGMA user_version"), 2);
  auto store = open();
  EXPECT_EQ(number("PRAGMA user_version"), static_cast<std::int64_t>(store::migrations().size()));
  const TaskId id = start(*store);
  const InputRequest request{.key = "name", .method = "elicitation/create", .params = "{}"};
  ASSERT_TRUE(wait(store->ask_input({id, 1}, {request})));
  EXPECT_EQ(wait(store->find(id))->input_requests, std::vector{request});
  close(std::move(store));
}

TEST_F(SqliteStoreTest, ARedirectOfAFileOfTheThirdSchemaIsDelivered) {
  fs::create_directories(file_.parent_path());
  const TaskId id = ids_.make(clock_.wall_now());
  {
    const auto third = store::open_for_writing({.file = file_}, store::migrations().first(3));
    ASSERT_TRUE(third) << third.error().detail;
    store::Statement task(*third->db,
                          "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created) "
                          "VALUES(?,'ann','search','general','discord','gone',1)");
    ASSERT_TRUE(task.run(store::Blob{id.raw()}));
    store::Statement redirect(*third->db, "INSERT INTO redirects VALUES(1, 1, 'chat', 'matrix', 'general', 0, 0)");
    ASSERT_TRUE(redirect.run());
  }
  auto store = open();
  ASSERT_TRUE(wait(store->finish({id, 1, "gone"}, {.result = "old", .ended_at = clock_.wall_now()})));
  const auto claimed = wait(store->outbox().claim({.destinations = {"chat"}}));
  ASSERT_TRUE(claimed) << claimed.error().detail;
  ASSERT_EQ(claimed->deliveries.size(), 1U);
  EXPECT_EQ(claimed->deliveries.front().id, (DeliveryId{id, 1}));
  close(std::move(store));
}

TEST_F(SqliteStoreTest, WhatACallerAnsweredIsGoneFromTheFileWithTheEndOfItsTask) {
  auto store = open();
  const TaskId id = start(*store);
  const TaskId other = start(*store);
  for (const TaskId& each : {id, other}) {
    ASSERT_TRUE(wait(store->ask_input({each, 1}, {{.key = "name", .method = "m", .params = "{}"}})));
    ASSERT_EQ(wait(store->answer_input(each, {{"name", R"({"secret":1})"}})), 1U);
  }
  ASSERT_TRUE(finish(*store, id, "done"));
  EXPECT_EQ(number("SELECT count(*) FROM inputs"), 1);
  ASSERT_TRUE(finish(*store, other, "done"));
  EXPECT_EQ(number("SELECT count(*) FROM inputs"), 0);
  close(std::move(store));
}

TEST_F(SqliteStoreTest, AFolderThatCannotBeIsNamedWithTheRemedy) {
  const fs::path in_the_way = folder_.path() / "file";
  std::ofstream(in_the_way) << "x";
  auto store = try_open({.file = in_the_way / "tasks.db"});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::unavailable);
  EXPECT_THAT(store.error().detail, HasSubstr("is not a folder"));
  store = try_open({.file = "/proc/meantime/tasks.db"});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().detail, HasSubstr("cannot be made"));
  store = try_open({.file = folder_.path()});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().detail, HasSubstr("is not a file"));
  store = try_open({});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::invalid_argument);
}

TEST_F(SqliteStoreTest, ADiskThatIsFullIsSaidAndWhatWaitsIsStoredWhenThereIsSpaceAgain) {
  auto store = open();
  Listener listener;
  store->listen(&listener);
  const TaskId id = start(*store);
  const std::string large(4 << 20, 'r');
  const WallTime now = clock_.wall_now();
  {
    FullDisk full(1 << 20);
    const auto verdict = wait(store->finish({id, 1}, {.result = large, .ended_at = now}));
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, errc::unavailable);
    EXPECT_THAT(verdict.error().detail, AnyOf(HasSubstr("Free some space"), HasSubstr("free some")));
    test::run_until(loop_, [&] { return !listener.available.empty(); });
    EXPECT_FALSE(listener.available.front());
    EXPECT_EQ(wait(store->find(id))->status, TaskStatus::running);
  }
  // F10: the same end again, once the store has said that it is back.
  test::run_until(loop_, [&] { return listener.available.back(); });
  EXPECT_TRUE(wait(store->finish({id, 1}, {.result = large, .ended_at = now}))->stored);
  EXPECT_EQ(wait(store->find(id))->result_bytes, large.size());
  EXPECT_EQ(number("PRAGMA integrity_check = 'ok'"), 0);
  store->listen(nullptr);
  close(std::move(store));
}

TEST_F(SqliteStoreTest, OneResultThatFindsNoRoomDoesNotTakeTheOthersDown) {
  auto store = open();
  std::vector<TaskId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(start(*store));
  FullDisk full(2 << 20);
  std::vector<Task<Result<FinishVerdict>>> ends;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ends.push_back(store->finish({ids[i], 1},
                                 {.result = std::string(i == 2 ? 8 << 20 : 100, 'r'), .ended_at = clock_.wall_now()}));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(wait(std::move(ends[i])).has_value(), i != 2) << i;
  full.free_space();
  close(std::move(store));
}

TEST_F(SqliteStoreTest, AFileThatSomebodyRemovedIsMadeAnewForAllWhoHaveItOpen) {
  auto store = open();
  auto other = open();
  const TaskId before = start(*store);
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(file_.string() + suffix);
  EXPECT_EQ(finish(*store, before).error().code, errc::not_found);
  const TaskId after = start(*store);
  EXPECT_EQ(wait(other->find(after))->status, TaskStatus::running);
  EXPECT_TRUE(finish(*store, after)->stored);
  EXPECT_EQ(wait(other->find(after))->status, TaskStatus::completed);
  EXPECT_EQ(mode(file_), 0600U);
  close(std::move(store));
  close(std::move(other));
}

TEST_F(SqliteStoreTest, AFileThatMayOnlyBeReadIsReadAndItsWritesAreRefusedWithTheRemedy) {
  auto store = open();
  const TaskId id = start(*store);
  ASSERT_TRUE(finish(*store, id, "readable"));
  close(std::move(store));
  chmod(file_.c_str(), 0444);
  for (fs::path folder = file_.parent_path(); folder != folder_.path().parent_path(); folder = folder.parent_path()) {
    chmod(folder.c_str(), 0555);
  }
  auto user = std::make_optional<OrdinaryUser>();
  const auto refused = try_open({.file = file_});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_THAT(refused.error().detail, HasSubstr("cannot be written"));
  auto reading = try_open({.file = file_, .read_only_ok = true});
  ASSERT_TRUE(reading) << reading.error().detail;
  EXPECT_EQ(wait((*reading)->read_result(id, 0, 0))->text, "readable");
  EXPECT_EQ(finish(**reading, id).error().code, errc::unavailable);
  close(std::move(*reading));
  user.reset();
  for (fs::path folder = file_.parent_path(); folder != folder_.path().parent_path(); folder = folder.parent_path()) {
    chmod(folder.c_str(), 0700);
  }
}

TEST_F(SqliteStoreTest, AWaiterIsWokenByTheEventAndNotByALook) {
  auto runs = open();
  auto waits = open();
  Listener listener;
  waits->listen(&listener);
  std::vector<std::chrono::nanoseconds> waited;
  for (int i = 0; i < 50; ++i) {
    const TaskId id = start(*runs);
    waits->watch(id);
    ASSERT_TRUE(wait(waits->find(id)));  // the watch's own look is over
    const auto began = std::chrono::steady_clock::now();
    auto ending = runs->finish({id, 1}, {.result = "x", .ended_at = clock_.wall_now()});
    test::run_until(loop_, [&] { return !listener.ended.empty() && listener.ended.back() == id; });
    waited.push_back(std::chrono::steady_clock::now() - began);
    ASSERT_TRUE(wait(std::move(ending)));
    waits->unwatch(id);
  }
  std::ranges::sort(waited);
  EXPECT_LT(waited[25], std::chrono::milliseconds(500));  // the look at intervals comes every two seconds
  close(std::move(runs));
  close(std::move(waits));
}

TEST_F(SqliteStoreTest, AWaiterWhoseSocketWasFullIsToldToLookAtEverything) {
  auto runs = open();
  asio::io_context busy;          // of a process that does not get round to its socket
  test::ManualClock still(busy);  // and whose looks at intervals never come
  auto opened = open_sqlite_store(busy, still, random_, {.file = file_, .lease = Milliseconds(1'000'000'000)});
  ASSERT_TRUE(opened);
  auto waits = std::move(*opened);
  Listener listener;
  waits->listen(&listener);
  std::vector<TaskId> ids;
  for (int i = 0; i < 600; ++i) ids.push_back(start(*runs));
  for (const TaskId& id : {ids.front(), ids.back()}) {
    waits->watch(id);
    ASSERT_EQ(test::run(busy, waits->find(id))->status, TaskStatus::running);
  }
  for (const TaskId& id : ids) ASSERT_TRUE(finish(*runs, id));  // one datagram each: more than a socket holds
  test::run_until(busy, [&] { return std::ranges::find(listener.ended, ids.back()) != listener.ended.end(); });
  test::run(busy, waits->close());
  close(std::move(runs));
}

TEST_F(SqliteStoreTest, ALongPathHasItsSocketAllTheSame) {
  file_ = folder_.path() / std::string(120, 'a') / std::string(120, 'b') / "tasks.db";
  auto store = open();
  const TaskId id = start(*store);
  EXPECT_TRUE(finish(*store, id));
  close(std::move(store));
}

TEST_F(SqliteStoreTest, TheLogDoesNotGrowWithoutEnd) {
  auto store = open();
  for (int round = 0; round < 30; ++round) {
    std::vector<TaskId> ids;
    std::vector<Task<Result<FinishVerdict>>> ends;
    for (int i = 0; i < 20; ++i) ids.push_back(start(*store));
    for (const TaskId& id : ids) {
      ends.push_back(store->finish({id, 1}, {.result = std::string(60'000, 'r'), .ended_at = clock_.wall_now()}));
    }
    for (auto& end : ends) ASSERT_TRUE(wait(std::move(end)));
  }
  // 36 MB were written through it.
  EXPECT_LT(fs::file_size(file_.string() + "-wal"), 24U << 20U);
  close(std::move(store));
}

TEST(SqliteNotices, WhatIsNoNoticeIsReadAsAHintToLook) {
  using store::NoticeKind;
  using store::parse_notice;
  EXPECT_EQ(parse_notice("").kind, NoticeKind::look);
  EXPECT_EQ(parse_notice("e123").kind, NoticeKind::look);
  EXPECT_EQ(parse_notice("?" + std::string(20, 'x')).kind, NoticeKind::look);
  const auto notice = parse_notice("e" + std::string(40, 'x'));
  EXPECT_EQ(notice.kind, NoticeKind::ended);
  EXPECT_EQ(notice.tasks.size(), 2U);
}

TEST(StateFolder, IsTheUsersOwnUnlessTheEnvironmentSaysOtherwise) {
  setenv("MEANTIME_STATE_DIR", "/somewhere", 1);
  EXPECT_EQ(default_state_folder(), "/somewhere");
  unsetenv("MEANTIME_STATE_DIR");
  setenv("XDG_STATE_HOME", "/xdg", 1);
  EXPECT_EQ(default_state_folder(), "/xdg/meantime");
  setenv("XDG_STATE_HOME", "relative", 1);
  setenv("HOME", "/home/ann", 1);
  EXPECT_EQ(default_state_folder(), "/home/ann/.local/state/meantime");
  setenv("HOME", "", 1);
  const std::string without_home = default_state_folder().string();
  EXPECT_TRUE(without_home.ends_with("/.local/state/meantime")) << without_home;
  EXPECT_FALSE(without_home.starts_with("/tmp/")) << "a folder that anybody can make is nobody's home";
  unsetenv("XDG_STATE_HOME");
}

}  // namespace
}  // namespace meantime
