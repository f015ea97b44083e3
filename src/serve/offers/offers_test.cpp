// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "meantime/offers.hpp"
#include "support/co_test.hpp"
#include "support/request_context.hpp"

namespace meantime {
namespace {

using test::run;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Heard final : OfferListener {
  std::vector<OfferKind> lists;
  std::vector<std::string> resources;
  void on_list_changed(OfferKind kind) override { lists.push_back(kind); }
  void on_resource_updated(std::string_view uri) override { resources.emplace_back(uri); }
};

Resource note(std::string uri, std::string text = "hello") {
  return {.uri = std::move(uri),
          .name = "note",
          .listing = {},
          .read = [text = std::move(text)](RequestContext&, std::string at) -> Task<RpcAnswer> {
            co_return R"({"contents":[{"uri":")" + at + R"(","text":")" + text + R"("}]})";
          }};
}

Prompt greeting() {
  return {.name = "greet",
          .description = "Says hello",
          .arguments = {{.name = "who", .description = "Whom to greet", .required = true},
                        {.name = "how", .description = {}, .required = false}},
          .listing = R"({"title":"Greet","name":"other","arguments":[]})",
          .get = [](RequestContext&, std::string arguments) -> Task<RpcAnswer> {
            co_return R"({"messages":[],"got":)" + arguments + "}";
          },
          .complete = [](RequestContext&, CompletionRequest request) -> Task<CompletionReturn> {
            Completion many;
            for (int i = 0; i < 150; ++i) many.values.push_back(request.value + std::to_string(i));
            co_return many;
          }};
}

class OffersTest : public ::testing::Test {
 protected:
  boost::asio::io_context loop_;
  Offers offers_{loop_};
  test::RequestContextFake context_;
};

TEST_F(OffersTest, ListsShowTheOwnMembersFirstAndTheRestOfTheListingAsItWas) {
  Resource resource = note("notes://b");
  resource.listing = R"( {"mimeType":"text/plain","uri":"evil://","size":1.50,"_meta":{"a":[1,2]}} )";
  ASSERT_TRUE(offers_.add(std::move(resource)));
  ASSERT_TRUE(offers_.add(note("notes://a")));
  ASSERT_TRUE(offers_.add(greeting()));
  EXPECT_THAT(
      *run(loop_, offers_.list(OfferKind::resources)),
      ElementsAre(R"({"uri":"notes://a","name":"note"})",
                  R"({"uri":"notes://b","name":"note","mimeType":"text/plain","size":1.50,"_meta":{"a":[1,2]}})"));
  EXPECT_THAT(*run(loop_, offers_.list(OfferKind::prompts)),
              ElementsAre(R"({"name":"greet","description":"Says hello","arguments":[{"name":"who","description":)"
                          R"("Whom to greet","required":true},{"name":"how"}],"title":"Greet"})"));
  EXPECT_TRUE(run(loop_, offers_.list(OfferKind::templates))->empty());
}

TEST_F(OffersTest, WhatIsDeclaredIsWhatIsThere) {
  EXPECT_FALSE(offers_.offers(OfferKind::resources) || offers_.offers(OfferKind::templates) ||
               offers_.offers(OfferKind::prompts) || offers_.completes() || offers_.subscribes());
  ASSERT_TRUE(offers_.add(note("notes://a")));
  EXPECT_TRUE(offers_.offers(OfferKind::resources) && offers_.subscribes());
  EXPECT_FALSE(offers_.completes());
  ASSERT_TRUE(offers_.add(greeting()));
  EXPECT_TRUE(offers_.completes());
}

TEST_F(OffersTest, AResourceIsReadByItsUriThenByATemplate) {
  ASSERT_TRUE(offers_.add(note("notes://1", "exact")));
  ASSERT_TRUE(
      offers_.add(ResourceTemplate{.uri_template = "notes://{id}",
                                   .name = "notes",
                                   .listing = {},
                                   .read = [](RequestContext&, std::string, UriVariables variables) -> Task<RpcAnswer> {
                                     co_return R"({"contents":[],"id":")" + variables.at("id") + "\"}";
                                   },
                                   .complete = {}}));
  EXPECT_THAT(*run(loop_, offers_.read_resource(context_, "notes://1")), HasSubstr("exact"));
  EXPECT_EQ(*run(loop_, offers_.read_resource(context_, "notes://2")), R"({"contents":[],"id":"2"})");
  const auto unknown = run(loop_, offers_.read_resource(context_, "other://\"2"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, RpcFailure::Kind::unknown_resource);
  EXPECT_EQ(unknown.error().code, -32602);
  EXPECT_EQ(unknown.error().data, R"({"uri":"other://\"2"})");
}

TEST_F(OffersTest, APromptRunsOnlyWithTheArgumentsItNeeds) {
  ASSERT_TRUE(offers_.add(greeting()));
  EXPECT_EQ(*run(loop_, offers_.get_prompt(context_, "greet", R"({"who":"Ann"})")),
            R"({"messages":[],"got":{"who":"Ann"}})");
  for (const auto& [name, arguments, why] :
       std::vector<std::array<std::string, 3>>{{"greet", "", "needs the argument 'who'"},
                                               {"greet", R"({"how":"loud"})", "needs the argument 'who'"},
                                               {"greet", R"({"who":7})", "'who' is not a string"},
                                               {"greet", "[]", "an object of strings"},
                                               {"gone", "{}", "no prompt 'gone'"}}) {
    const auto answer = run(loop_, offers_.get_prompt(context_, name, arguments));
    ASSERT_FALSE(answer) << arguments;
    EXPECT_EQ(answer.error().code, -32602);
    EXPECT_THAT(answer.error().message, HasSubstr(why));
  }
}

TEST_F(OffersTest, ABodyMayAskTheClientAndWaitForItsAnswer) {
  Prompt asking = greeting();
  asking.arguments.clear();
  asking.get = [](RequestContext& context, std::string) -> Task<RpcAnswer> {
    auto answers = co_await context.ask({{.key = "who", .method = "elicitation/create", .params = "{}"}});
    if (!answers) co_return std::unexpected(RpcFailure::of(answers.error()));
    co_return answers->front().result;
  };
  ASSERT_TRUE(offers_.add(std::move(asking)));
  context_.answers["who"] = R"({"action":"accept"})";
  EXPECT_EQ(*run(loop_, offers_.get_prompt(context_, "greet", "")), R"({"action":"accept"})");
  context_.answers.clear();
  const auto refused = run(loop_, offers_.get_prompt(context_, "greet", ""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, RpcFailure::Kind::unsupported);
}

TEST_F(OffersTest, CompletionGoesToThePromptOrTemplateAndIsCutAtAHundred) {
  ASSERT_TRUE(offers_.add(greeting()));
  const auto many = run(loop_, offers_.complete(context_, R"({"ref":{"type":"ref/prompt","name":"greet"},)"
                                                          R"("argument":{"name":"who","value":"x"}})"));
  ASSERT_TRUE(many);
  EXPECT_THAT(*many, HasSubstr(R"({"completion":{"values":["x0","x1")"));
  EXPECT_THAT(*many, HasSubstr(R"("x99"],"total":150,"hasMore":true}})"));
  ASSERT_TRUE(offers_.add(
      ResourceTemplate{.uri_template = "notes://{id}",
                       .name = "notes",
                       .listing = {},
                       .read = [](RequestContext&, std::string, UriVariables) -> Task<RpcAnswer> { co_return "{}"; },
                       .complete = {}}));
  EXPECT_EQ(*run(loop_, offers_.complete(context_, R"({"ref":{"type":"ref/resource","uri":"notes://{id}"},)"
                                                   R"("argument":{"name":"id","value":""}})")),
            R"({"completion":{"values":[],"hasMore":false}})");
  for (const std::string bad :
       {R"({})", R"({"ref":{"type":"ref/prompt","name":"greet"}})",
        R"({"ref":{"type":"ref/prompt","name":"gone"},"argument":{"name":"who","value":""}})",
        R"({"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"other","value":""}})",
        R"({"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":1}})",
        R"({"ref":{"type":"ref/resource","uri":"notes://{no}"},"argument":{"name":"id","value":""}})",
        R"({"ref":{"type":"ref/resource","uri":"notes://{id}"},"argument":{"name":"no","value":""}})",
        R"({"ref":{"type":"ref/tool","name":"greet"},"argument":{"name":"who","value":""}})"}) {
    const auto answer = run(loop_, offers_.complete(context_, bad));
    ASSERT_FALSE(answer) << bad;
    EXPECT_EQ(answer.error().code, -32602) << bad;
  }
}

TEST_F(OffersTest, ManyChangesAreToldOnceAndOnTheNextTurn) {
  Heard heard;
  offers_.listen(&heard);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(offers_.add(note("notes://" + std::to_string(i))));
  ASSERT_TRUE(offers_.add(greeting()));
  EXPECT_TRUE(heard.lists.empty());
  test::run_ready(loop_);
  EXPECT_THAT(heard.lists, ElementsAre(OfferKind::resources, OfferKind::prompts));
  ASSERT_TRUE(offers_.remove(OfferKind::prompts, "greet"));
  EXPECT_EQ(offers_.remove(OfferKind::prompts, "greet").error().code, errc::not_found);
  test::run_ready(loop_);
  EXPECT_THAT(heard.lists, ElementsAre(OfferKind::resources, OfferKind::prompts, OfferKind::prompts));
}

TEST_F(OffersTest, ANoticeThatWaitsOutlivesItsOffersWithoutHarm) {
  Heard heard;
  {
    Offers gone(loop_);
    gone.listen(&heard);
    ASSERT_TRUE(gone.add(greeting()));
  }
  test::run_ready(loop_);
  EXPECT_TRUE(heard.lists.empty());
}

TEST_F(OffersTest, UpdatesAreToldAsLongAsSomebodySubscribes) {
  Heard heard;
  offers_.listen(&heard);
  ASSERT_TRUE(offers_.add(note("notes://a")));
  offers_.updated("notes://a");
  EXPECT_TRUE(heard.resources.empty());
  ASSERT_TRUE(run(loop_, offers_.subscribe("notes://a")));
  ASSERT_TRUE(run(loop_, offers_.subscribe("notes://a")));
  offers_.unsubscribe("notes://a");
  offers_.updated("notes://a");
  EXPECT_THAT(heard.resources, ElementsAre("notes://a"));
  offers_.unsubscribe("notes://a");
  offers_.unsubscribe("notes://a");
  offers_.updated("notes://a");
  EXPECT_THAT(heard.resources, ElementsAre("notes://a"));
  EXPECT_EQ(run(loop_, offers_.subscribe("notes://none")).error().kind, RpcFailure::Kind::unknown_resource);
}

TEST_F(OffersTest, WhatRunsGoesOnWhenItsOfferIsTakenAway) {
  Prompt slow = greeting();
  slow.arguments.clear();
  slow.get = [text = std::string(100, 'x')](RequestContext& context, std::string) -> Task<RpcAnswer> {
    const auto answers = co_await context.ask({{.key = "later", .method = "roots/list", .params = "{}"}});
    co_return "{\"is\":\"" + text.substr(0, 3) + "\",\"ok\":" + (answers ? "true" : "false") + "}";
  };
  ASSERT_TRUE(offers_.add(std::move(slow)));
  auto running = offers_.get_prompt(context_.waiting(), "greet", "");
  ASSERT_FALSE(running.done());
  ASSERT_TRUE(offers_.remove(OfferKind::prompts, "greet"));
  context_.answers["later"] = "{}";
  context_.go_on();
  EXPECT_EQ(*run(loop_, std::move(running)), R"({"is":"xxx","ok":true})");
}

TEST_F(OffersTest, WhatCannotBeOfferedIsRefusedWithTheRemedy) {
  const auto refused = [&](auto offer, std::string_view why) {
    const auto added = offers_.add(std::move(offer));
    ASSERT_FALSE(added) << why;
    EXPECT_EQ(added.error().code, errc::invalid_argument);
    EXPECT_THAT(added.error().detail, HasSubstr(why));
  };
  refused(note("no scheme"), "not an absolute URI");
  Resource nameless = note("a://b");
  nameless.name.clear();
  refused(nameless, "has no name");
  Resource bodiless = note("a://b");
  bodiless.read = nullptr;
  refused(bodiless, "has no body");
  Resource odd = note("a://b");
  odd.listing = "[1]";
  refused(odd, "not a JSON object");
  odd.listing = R"({"a":1)";
  refused(odd, "not a JSON object");
  ASSERT_TRUE(offers_.add(note("a://b")));
  refused(note("a://b"), "remove it first");
  Prompt prompt = greeting();
  prompt.get = nullptr;
  refused(prompt, "has no body");
}

}  // namespace
}  // namespace meantime
