// SPDX-License-Identifier: MIT
// delivery_test.cpp: results that are delivered by the real program, to strict fakes of platforms, and all commands
// about them: rows S40, S44, S45, F22-F24.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "fakes/fake_discord.hpp"
#include "fakes/fake_thread.hpp"
#include "fakes/fake_webhook.hpp"
#include "server_program.hpp"

namespace meantime::test {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view channel = "112233445566778899";
constexpr std::string_view token = "MTA5.the-token-of-the-bot";

class Deliveries : public ServerProgramTest {
 protected:
  Deliveries() {
    static_cast<void>(file("token", std::string(token) + "\n"));
    static_cast<void>(file("secret", "whsec_c2VjcmV0LW9mLXRoZS1ob29rLTI0LWJ5dGVz\n"));
    const std::string local = R"(allow_private = true
)";
    config_ = file("meantime.toml", R"(
budget = "0"
[log]
level = "info"
[tools.slow]
description = "Ends when the test says so"
command = ["sh", "-c", "read line < ')" +
                                        gate_.path() +
                                        R"('; echo done"]
[tools.quick]
description = "Ends within its budget"
command = ["echo", "quick"]
budget = "1h"
[tools.long]
description = "Prints several messages"
command = ["seq", "1", "1200"]
[destinations.team]
type = "discord"
channel = ")" + std::string(channel) + R"("
token_file = "token"
url = ")" + discord_.url() + R"(/api/v10/"
user_agent_url = "https://example.org/our-bot"
link = "https://tasks.example.org/{task_id}"
)" + local + R"([destinations.backend]
type = "webhook"
url = ")" + hook_.url() + R"(/hook/"
token_file = "secret"
)" + local + R"([destinations.pager]
type = "command"
command = ["sh", "-c", "cat > ')" + (folder() / "page").string() +
                                        R"('; echo page-7"]
channel = "night-shift"
link = "https://tasks.example.org/t/{task_id}"
[destinations.board]
type = "discord"
channel = ")" + std::string(channel) + R"("
token_file = "token"
owners = ["ann"]
)");
  }

  void TearDown() override {
    EXPECT_THAT(discord_.ask([](FakeDiscord& fake) { return fake.complaints(); }), IsEmpty());
    EXPECT_THAT(hook_.ask([](FakeWebhook& fake) { return fake.complaints(); }), IsEmpty());
    ServerProgramTest::TearDown();
  }

  // All that slow and long give goes to the team by itself.
  void add_default_redirect() const {
    std::ofstream(config_, std::ios::app) << "[[redirects]]\ndestination = \"team\"\nsuppress_if_read = false\n";
  }

  Program serve() {
    Program server = start({"serve", "--stdio", "--config", config_}, {.no_input = false});
    greet(server);
    return server;
  }
  void end(Program& server) {
    server.close_input();
    const Ended ended = server.wait();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.err, Not(HasSubstr(token)));
  }

  // A call that goes on as a task; answers its id.
  std::string task(Program& server, int id, std::string_view tool) {
    const std::string envelope = call(server, id, tool);
    return std::string(json::parse(std::string_view(envelope)).at("task_id").as_string());
  }

  // As `meantime deliveries --json` says, newest first.
  json::array deliveries(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"deliveries", "--json"});
    const Ended ended = meantime(options);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return json::parse(std::string_view(ended.out)).at("deliveries").as_array();
  }

  void wait_for_messages(std::size_t count) {
    discord_.until([count](FakeDiscord& fake) { return fake.messages().size() >= count; });
  }
  std::vector<std::string> texts() {
    return discord_.ask([](FakeDiscord& fake) { return fake.texts(); });
  }
  void next(FakeAnswer answer) {
    discord_.ask([&](FakeDiscord& fake) { fake.next(std::move(answer)); });
  }

  Gate gate_ = gate("gate");
  FakeThread<FakeDiscord> discord_{
      FakeDiscord::Settings{.token = std::string(token), .channel = std::string(channel), .webhook_path = {}}};
  FakeThread<FakeWebhook> hook_{"/hook/", "secret-of-the-hook-24-bytes"};
  std::string config_;
};

TEST_F(Deliveries, S40_S41_AResultOverItsBudgetArrivesInTheChannelOfItsDefaultRedirect) {
  add_default_redirect();
  Program server = serve();
  EXPECT_EQ(call(server, 2, "quick"), "quick\n") << "in time: delivered nowhere else";
  const std::string id = task(server, 3, "slow");
  gate_.open();
  wait_for_messages(1);
  EXPECT_THAT(texts(), ElementsAre(MatchesRegex("\\*\\*`slow`\\*\\* completed in [0-9.]+m?s · `" +
                                                id.substr(id.size() - 8) + "`\n```\ndone\n```")));
  server.read_error_until("redirect_delivered: tool=slow task_id=" + id + " status=ok");
  const json::array kept = deliveries();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].at("id"), json::string_view(id + "-1"));
  EXPECT_EQ(kept[0].at("state"), "delivered");
  EXPECT_EQ(kept[0].at("destination"), "team");
  EXPECT_EQ(kept[0].at("channel_id"), json::string_view(channel));
  EXPECT_THAT(kept[0].at("remote_ids").as_array(), SizeIs(1));
  EXPECT_EQ(meantime({"deliveries", "--quiet"}).out, id + "-1\n");
  EXPECT_THAT(meantime({"deliveries", "--task", id.substr(0, 12)}).out, HasSubstr("delivered"));
  end(server);
}

