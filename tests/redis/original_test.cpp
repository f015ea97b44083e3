// SPDX-License-Identifier: MIT
// original_test.cpp: programs of the original system and ours on one Redis: what either writes the other reads, and
// either wakes the other's waiters (S28).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "contract/store_contract.hpp"
#include "meantime/redis_store.hpp"
#include "redis/original_peer.hpp"
#include "redis/transcript.hpp"
#include "support/fault_proxy.hpp"
#include "support/key_checker.hpp"
#include "support/redis_server.hpp"

namespace meantime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr WallTime at_start{Milliseconds(1'790'000'000'250)};  // as the peer's tasks begin

class OriginalTest : public testing::TestWithParam<RedisKind> {
 protected:
  ~OriginalTest() override {
    peer_.reset();
    close();
    EXPECT_THAT(check_keys(redis_, "sg:"), IsEmpty());
  }

  OriginalPeer& peer() {
    if (!peer_) peer_ = std::make_unique<OriginalPeer>(server_.port());
    return *peer_;
  }
  Store& store() {
    if (!store_) open({});
    return *store_;
  }
  void open(RedisOptions options, std::uint16_t port = 0) {
    options.port = port != 0 ? port : server_.port();
    auto opened = open_redis_store(loop_, clock_, random_, options);
    if (!opened) throw std::runtime_error(opened.error().detail);
    store_ = std::move(*opened);
    store_->listen(&heard_);
  }
  void close() {
    if (store_) run(loop_, store_->close());
    store_.reset();
    run_ready(loop_);
  }

  template <class T>
  T wait(Task<T> task) {
    return run(loop_, std::move(task));
  }
  TaskId start(std::string_view tool = "crawl", const std::string& user = "ann") {
    const auto id = ids_.make(clock_.wall_now());
    const Caller caller{user, "C42", "matrix"};
    const auto started =
        wait(store().start({.task_id = id, .tool_name = tool, .caller = &caller, .created_at = at_start}));
    EXPECT_TRUE(started) << started.error().detail;
    return id;
  }
  TaskEnd completed(std::string result) { return {.result = std::move(result), .ended_at = clock_.wall_now()}; }
  TaskEnd failed(std::string error, EndReason reason = EndReason::tool_error) {
    return {.status = TaskStatus::failed, .reason = reason, .error = std::move(error), .ended_at = clock_.wall_now()};
  }
  void finish(const TaskId& id, TaskEnd end) {
    const auto verdict = wait(store().finish({id}, std::move(end)));
    ASSERT_TRUE(verdict) << verdict.error().detail;
    EXPECT_TRUE(verdict->stored);
  }
  TaskRecord find(const TaskId& id) {
    auto record = wait(store().find(id));
    EXPECT_TRUE(record) << record.error().detail;
    return record ? *record : TaskRecord{};
  }
  std::string result(const TaskId& id) {
    auto page = wait(store().read_result(id, 0, 0));
    EXPECT_TRUE(page) << page.error().detail;
    return page ? page->text : std::string();
  }
  std::string field(const TaskId& id, const std::string& name) {
    return redis_.ask({"HGET", "sg:task:" + id.text(), name}).text;
  }
  std::int64_t expiry_s(const std::string& key) { return redis_.ask({"TTL", key}).number; }

  RedisServer& server_ = RedisServer::shared(GetParam().program);
  RawRedis redis_ = server_.connect();
  boost::asio::io_context loop_;
  ManualClock clock_{loop_};
  SystemRandom random_;
  TaskIdSource ids_{random_};
  Heard heard_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<OriginalPeer> peer_;
  const std::string theirs_ = "4f2a9c01d7be";
  const TaskId their_id_ = *TaskId::parse(theirs_);
};

// ---- what the original writes, we read

