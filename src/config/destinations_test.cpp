// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "config/config.hpp"
#include "support/config_texts.hpp"
#include "support/temp_folder.hpp"

namespace meantime::config {
namespace {

using namespace std::chrono_literals;
using delivery::AdapterType;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using test::config_of;
using test::problems_of;

TEST(DestinationConfig, ReadsEverySetting) {
  const test::TempFolder folder;
  const auto token = folder.path() / "token";
  std::ofstream(token) << "secret\n";
  const Config config = config_of(R"(
    [destinations.team]
    type = "slack"
    channel = "C024BE91L"
    token_file = ")" + token.string() +
                                  R"("
    owners = ["ann", "bob"]
    max_chars = 4000
    on_unknown = "stop"
    max_age = "2h"
    max_failures = 3
    timeout = "10s"
    [destinations.here]
    type = "discord"
    channel = "caller"
    token_env = "DISCORD_TOKEN"
    user_agent_url = "https://example.org/bot"
    max_age = "5d"
    [destinations.hook]
    type = "webhook"
    url = "https://hooks.example.net/in/"
    link = "https://tasks.example.org/t/{task_id}"
    allow_private = true
    [destinations.script]
    type = "command"
    command = ["cat"]
    [[redirects]]
    destination = "here"
    platform = "discord"
    [[redirects]]
    destination = "team"
    tool = "build_*"
    owner = "ann"
    on = "failed"
    suppress_if_read = false
  )");
  ASSERT_THAT(config.destinations, SizeIs(4));
  const auto& team = config.destinations[0];
  EXPECT_EQ(team.type, AdapterType::slack);
  EXPECT_EQ(team.destination.name, "team");
  EXPECT_EQ(team.destination.platform, "slack");
  EXPECT_EQ(team.destination.channel_id, "C024BE91L");
  EXPECT_THAT(team.destination.owners, ElementsAre("ann", "bob"));
  EXPECT_EQ(team.destination.max_chars, 4'000U);
  EXPECT_FALSE(team.destination.repeat_in_doubt);
  EXPECT_EQ(team.destination.max_age, 2h);
  EXPECT_EQ(team.destination.max_failures, 3U);
  EXPECT_EQ(team.timeout, 10s);
  ASSERT_TRUE(team.token);
  EXPECT_EQ(team.token->file, token);
  EXPECT_EQ(config.destinations[1].user_agent_url, "https://example.org/bot");
  EXPECT_EQ(config.destinations[1].token->variable, "DISCORD_TOKEN");
  EXPECT_EQ(config.destinations[2].url, "https://hooks.example.net/in/");
  EXPECT_EQ(config.destinations[2].link, "https://tasks.example.org/t/{task_id}");
  EXPECT_TRUE(config.destinations[2].allow_private);
  EXPECT_THAT(config.destinations[3].command, ElementsAre("cat"));
  ASSERT_THAT(config.redirects, SizeIs(2));
  EXPECT_EQ(config.redirects[0].destination, "here");
  EXPECT_TRUE(config.redirects[0].suppress_if_read);
  EXPECT_EQ(config.redirects[1].tool, "build_*");
  EXPECT_EQ(config.redirects[1].on, RedirectOn::failed);
  EXPECT_FALSE(config.redirects[1].suppress_if_read);
}

TEST(DestinationConfig, SaysWhatATypeNeeds) {
  const auto lacks = [](const std::string& text, const std::string& what) {
    EXPECT_THAT(problems_of(text), Contains(HasSubstr(what))) << text;
  };
  lacks("[destinations.a]\nchannel = \"1\"", "needs a type");
  lacks("[destinations.a]\ntype = \"discrod\"", "discord");
  lacks("[destinations.a]\ntype = \"discord\"\nchannel = \"1\"", "token_file or token_env");
  lacks("[destinations.a]\ntype = \"discord\"\ntoken_env = \"T\"", "needs channel");
  lacks("[destinations.a]\ntype = \"teams\"", "url_file or url_env");
  lacks("[destinations.a]\ntype = \"matrix\"\ntoken_env = \"T\"\nchannel = \"!r:x\"", "needs url");
  lacks("[destinations.a]\ntype = \"mail\"\nurl = \"smtp://localhost\"\nchannel = \"a@b\"", "needs from");
  lacks("[destinations.a]\ntype = \"command\"", "names no program");
  lacks("[destinations.a]\ntype = \"command\"\ncommand = [\"no-such-program-here\"]", "no-such-program-here");
  lacks("[destinations.a]\ntype = \"webhook\"\nurl = \"https://x\"\nurl_env = \"U\"", "exclude each other");
  lacks("[destinations.a]\ntype = \"webhook\"\nurl = \"https://x\"\nchanel = \"U\"", "did you mean 'channel'?");
  for (const char* link : {"https://x/tasks/", "ftp://x/{task_id}", "https://x/{task_id} y"}) {
    lacks("[destinations.a]\ntype = \"command\"\ncommand = [\"cat\"]\nlink = \"" + std::string(link) + "\"",
          "an address with {task_id}");
  }
  lacks("[destinations.a]\ntype = \"command\"\ncommand = [\"cat\"]\nmax_age = \"6d\"", "at most \"5d\"");
  const std::string mail = "[destinations.a]\ntype = \"mail\"\nchannel = \"a@b.org\"\nfrom = \"m@b.org\"\n";
  lacks(mail + "url = \"http://localhost\"", "smtp://host:587");
  lacks(mail + "url = \"smtp://mail.example.org\"\nsecurity = \"none\"", "on this machine");
  lacks(mail + "url = \"smtps://localhost\"\nsecurity = \"none\"", "on this machine");
  EXPECT_TRUE(config_of(mail + "url = \"smtp://localhost:25\"\nsecurity = \"none\"").destinations[0].unencrypted);
  lacks("[[redirects]]\ndestination = \"team\"", "there is no [destinations.team]");
  lacks("[[redirects]]\ntool = \"x\"", "needs a destination");
  lacks("redirects = 3", "[[redirects]]");
}

}  // namespace
}  // namespace meantime::config
