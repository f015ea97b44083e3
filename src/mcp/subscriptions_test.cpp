// SPDX-License-Identifier: MIT
#include "mcp/subscriptions.hpp"

#include <gtest/gtest.h>

namespace meantime::mcp {
namespace {

SubscriptionFilter filter_of(std::string_view raw) {
  const auto filter = read_filter(JsonSpan(raw));
  EXPECT_TRUE(filter) << raw << ": " << (filter ? "" : filter.error());
  return filter.value_or(SubscriptionFilter{});
}

TEST(Subscriptions, OnlyWhatIsAskedForIsHeard) {
  const Subscription some(
      "11", filter_of(R"({"toolsListChanged":true,"resourceSubscriptions":["test://a"],"taskIds":["t1"]})"));
  std::string out;
  EXPECT_TRUE(some.append_tools_changed(out));
  EXPECT_FALSE(some.append_prompts_changed(out));
  EXPECT_FALSE(some.append_resources_changed(out));
  EXPECT_TRUE(some.append_resource_updated(out, "test://a"));
  EXPECT_FALSE(some.append_resource_updated(out, "test://b"));
  EXPECT_TRUE(some.append_task(out, "t1", R"({"taskId":"t1"})"));
  EXPECT_FALSE(some.append_task(out, "t2", R"({"taskId":"t2"})"));
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":11}}})"
      "\n"
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://a","_meta":{"io.modelcontextprotocol/subscriptionId":11}}})"
      "\n"
      R"({"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"t1"}})"
      "\n");
}

TEST(Subscriptions, TheFirstMessageSaysWhatIsHonouredAndTheLastEndsIt) {
  const auto asked = filter_of(
      R"({"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["b","a","a"],"taskIds":["t"]})");
  const Subscription stream("\"x\"", honoured(asked, {.tools = true, .tools_list_changed = true, .tasks = true}));
  std::string out;
  stream.append_acknowledged(out);
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true,"taskIds":["t"]},"_meta":{"io.modelcontextprotocol/subscriptionId":"x"}}})"
      "\n");
  out.clear();
  stream.append_end(out, R"({"name":"srv"})");
  EXPECT_EQ(
      out,
      R"({"jsonrpc":"2.0","id":"x","result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"x","io.modelcontextprotocol/serverInfo":{"name":"srv"}}}})"
      "\n");
  const auto all = honoured(asked, {.tools_list_changed = true,
                                    .prompts_list_changed = true,
                                    .resources_subscribe = true,
                                    .resources_list_changed = true,
                                    .tasks = true});
  EXPECT_EQ(all, asked);
  EXPECT_EQ(filter_of(to_json(all)), all);
  EXPECT_TRUE(honoured(asked, {}).empty());
}

TEST(Subscriptions, BadFiltersAreRefusedWithTheReason) {
  std::string many = R"({"taskIds":[)";
  for (std::size_t i = 0; i <= max_subscription_entries; ++i) many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + '"';
  many += "]}";
  for (const std::string& bad :
       {std::string("[]"), std::string("true"), std::string(R"({"toolsListChanged":1})"),
        std::string(R"({"resourceSubscriptions":"a"})"), std::string(R"({"taskIds":[1]})"), many}) {
    const auto filter = read_filter(JsonSpan(bad));
    ASSERT_FALSE(filter) << bad.substr(0, 80);
    EXPECT_FALSE(filter.error().empty());
  }
  EXPECT_FALSE(read_filter(JsonSpan()));
  EXPECT_TRUE(filter_of("{}").empty());
  EXPECT_TRUE(filter_of(R"({"toolsListChanged":false,"madeUp":17})").empty());
}

}  // namespace
}  // namespace meantime::mcp