TEST_P(OriginalTest, S20_S28_ARunningTaskOfTheOriginalIsRead) {
  peer().start(theirs_);
  const auto record = find(their_id_);
  EXPECT_EQ(record.task_id.text(), theirs_);
  EXPECT_EQ(record.tool_name, "crawl");
  EXPECT_EQ(record.status, TaskStatus::running);
  EXPECT_EQ(record.reason, EndReason::none);
  EXPECT_EQ(record.created_at, at_start);
  EXPECT_EQ(record.caller, (Caller{"ann", "C42", "matrix"}));
  EXPECT_EQ(record.worker, "");
  EXPECT_EQ(record.ended_at, std::nullopt);
}

TEST_P(OriginalTest, S21_S28_AnEndedTaskOfTheOriginalIsReadWithItsResult) {
  peer().start(theirs_);
  peer().complete(theirs_, "größer als 42 — 页");
  const auto record = find(their_id_);
  EXPECT_EQ(record.status, TaskStatus::completed);
  EXPECT_EQ(record.reason, EndReason::finished);
  EXPECT_EQ(record.result_chars, 17U);
  EXPECT_EQ(record.result_bytes, std::string_view("größer als 42 — 页").size());
  EXPECT_EQ(result(their_id_), "größer als 42 — 页");
  const auto page = wait(store().read_result(their_id_, 14, 3));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->text, "— 页");
}

TEST_P(OriginalTest, F01_ALateRunningWriteOfTheOriginalHidesNoOutcomeFromUs) {
  peer().start(theirs_);
  peer().complete(theirs_, "all of it");
  peer().start(theirs_);  // the slow write arrives after the end: the hash says running for a day
  EXPECT_EQ(field(their_id_, "status"), "running");
  EXPECT_EQ(find(their_id_).status, TaskStatus::completed);
  EXPECT_EQ(result(their_id_), "all of it");
  redis_.ask({"HDEL", "sg:task:" + theirs_, "result"});
  EXPECT_EQ(find(their_id_).status, TaskStatus::completed);  // the older form says so
  EXPECT_EQ(result(their_id_), "all of it");
}

TEST_P(OriginalTest, S21_S28_AnEmptyResultOfTheOriginalIsAResult) {
  peer().start(theirs_);
  peer().complete(theirs_, "");
  EXPECT_EQ(find(their_id_).status, TaskStatus::completed);
  EXPECT_EQ(result(their_id_), "");
}

TEST_P(OriginalTest, S21_S12_AFailedTaskOfTheOriginalIsReadWithItsErrorAndACancelledOneAsCancelled) {
  peer().start(theirs_);
  peer().fail(theirs_, "ValueError: no page „b“");
  const auto record = find(their_id_);
  EXPECT_EQ(record.status, TaskStatus::failed);
  EXPECT_EQ(record.reason, EndReason::tool_error);
  EXPECT_EQ(record.error, "ValueError: no page „b“");
  const std::string other = "0123456789ab";
  peer().start(other);
  peer().fail(other, "Task was cancelled.");
  EXPECT_EQ(find(*TaskId::parse(other)).reason, EndReason::cancelled);
}

TEST_P(OriginalTest, S21_F07_ALargeResultOfTheOriginalIsReadWholeAndInPages) {
  peer().start(theirs_);
  const std::string large(524'289, 'x');
  peer().complete(theirs_, large + "end");
  EXPECT_EQ(result(their_id_), large + "end");
  const auto page = wait(store().read_result(their_id_, large.size(), 100));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->text, "end");
  EXPECT_EQ(page->total_chars, large.size() + 3);
}

TEST_P(OriginalTest, S35_S28_OurWaiterIsWokenByTheOriginal) {
  peer().start(theirs_);
  store().watch(their_id_);
  EXPECT_EQ(find(their_id_).status, TaskStatus::running);
  peer().complete(theirs_, "42 pages");
  run_until(loop_, [&] { return !heard_.ended.empty(); });
  EXPECT_THAT(heard_.ended, ElementsAre(their_id_));
  EXPECT_EQ(result(their_id_), "42 pages");
  store().unwatch(their_id_);
}