TEST_F(Deliveries, S40_TheModelHasAResultDeliveredToADestinationThatItNames) {
  Program server = serve();
  const std::string listed = json::serialize(ask(server, 2, "tools/list", json::object()));
  EXPECT_THAT(listed, HasSubstr("\"redirect_task\""));
  EXPECT_THAT(listed, HasSubstr(R"("enum":["backend","pager","team"])")) << "and none that is another's";
  const std::string id = task(server, 3, "slow");
  for (const char* wrong : {"nowhere", "board"}) {
    const auto refused = ask(server, *wrong == 'n' ? 4 : 5, "tools/call",
                             {{"name", "redirect_task"}, {"arguments", {{"task_id", id}, {"destination", wrong}}}});
    EXPECT_EQ(refused.at("result").at("isError"), true);
    EXPECT_THAT(text_of(refused), AllOf(HasSubstr("There is no destination '" + std::string(wrong) + "'"),
                                        HasSubstr("name one of backend, pager, team")));
  }
  EXPECT_THAT(call(server, 6, "redirect_task", {{"task_id", id}, {"destination", "team"}, {"on", "sometimes"}}),
              HasSubstr("'on' is one of always, completed and failed"));
  EXPECT_THAT(call(server, 7, "redirect_task", {{"task_id", id}, {"destination", "backend"}}),
              HasSubstr("\"status\":\"redirected\""));
  EXPECT_THAT(call(server, 8, "redirect_task", {{"task_id", id}, {"destination", "team"}, {"on", "failed"}}),
              HasSubstr("\"status\":\"redirected\""));
  gate_.open();
  hook_.until([](FakeWebhook& fake) { return !fake.messages().empty(); });
  EXPECT_THAT(hook_.ask([](FakeWebhook& fake) { return fake.texts(); }), ElementsAre("\"slow\"\ndone\n"));
  server.read_error_until("redirect_delivered: tool=slow task_id=" + id + " status=ok");
  EXPECT_THAT(deliveries(), SizeIs(1)) << "it did not fail";
  end(server);
}

TEST_F(Deliveries, F24_AnotherProcessRedirectsATaskWhileItRunsAndAfterItsEnd) {
  Program server = serve();
  const std::string id = task(server, 2, "slow");
  const Ended wrong = meantime({"redirect", id, "nowhere", "--config", config_});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("There is no destination 'nowhere': name one of backend, pager, team."));
  EXPECT_THAT(meantime({"redirect", id, "board", "--config", config_}).err, HasSubstr("name one of backend, pager"));
  EXPECT_EQ(meantime({"redirect", "0123456789abcdefghjkmnpqrstvwxyz", "team", "--config", config_}).code, 4);
  EXPECT_EQ(meantime({"redirect", id, "team", "--owner", "bob", "--config", config_}).code, 4);

  EXPECT_THAT(meantime({"redirect", id, "team", "--config", config_}).err, HasSubstr("goes at its end to 'team'"));
  gate_.open();
  wait_for_messages(1);
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("done")));

  const Ended late = meantime({"redirect", id, "pager", "--json", "--config", config_});
  EXPECT_EQ(late.code, 0) << late.err;
  EXPECT_EQ(json::parse(std::string_view(late.out)).at("status"), "delivering");
  server.read_error_until("destination=pager");
  std::ifstream page(folder() / "page");
  const std::string event{std::istreambuf_iterator<char>(page), {}};
  const auto told = json::parse(event);
  EXPECT_EQ(told.at("type"), "task.completed");
  EXPECT_EQ(told.at("destination"), "pager");
  EXPECT_EQ(told.at("data").at("task_id"), json::string_view(id));
  EXPECT_EQ(told.at("data").at("result"), "done\n");
  EXPECT_EQ(told.at("data").at("link"), json::string_view("https://tasks.example.org/t/" + id));
  const json::array kept = deliveries({"--destination", "pager"});
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].at("remote_ids").at(0), "page-7");
  end(server);
}

