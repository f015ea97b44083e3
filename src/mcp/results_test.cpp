// SPDX-License-Identifier: MIT
#include "mcp/results.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

constexpr std::string_view server = R"({"name":"srv","version":"1"})";

std::string finish(std::string_view result, const Finishing& finishing) {
  std::string out;
  append_finished(out, JsonSpan(result), shape_of(JsonSpan(result)), finishing);
  JsonScanner scanner(out);
  EXPECT_TRUE(scanner.skip() && scanner.at_end()) << out << ": " << scanner.fault();
  return out;
}

TEST(Results, OfTheStatelessFamilyGetTheirTypeAndTheServersName) {
  const Finishing plain{.family = Family::stateless, .server_info = server};
  EXPECT_EQ(finish("{}", plain),
            R"({"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"srv","version":"1"}}})");
  EXPECT_EQ(
      finish(R"({"content":[]})", plain),
      R"({"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"srv","version":"1"}},"content":[]})");
  EXPECT_EQ(
      finish(R"({"content":[],"_meta":{"a":1},"isError":false})", plain),
      R"({"resultType":"complete","content":[],"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{"name":"srv","version":"1"}},"isError":false})");
  EXPECT_EQ(finish("{ }", {.family = Family::stateless}), R"({"resultType":"complete" })");
}

TEST(Results, ATypeOfTheirOwnStays) {
  EXPECT_EQ(finish(R"({"resultType":"task","taskId":"t"})", {.family = Family::stateless}),
            R"({"resultType":"task","taskId":"t"})");
}

TEST(Results, CacheHintsGoOnWhatIsCompleteAndHasNoneOfItsOwn) {
  const Finishing cached{.family = Family::stateless, .cache = CacheHint{.ttl_ms = 5000, .is_public = true}};
  EXPECT_EQ(finish(R"({"tools":[]})", cached),
            R"({"resultType":"complete","ttlMs":5000,"cacheScope":"public","tools":[]})");
  EXPECT_EQ(finish(R"({"tools":[],"ttlMs":1})", cached),
            R"({"resultType":"complete","cacheScope":"public","tools":[],"ttlMs":1})");
  EXPECT_EQ(finish(R"({"resultType":"input_required","inputRequests":{}})", cached),
            R"({"resultType":"input_required","inputRequests":{}})");
  EXPECT_EQ(finish("{}", {.family = Family::stateless, .cache = CacheHint{}}),
            R"({"resultType":"complete","ttlMs":0,"cacheScope":"private"})");
}

TEST(Results, AnUpstreamsNameGivesWayToOurs) {
  EXPECT_EQ(
      finish(R"({"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"up"},"b":2},"content":[]})",
             {.family = Family::stateless, .server_info = server}),
      R"({"resultType":"complete","_meta":{"b":2,"io.modelcontextprotocol/serverInfo":{"name":"srv","version":"1"}},"content":[]})");
}

TEST(Results, OfTheHandshakeFamilyLoseWhatTheOtherFamilyPutThere) {
  const Finishing plain{.family = Family::handshake};
  struct Row {
    std::string_view in;
    std::string_view out;
  };
  for (const Row& row : {
           Row{R"({"content":[]})", R"({"content":[]})"},
           {"{}", "{}"},
           {R"({"resultType":"complete"})", "{}"},
           {R"({"resultType":"complete","content":[]})", R"({"content":[]})"},
           {R"({"content":[],"resultType":"complete"})", R"({"content":[]})"},
           {R"({"content":[],"resultType":"complete","ttlMs":1,"cacheScope":"public"})", R"({"content":[]})"},
           {R"({"ttlMs":1,"tools":[{"a":"b, c"}],"cacheScope":"x","nextCursor":"n","resultType":"complete"})",
            R"({"tools":[{"a":"b, c"}],"nextCursor":"n"})"},
           {R"({ "resultType" : "complete" , "content" : [ ] , "ttlMs" : 1 })", R"({"content" : [ ]})"},
           {R"({"res\u0075ltType":"complete","content":[]})", R"({"content":[]})"},
           {R"({"_meta":{"io.modelcontextprotocol/serverInfo":{}},"content":[]})", R"({"content":[]})"},
           {R"({"content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{},"a":1},"resultType":"complete"})",
            R"({"content":[],"_meta":{"a":1}})"},
           {R"({"content":[],"_meta":{"a":1}})", R"({"content":[],"_meta":{"a":1}})"},
       }) {
    EXPECT_EQ(finish(row.in, plain), row.out) << row.in;
  }
}

TEST(Results, EntriesOfMetaAreAddedInBothFamilies) {
  const std::array related{MetaEntry{related_task_key, R"({"taskId":"t"})"}};
  EXPECT_EQ(finish(R"({"content":[]})", {.family = Family::handshake, .meta = related}),
            R"({"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}},"content":[]})");
  EXPECT_EQ(finish(R"({"content":[],"_meta":{"a":1,"io.modelcontextprotocol/related-task":7},"x":1})",
                   {.family = Family::handshake, .meta = related}),
            R"({"content":[],"_meta":{"a":1,"io.modelcontextprotocol/related-task":{"taskId":"t"}},"x":1})");
  EXPECT_EQ(finish(R"({"_meta":null})", {.family = Family::stateless, .meta = related}),
            R"({"resultType":"complete","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}})");
}

TEST(Results, AnAnswerThatWasJustReadNeedsNoSecondLook) {
  const std::string line =
      R"({"jsonrpc":"2.0","id":1,"result":{"content":[],"ttlMs":3,"_meta":{"a":1},"resultType":"complete","cacheScope":"public"}})";
  const Message answer = test::read(line);
  const ResultShape shape = shape_of(answer);
  const ResultShape again = shape_of(answer.result);
  EXPECT_EQ(shape.meta.raw().data(), again.meta.raw().data());
  EXPECT_EQ(shape.result_type.raw().data(), again.result_type.raw().data());
  std::string out;
  append_finished_result(out, "\"x\"", answer.result, shape, {.family = Family::handshake});
  EXPECT_EQ(out, R"({"jsonrpc":"2.0","id":"x","result":{"content":[],"_meta":{"a":1}}})"
                 "\n");
}

TEST(Results, ALargeResultIsCopiedOnceWhateverItsFamily) {
  const std::string large =
      R"({"content":[{"type":"text","text":")" + std::string(std::size_t{16} << 20, 'x') + R"("}],"isError":false})";
  std::string out;
  append_finished_result(out, "1", JsonSpan(large), ResultShape{},
                         {.family = Family::stateless, .server_info = server});
  const Message read = test::read(std::string_view(out).substr(0, out.size() - 1));
  EXPECT_TRUE(read.result_type.is("complete"));
  EXPECT_EQ(read.result.raw().size(), large.size() + 100);
  EXPECT_LT(out.capacity(), large.size() + (1U << 20)) << "room for one copy";
}

}  // namespace
}  // namespace meantime::mcp