TEST_P(OriginalTest, S35_F03_AWatchThatBeginsWhileTheSubscriptionIsBeingSetUpHearsOfTheEnd) {
  peer().start(theirs_);
  FaultProxy wire(server_.port());
  wire.on_change([this] { boost::asio::post(loop_, [] {}); });
  wire.delay(FaultProxy::Towards::client, Milliseconds(100));
  open({}, wire.port());
  run_until(loop_, [&] { return wire.find("SUBSCRIBE").has_value(); });
  store().watch(their_id_);
  EXPECT_EQ(find(their_id_).status, TaskStatus::running);
  peer().complete(theirs_, "42 pages");
  run_until(loop_, [&] { return !heard_.ended.empty() || !heard_.changed.empty(); });
  EXPECT_EQ(find(their_id_).status, TaskStatus::completed);
  wire.on_change(nullptr);
  close();
}

TEST_P(OriginalTest, S30_WithoutTheHashTheOlderFormIsReadHoweverItsJsonIsWritten) {
  OriginalPeer compact(server_.port(), true);
  for (auto* writer : {&peer(), &compact}) {
    writer->start(theirs_);
    writer->complete(theirs_, "„42“ pages");
    redis_.ask({"DEL", "sg:task:" + theirs_});
    const auto record = find(their_id_);
    EXPECT_EQ(record.status, TaskStatus::completed);
    EXPECT_EQ(record.caller.user_id, "ann");
    EXPECT_EQ(record.result_chars, 10U);
    EXPECT_EQ(result(their_id_), "„42“ pages");
    writer->start(theirs_);
    writer->fail(theirs_, "ValueError: „b“");
    redis_.ask({"DEL", "sg:task:" + theirs_});
    EXPECT_EQ(find(their_id_).status, TaskStatus::failed);
    EXPECT_EQ(find(their_id_).error, "ValueError: „b“");
  }
}

