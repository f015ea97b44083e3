// SPDX-License-Identifier: MIT
#include "mcp/capabilities.hpp"

#include <gtest/gtest.h>

namespace meantime::mcp {
namespace {

ClientCapabilities read(std::string_view raw) {
  return read_client_capabilities(JsonSpan(raw));
}

TEST(ClientCapabilities, AreReadFromEitherFamilysForm) {
  EXPECT_EQ(read("{}"), ClientCapabilities{});
  EXPECT_EQ(read(R"({"sampling":{},"roots":{"listChanged":true}})"),
            (ClientCapabilities{.sampling = true, .roots = true}));
  EXPECT_EQ(read(R"({"sampling":{"tools":{},"context":{}}})"),
            (ClientCapabilities{.sampling = true, .sampling_tools = true, .sampling_context = true}));
  EXPECT_EQ(read(R"({"extensions":{"x":{},"io.modelcontextprotocol/tasks":{}}})"), (ClientCapabilities{.tasks = true}));
  EXPECT_EQ(read(R"({"tasks":{"requests":{}}})"), (ClientCapabilities{.requested_tasks = true}));
}

TEST(ClientCapabilities, AnEmptyElicitationIsTheForm) {
  EXPECT_EQ(read(R"({"elicitation":{}})"), (ClientCapabilities{.elicitation_form = true}));
  EXPECT_EQ(read(R"({"elicitation":{"form":{}}})"), (ClientCapabilities{.elicitation_form = true}));
  EXPECT_EQ(read(R"({"elicitation":{"url":{}}})"), (ClientCapabilities{.elicitation_url = true}));
  EXPECT_EQ(read(R"({"elicitation":{"url":{},"form":{}}})"),
            (ClientCapabilities{.elicitation_form = true, .elicitation_url = true}));
  EXPECT_EQ(read(R"({"elicitation":{"applyDefaults":true}})"), (ClientCapabilities{.elicitation_form = true}));
}

TEST(ClientCapabilities, WhatIsOfTheWrongTypeCountsAsNotThere) {
  EXPECT_EQ(
      read(R"({"sampling":true,"roots":null,"elicitation":[],"extensions":{"io.modelcontextprotocol/tasks":true}})"),
      ClientCapabilities{});
  EXPECT_EQ(read("[]"), ClientCapabilities{});
  EXPECT_EQ(read_client_capabilities(JsonSpan()), ClientCapabilities{});
}

TEST(ClientCapabilities, GoOutAsTheyCameIn) {
  const ClientCapabilities all{.sampling = true,
                               .sampling_tools = true,
                               .sampling_context = true,
                               .elicitation_form = true,
                               .elicitation_url = true,
                               .roots = true,
                               .tasks = true};
  const std::string raw = to_json(all, Revision::r2026_07_28);
  EXPECT_EQ(read(raw), all) << raw;
  EXPECT_EQ(to_json(all, Revision::r2025_06_18), R"({"sampling":{},"elicitation":{},"roots":{}})");
  EXPECT_EQ(to_json(all, Revision::r2025_03_26), R"({"sampling":{},"roots":{}})");
  EXPECT_EQ(to_json(ClientCapabilities{}, Revision::r2026_07_28), "{}");
}

TEST(ClientCapabilities, SayWhatIsMissingForAQuestion) {
  const auto missing = [](const ClientCapabilities& client, std::string_view method, std::string_view params = "{}") {
    return missing_for(client, method, JsonSpan(params)).value_or("");
  };
  EXPECT_EQ(missing({}, "elicitation/create"), R"({"elicitation":{"form":{}}})");
  EXPECT_EQ(missing({.elicitation_form = true}, "elicitation/create"), "");
  EXPECT_EQ(missing({.elicitation_form = true}, "elicitation/create", R"({"mode":"url"})"),
            R"({"elicitation":{"url":{}}})");
  EXPECT_EQ(missing({.elicitation_url = true}, "elicitation/create", R"({"mode":"form"})"),
            R"({"elicitation":{"form":{}}})");
  EXPECT_EQ(missing({}, "sampling/createMessage"), R"({"sampling":{}})");
  EXPECT_EQ(missing({.sampling = true}, "sampling/createMessage"), "");
  EXPECT_EQ(missing({.sampling = true}, "sampling/createMessage", R"({"tools":[]})"), R"({"sampling":{"tools":{}}})");
  EXPECT_EQ(missing({.sampling = true}, "sampling/createMessage", R"({"includeContext":"allServers"})"), "");
  EXPECT_EQ(missing({}, "roots/list"), R"({"roots":{}})");
  EXPECT_EQ(missing({.roots = true}, "roots/list"), "");
  EXPECT_EQ(missing({}, "made/up"), "{}");
  EXPECT_EQ(required_capabilities_data(R"({"roots":{}})"), R"({"requiredCapabilities":{"roots":{}}})");
}

TEST(ServerCapabilities, LookAsTheirRevisionWantsThem) {
  const ServerCapabilities all{.tools = true,
                               .tools_list_changed = true,
                               .prompts = true,
                               .resources = true,
                               .resources_subscribe = true,
                               .completions = true,
                               .logging = true,
                               .tasks = true};
  EXPECT_EQ(
      to_json(all, Revision::r2026_07_28),
      R"({"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{},)"
      R"("extensions":{"io.modelcontextprotocol/tasks":{}}})");
  EXPECT_EQ(
      to_json(all, Revision::r2025_11_25),
      R"({"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{},)"
      R"("tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}})");
  EXPECT_EQ(to_json({.tools = true, .tasks = true}, Revision::r2025_06_18), R"({"tools":{}})");
  EXPECT_EQ(to_json({.tasks = true, .tasks_list = false}, Revision::r2025_11_25),
            R"({"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}})");
  EXPECT_EQ(to_json({.extensions = R"("a/b":{"x":1})"}, Revision::r2026_07_28), R"({"extensions":{"a/b":{"x":1}}})");
  EXPECT_EQ(to_json(ServerCapabilities{}, Revision::r2026_07_28), "{}");
}

TEST(ServerCapabilities, OfAnUpstreamAreRead) {
  const auto read = read_server_capabilities(JsonSpan(
      R"({"tools":{"listChanged":true},"resources":{"subscribe":true},"extensions":{"a/b":{"x":1},"io.modelcontextprotocol/tasks":{}}})"));
  EXPECT_TRUE(read.tools && read.tools_list_changed && read.resources && read.resources_subscribe && read.tasks);
  EXPECT_FALSE(read.prompts || read.logging || read.resources_list_changed);
  EXPECT_EQ(read.extensions, R"("a/b":{"x":1})");
  EXPECT_TRUE(read_server_capabilities(JsonSpan(R"({"tasks":{"requests":{"tools":{"call":{}}}}})")).tasks);
  EXPECT_FALSE(read_server_capabilities(JsonSpan(R"({"tasks":{}})")).tasks);
}

}  // namespace
}  // namespace meantime::mcp