TEST_F(Deliveries, S44_WhatWasGivenUpIsReportedAndSentAgainWhenItIsReplayed) {
  add_default_redirect();
  Program server = serve();
  next(FakeDiscord::error(403, 50001, "Missing Access"));
  const std::string id = task(server, 2, "slow");
  gate_.open();
  server.read_error_until("delivery " + id + "-1 to 'team' is given up after 0 of 1 messages: target_gone");
  EXPECT_EQ(record(id).at("status"), "completed") << "a delivery that fails changes no task";
  const json::array dead = deliveries({"--state", "dead"});
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_THAT(std::string(dead[0].at("error").as_string()), HasSubstr("Missing Access"));
  const Ended shown = meantime({"deliveries"});
  EXPECT_THAT(shown.out, AllOf(HasSubstr("dead"), HasSubstr("0/1"), HasSubstr("Missing Access")));
  EXPECT_THAT(meantime({"destinations", "--json", "--config", config_}).out,
              HasSubstr(R"("name":"team","configured":true,"type":"discord")"));

  EXPECT_EQ(meantime({"deliveries", "replay", id + "-9"}).code, 4);
  EXPECT_EQ(meantime({"deliveries", "replay", "what"}).code, 2);
  EXPECT_EQ(meantime({"deliveries", "replay", id + "-1", "--owner", "bob"}).code, 4);
  const Ended again = meantime({"deliveries", "replay", id + "-1"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("is sent again"));
  wait_for_messages(1);
  server.read_error_until("task_id=" + id + " status=ok");
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("done")));
  EXPECT_THAT(deliveries({"--state", "dead"}), IsEmpty());
  EXPECT_EQ(meantime({"deliveries", "replay", id + "-1"}).code, 0) << "one that arrived is sent as a new message";
  wait_for_messages(2);
  end(server);
}

TEST_F(Deliveries, DestinationsAreListedTestedAndResumed) {
  const Ended listed = meantime({"destinations", "--config", config_});
  EXPECT_EQ(listed.code, 0) << listed.err;
  EXPECT_THAT(listed.out, AllOf(HasSubstr("team"), HasSubstr("discord"), HasSubstr("webhook"), HasSubstr("command")));
  EXPECT_EQ(meantime({"destinations", "--quiet", "--config", config_}).out, "team\nbackend\npager\nboard\n");
  const Ended none = meantime({"destinations", "--config", file("empty.toml", "")});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.err, HasSubstr("add a [destinations.<name>]"));

  const Ended arrived = meantime({"destinations", "test", "team", "--config", config_});
  EXPECT_EQ(arrived.code, 0) << arrived.err;
  EXPECT_THAT(texts(), ElementsAre(HasSubstr("This is a test")));
  next(FakeDiscord::error(401, 0, "401: Unauthorized"));
  const Ended refused = meantime({"destinations", "test", "team", "--config", config_});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("auth: "), HasSubstr("Unauthorized"), Not(HasSubstr(token))));
  const Ended unknown = meantime({"destinations", "test", "nowhere", "--config", config_});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("name one of backend, board, pager, team"));
  EXPECT_THAT(deliveries(), IsEmpty()) << "a test leaves nothing";

  add_default_redirect();
  Program server = serve();
  next(FakeDiscord::error(401, 0, "401: Unauthorized"));
  const std::string id = task(server, 2, "slow");
  gate_.open();
  server.read_error_until("destination 'team' is left alone for 300000 ms: auth");
  const Ended paused = meantime({"destinations", "--config", config_});
  EXPECT_THAT(paused.out, AllOf(HasSubstr("paused"), HasSubstr("goes on in "), HasSubstr("auth: ")));
  const Ended typo = meantime({"destinations", "resume", "taem", "--config", config_});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.err, HasSubstr("There is no destination 'taem': name one of backend, board, pager, team."));
  EXPECT_EQ(meantime({"destinations", "resume", "team", "--config", config_}).code, 0);
  EXPECT_THAT(meantime({"destinations", "--config", config_}).out, Not(HasSubstr("paused")));
  wait_for_messages(2);
  server.read_error_until("redirect_delivered: tool=slow task_id=" + id + " status=ok");
  end(server);
}

TEST_F(Deliveries, F22_F23_AfterAKillInTheMiddleTheNextProcessDeliversTheRestInOrderAndNothingTwice) {
  add_default_redirect();
  discord_.ask([](FakeDiscord& fake) { fake.next(Fault::hold); });
  std::string first;
  std::string second;
  {
    Program server = serve();
    first = task(server, 2, "long");
    discord_.until([](FakeDiscord& fake) { return fake.held() == 1; });  // it arrived, and nobody heard so
    second = task(server, 3, "slow");
    gate_.open();
    EXPECT_EQ(meantime({"await", "--quiet", second}).code, 0);
    server.signal(SIGKILL);
    EXPECT_EQ(server.wait().code, 128 + SIGKILL);
  }
  Program server = serve();
  server.read_error_until("redirect_delivered: tool=slow task_id=" + second + " status=ok");
  const std::vector<std::string> all = texts();
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_THAT(all[0], AllOf(HasSubstr("(1/3)"), HasSubstr("\n1\n2\n")));
  EXPECT_THAT(all[1], HasSubstr("(2/3)"));
  EXPECT_THAT(all[2], AllOf(HasSubstr("(3/3)"), HasSubstr("\n1200\n")));
  EXPECT_THAT(all[3], HasSubstr("done"));
  EXPECT_THAT(all, Each(Not(HasSubstr("repeated"))));
  EXPECT_EQ(discord_.ask([](FakeDiscord& fake) { return fake.noticed(); }), 1U) << "the same nonce came twice";
  for (const json::value& each : deliveries()) EXPECT_EQ(each.at("state"), "delivered");
  end(server);
}

}  // namespace
}  // namespace meantime::test