TEST_P(OriginalTest, S33_TheOlderFormOfAResultThatWasLeftOutIsGivenWhole) {
  peer().start(theirs_);
  peer().complete(theirs_, std::string(524'289, 'x'));
  redis_.ask({"DEL", "sg:task:" + theirs_});
  EXPECT_EQ(find(their_id_).status, TaskStatus::completed);
  EXPECT_EQ(result(their_id_), redis_.ask({"GET", "task_result:" + theirs_}).text);
  EXPECT_THAT(result(their_id_),
              HasSubstr(R"("result": null, "result_omitted": true, "result_note": "Result too large)"));
}

TEST_P(OriginalTest, S30_AnOlderFormThatCannotBeReadIsNotThere) {
  for (const char* text : {"", "no json", "[]", "42", R"({"status": "running"})", R"({"status": 7})", "{}"}) {
    redis_.ask({"SET", "task_result:" + theirs_, text, "EX", "100"});
    const auto record = wait(store().find(their_id_));
    ASSERT_FALSE(record) << text;
    EXPECT_EQ(record.error().code, errc::not_found) << text;
    EXPECT_FALSE(wait(store().read_result(their_id_, 0, 0))) << text;
  }
}

TEST_P(OriginalTest, S36_TasksOfTheOriginalDoNotBreakAList) {
  peer().start(theirs_);
  const auto ours = start();
  peer().complete(theirs_, "42 pages");
  for (const auto& query : {ListQuery{}, ListQuery{.user_id = "ann"}, ListQuery{.tool_name = "crawl"},
                            ListQuery{.status = TaskStatus::running}}) {
    const auto page = wait(store().list(query));
    ASSERT_TRUE(page) << page.error().detail;
    std::vector<TaskId> listed;
    for (const auto& task : page->tasks) listed.push_back(task.task_id);
    EXPECT_THAT(listed, testing::Contains(ours));
  }
}

TEST_P(OriginalTest, S28_ACancelOfATaskThatTheOriginalRunsSaysThatItCannotBeAsked) {
  peer().start(theirs_);
  const auto asked = wait(store().request_cancel(their_id_));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::invalid_argument);
  EXPECT_THAT(asked.error().detail, HasSubstr("cannot be asked to cancel"));
  peer().complete(theirs_, "42 pages");
  EXPECT_EQ(wait(store().request_cancel(their_id_)).error().code, errc::already_final);
}

TEST_P(OriginalTest, S28_RunningTasksOfTheOriginalAreNeverDeclaredLostByUs) {
  peer().start(theirs_);
  const auto report = wait(store().reap_lost({}));
  ASSERT_TRUE(report);
  EXPECT_THAT(report->lost, IsEmpty());
  EXPECT_EQ(find(their_id_).status, TaskStatus::running);
}

TEST_P(OriginalTest, S28_TheTranscriptsOfWhatTheOriginalWritesAreReadByUs) {
  struct Expected {
    const char* transcript;
    TaskStatus status;
    std::string result, error;
  };
  for (const auto& [name, status, text, error] :
       {Expected{"start", TaskStatus::running, "", ""},
        Expected{"finish_completed", TaskStatus::completed, "42 pages", ""},
        Expected{"finish_failed", TaskStatus::failed, "", "ValueError: no page „b“"},
        Expected{"finish_large", TaskStatus::completed, std::string(524'289, 'x'), ""}}) {
    SCOPED_TRACE(name);
    server_.flush();
    Transcript(name).play(server_);
    redis_.ask({"EXPIRE", "sg:task:" + theirs_, "86400"});  // only a start's transcript holds that
    const auto record = find(their_id_);
    EXPECT_EQ(record.status, status);
    EXPECT_EQ(record.error, error);
    EXPECT_EQ(record.created_at, at_start);
    EXPECT_EQ(record.caller, (Caller{"ann", "C42", "matrix"}));
    EXPECT_EQ(result(their_id_), text);
  }
}

// ---- what we write, the original reads

TEST_P(OriginalTest, S20_OurRunningTaskHasTheOriginalsFieldsAndExpiry) {
  const auto id = start();
  EXPECT_EQ(field(id, "task_id"), id.text());
  EXPECT_EQ(field(id, "tool_name"), "crawl");
  EXPECT_EQ(field(id, "status"), "running");
  EXPECT_EQ(field(id, "created_at"), "1790000000.250");
  EXPECT_EQ(field(id, "user_id"), "ann");
  EXPECT_EQ(field(id, "channel_id"), "C42");
  EXPECT_EQ(field(id, "platform"), "matrix");
  EXPECT_EQ(redis_.ask({"HEXISTS", "sg:task:" + id.text(), "result"}).number, 0);
  EXPECT_EQ(redis_.ask({"HEXISTS", "sg:task:" + id.text(), "error"}).number, 0);
  EXPECT_GT(expiry_s("sg:task:" + id.text()), 86'400 - 60);
  EXPECT_LE(expiry_s("sg:task:" + id.text()), 86'400);
}

TEST_P(OriginalTest, S28_S32_OurRunningTaskIsReadByTheOriginal) {
  const auto id = start();
  const auto told = boost::json::parse(peer().get_result(id.text(), "ann")).as_object();
  EXPECT_EQ(told.at("task_id").as_string(), id.text());
  EXPECT_EQ(told.at("tool_name").as_string(), "crawl");
  EXPECT_EQ(told.at("status").as_string(), "running");
  EXPECT_GT(told.at("elapsed_seconds").as_double(), 0);
  EXPECT_EQ(peer().get_result(id.text(), "bob"), R"({"error": "Task ')" + id.text() + R"(' not found."})");
}

TEST_P(OriginalTest, S21_AtOurFinishOneNoticeIsPublishedAndTheOlderFormIsNotWrittenUnlessAsked) {
  const auto id = start();
  auto listener = server_.connect();
  listener.subscribe({"sg:task:done:" + id.text()});
  ASSERT_TRUE(wait(store().set_progress({id}, {.value = 1, .total = 2, .message = "half"})));
  ASSERT_TRUE(wait(store().append_output({id}, "page 1\n")));
  finish(id, completed("42 pages"));
  EXPECT_EQ(listener.next_message(listener.limit()), (RedisMessage{"sg:task:done:" + id.text(), "1"}));
  // What follows on the same channel comes after all that the finish has published.
  redis_.ask({"PUBLISH", "sg:task:done:" + id.text(), "the test's"});
  EXPECT_EQ(listener.next_message(listener.limit())->payload, "the test's");
  EXPECT_EQ(field(id, "status"), "completed");
  EXPECT_EQ(field(id, "result"), "42 pages");
  EXPECT_GE(expiry_s("sg:task:" + id.text()), 86'400 - 60);
  EXPECT_EQ(redis_.ask({"EXISTS", "task_result:" + id.text()}).number, 0);
}

TEST_P(OriginalTest, S28_S32_OurOutcomesAreReadByTheOriginal) {
  const auto done = start();
  finish(done, completed("größer als 42 — 页"));
  EXPECT_EQ(peer().get_result(done.text(), "ann"), "größer als 42 — 页");
  EXPECT_THAT(peer().get_result(done.text(), "bob"), HasSubstr("not found"));
  const auto empty = start();
  finish(empty, completed(""));
  EXPECT_EQ(peer().get_result(empty.text()), "");
  const auto bad = start();
  finish(bad, failed("ValueError: no page"));
  EXPECT_EQ(peer().get_result(bad.text(), "ann"),
            R"({"task_id": ")" + bad.text() + R"(", "status": "failed", "error": "ValueError: no page"})");
  const auto cancelled = start();
  finish(cancelled, failed("Task was cancelled.", EndReason::cancelled));
  EXPECT_THAT(peer().get_result(cancelled.text()), HasSubstr(R"("error": "Task was cancelled.")"));
}

TEST_P(OriginalTest, S35_S28_AWaiterOfTheOriginalIsWokenByOurFinishAndByNothingBefore) {
  const auto id = start();
  ASSERT_TRUE(peer().begin_await(id.text(), 60, "ann"));
  ASSERT_TRUE(wait(store().set_progress({id}, {.value = 1})));
  ASSERT_TRUE(wait(store().append_output({id}, "page 1\n")));
  ASSERT_TRUE(wait(store().add_redirect(id, {.destination = "chat", .channel_id = "C43", .platform = "matrix"})));
  ASSERT_TRUE(wait(store().request_cancel(id)));
  ASSERT_TRUE(wait(store().heartbeat()));
  finish(id, completed("42 pages"));
  EXPECT_EQ(peer().await_text(), "42 pages");
  const auto bad = start();
  ASSERT_TRUE(peer().begin_await(bad.text(), 60));
  finish(bad, failed("ValueError: no page"));
  EXPECT_THAT(peer().await_text(), HasSubstr(R"("status": "failed", "error": "ValueError: no page")"));
}

TEST_P(OriginalTest, S27_S35_AWaiterOfTheOriginalIsWokenWhenOurWorkerDied) {
  const auto id = start();
  ASSERT_TRUE(peer().begin_await(id.text(), 60));
  store_.reset();  // without a goodbye
  run_ready(loop_);
  // Leases run by the server's clock, which no test can turn: what it wrote down is moved back instead.
  redis_.ask({"EVAL",
              "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
              "for _, w in ipairs(redis.call('ZRANGE', 'sg:mt:workers', 0, -1)) do "
              "redis.call('ZADD', 'sg:mt:workers', now - 1, w) redis.call('ZADD', 'sg:mt:doubted', now - 12000, w) end "
              "redis.call('EXPIRE', 'sg:mt:doubted', 86400)",
              "0"});
  const auto report = wait(store().reap_lost({}));
  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_THAT(report->lost, ElementsAre(id));
  EXPECT_THAT(peer().await_text(), HasSubstr(R"("error": "Task was lost: its worker stopped responding.")"));
}

TEST_P(OriginalTest, S22_F07_OfOurLargeResultTheOriginalReadsANoteAndWeReadItWhole) {
  const auto id = start();
  const std::string large(512UL * 1024, 'x');
  finish(id, completed(large));
  EXPECT_EQ(peer().get_result(id.text()), large);
  const auto larger = start();
  finish(larger, completed(large + "y"));
  const auto note = peer().get_result(larger.text());
  EXPECT_THAT(note, HasSubstr("too large"));
  EXPECT_LT(note.size(), 500U);
  EXPECT_EQ(result(larger), large + "y");
}

TEST_P(OriginalTest, S21_S22_TheOlderFormIsWrittenWhereThatIsAskedFor) {
  open({.legacy_results = true});
  const auto done = start();
  auto listener = server_.connect();
  listener.subscribe({"sg:task:done:" + done.text()});
  finish(done, completed("„42“ pages"));
  EXPECT_EQ(listener.next_message(listener.limit())->payload, "1");
  const auto bad = start();
  finish(bad, failed("ValueError: no page"));
  const auto large = start();
  finish(large, completed(std::string(524'289, 'x')));
  const auto older = [&](const TaskId& id) {
    const auto key = "task_result:" + id.text();
    EXPECT_GT(expiry_s(key), 86'400 - 60);
    EXPECT_LE(expiry_s(key), 86'400);
    return boost::json::parse(redis_.ask({"GET", key}).text);
  };
  using boost::json::value;
  EXPECT_EQ(older(done),
            (value{{"task_id", done.text()}, {"status", "completed"}, {"user_id", "ann"}, {"result", "„42“ pages"}}));
  EXPECT_EQ(
      older(bad),
      (value{{"task_id", bad.text()}, {"status", "failed"}, {"user_id", "ann"}, {"error", "ValueError: no page"}}));
  auto omitted = older(large).as_object();
  EXPECT_THAT(std::string(omitted.at("result_note").as_string()), HasSubstr("too large"));
  omitted.erase("result_note");
  EXPECT_EQ(value(omitted), (value{{"task_id", large.text()},
                                   {"status", "completed"},
                                   {"user_id", "ann"},
                                   {"result", nullptr},
                                   {"result_omitted", true}}));
  // The hash is gone, the older form is left: what the original then reads.
  for (const auto& id : {done, bad, large}) redis_.ask({"DEL", "sg:task:" + id.text()});
  EXPECT_EQ(peer().get_result(done.text(), "ann"), "„42“ pages");
  EXPECT_THAT(peer().get_result(done.text(), "bob"), HasSubstr("not found"));
  EXPECT_THAT(peer().get_result(bad.text()), HasSubstr(R"("status": "failed", "error": "ValueError: no page")"));
  EXPECT_THAT(peer().get_result(large.text()), HasSubstr(R"("result_omitted": true)"));
}

TEST_P(OriginalTest, S28_AnotherPrefixKeepsOurTasksApartFromTheOriginals) {
  open({.key_prefix = "other:"});
  peer().start(theirs_);
  EXPECT_EQ(wait(store().find(their_id_)).error().code, errc::not_found);
  const auto id = start();
  finish(id, completed("42 pages"));
  EXPECT_THAT(peer().get_result(id.text()), HasSubstr("not found"));
  EXPECT_EQ(redis_.ask({"HGET", "other:task:" + id.text(), "result"}).text, "42 pages");
  close();
  redis_.ask({"DEL", "sg:task:" + theirs_});
  EXPECT_THAT(check_keys(redis_, "other:"), IsEmpty());
  server_.flush();
}

INSTANTIATE_TEST_SUITE_P(Servers, OriginalTest, testing::ValuesIn(RedisServer::kinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace meantime::test
