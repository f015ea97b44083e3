// SPDX-License-Identifier: MIT
#include "tools/upstream_answer.hpp"

#include <gtest/gtest.h>

namespace meantime::tools {
namespace {

std::string id_in(std::string_view head, std::string_view tail) {
  mcp::Line line;
  line.too_long = true;
  line.head = head;
  line.tail = tail;
  return std::string(find_id(line).raw());
}

TEST(UpstreamAnswer, TheIdOfALostLineIsFoundAtEitherEnd) {
  EXPECT_EQ(id_in(R"({"jsonrpc":"2.0","id":17,"result":{"content":[{"x)", R"(xxx"}]}})"), "17");
  EXPECT_EQ(id_in(R"({"result":{"content":[{"x)", R"(xxx"}]},"jsonrpc":"2.0","id":"mt-1-2"})"), "\"mt-1-2\"");
  EXPECT_EQ(id_in(R"({"result":{"content":[{"x)", R"(xxx"}]},"id":5,"jsonrpc":"2.0"})"), "5");
}

TEST(UpstreamAnswer, SpacesAfterTheColonAreJsonToo) {
  EXPECT_EQ(id_in(R"({"jsonrpc": "2.0", "id": "mt-1-2", "result": {"x)", "xxx}}"), "\"mt-1-2\"");
}

TEST(UpstreamAnswer, TheIdOfARequestIsTheUpstreamsOwnAndAnswersNothing) {
  EXPECT_EQ(id_in(R"({"jsonrpc":"2.0","id":17,"method":"sampling/createMessage","params":{"x)", R"(xxx"}})"), "");
}

TEST(UpstreamAnswer, AnIdInsideTheResultIsNotTheMessages) {
  EXPECT_EQ(id_in(R"({"result":{"id":17,"x":"x)", R"(xxx","id":18}})"), "");
  EXPECT_EQ(id_in(R"({"jsonrpc":"2.0","result":{"a":"\"id\":17,)", R"(xxx"}})"), "");
  EXPECT_EQ(id_in("", ""), "");
  EXPECT_EQ(id_in(R"({"id":)", R"("id":)"), "");
}

TEST(UpstreamAnswer, KeepsWhatTheUpstreamSaidAsItSaidIt) {
  const auto result = mcp::read_message(R"({"jsonrpc":"2.0","id":1,"result":{ "content":[ ]}})");
  EXPECT_EQ(to_return(*result)->text, R"({ "content":[ ]})");
  const auto broke = mcp::read_message(
      R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}],"isError":true}})");
  EXPECT_EQ(to_return(*broke).error().error(), "ToolError: a\nb");
  EXPECT_EQ(to_return(*broke).error().output->media_type, MediaType::mcp_result);
  const auto error = mcp::read_message(R"({"jsonrpc":"2.0","id":1,"error":{"code":-5,"message":"m"}})");
  EXPECT_EQ(to_return(*error).error().error(), "McpError: m (code -5)");
  EXPECT_EQ(to_return(*error).error().output->text, R"({"code":-5,"message":"m"})");
}

}  // namespace
}  // namespace meantime::tools
