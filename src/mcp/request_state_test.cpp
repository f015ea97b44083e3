// SPDX-License-Identifier: MIT
#include "mcp/request_state.hpp"

#include <gtest/gtest.h>

#include "support/mcp_messages.hpp"

namespace meantime::mcp {
namespace {

// A keyed sum: enough to tell texts apart; the real one is HMAC-SHA256.
class SumKey final : public StateKey {
 public:
  explicit SumKey(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] std::string mac(std::string_view bytes) const override {
    std::uint64_t sum = seed_;
    for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return std::to_string(sum);
  }

 private:
  std::uint64_t seed_;
};

const WallTime now = WallTime(std::chrono::seconds(1'000'000));
const SumKey key(17);

std::string binding(std::string_view principal, std::string_view line) {
  return state_binding(principal, test::read(line));
}

constexpr std::string_view call =
    R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"y":[true,null]},"_meta":{"p":1}}})";

TEST(RequestState, IsOpenedByTheSameCallerForTheSameCallInTime) {
  const std::string payload("any bytes \0\xff.\n", 14);
  const std::string state = seal_state(key, payload, binding("me", call), now + std::chrono::minutes(5));
  EXPECT_EQ(open_state(key, state, binding("me", call), now), payload);
  EXPECT_EQ(open_state(key, state, binding("me", call), now + std::chrono::minutes(5)), payload);
}

TEST(RequestState, IsRefusedToOthersForOtherCallsAndTooLate) {
  const std::string state = seal_state(key, "p", binding("me", call), now);
  EXPECT_FALSE(open_state(key, state, binding("you", call), now));
  EXPECT_FALSE(open_state(SumKey(18), state, binding("me", call), now));
  EXPECT_FALSE(open_state(key, state, binding("me", call), now + std::chrono::milliseconds(1)));
  for (const std::string_view other :
       {R"({"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a","arguments":{"x":1,"y":[true,null]}}})",
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b","arguments":{"x":1,"y":[true,null]}}})",
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":2,"y":[true,null]}}})",
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"y":[null,true]}}})",
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}})"}) {
    EXPECT_FALSE(open_state(key, state, binding("me", other), now)) << other;
  }
}

TEST(RequestState, TheRepeatedCallMayBeWrittenAnotherWay) {
  const std::string state = seal_state(key, "p", binding("me", call), now);
  for (
      const std::string_view again :
      {R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"y":[true,null]},"inputResponses":{"q":{}},"requestState":"s","_meta":{}}})",
       R"({"method":"tools\/call","params":{ "arguments" : { "y" : [ true , null ] , "\u0078" : 1 } , "name" : "\u0061" },"id":3,"jsonrpc":"2.0"})"}) {
    EXPECT_TRUE(open_state(key, state, binding("me", again), now)) << again;
  }
}

TEST(RequestState, WhateverIsChangedIsRefusedAndNothingCrashes) {
  const std::string state = seal_state(key, "payload", binding("me", call), now);
  for (std::size_t at = 0; at < state.size(); ++at) {
    std::string changed = state;
    changed[at] = changed[at] == '1' ? '2' : '1';
    EXPECT_FALSE(open_state(key, changed, binding("me", call), now)) << changed;
    EXPECT_FALSE(open_state(key, state.substr(0, at), binding("me", call), now)) << at;
  }
  for (const std::string_view bad :
       {"", ".", "..", "...", "a.b.c", "=.1.=", "AAAA.99999999999999999999.AAAA", "AAAA..AAAA"}) {
    const auto opened = open_state(key, bad, binding("me", call), now);
    ASSERT_FALSE(opened) << bad;
    EXPECT_NE(opened.error().find("requestState"), std::string::npos);
  }
  EXPECT_FALSE(open_state(key, state + "=", binding("me", call), now));
}

TEST(RequestState, PartsOfABindingCannotRunIntoEachOther) {
  EXPECT_NE(binding("a", R"({"jsonrpc":"2.0","id":1,"method":"b"})"),
            binding("ab", R"({"jsonrpc":"2.0","id":1,"method":""})"));
}

}  // namespace
}  // namespace meantime::mcp
