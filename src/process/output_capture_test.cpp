// SPDX-License-Identifier: MIT
#include "process/output_capture.hpp"

#include <gtest/gtest.h>

namespace meantime::process {
namespace {

TEST(OutputCapture, KeepsAllThatFits) {
  OutputCapture capture(10);
  capture.add("hello");
  capture.add("world");
  EXPECT_EQ(capture.text(), "helloworld");
  EXPECT_FALSE(capture.cut());
  EXPECT_EQ(capture.tail(3), "rld");
}

TEST(OutputCapture, LeavesOutTheMiddleHoweverItIsCutIntoPieces) {
  std::string whole;
  for (int i = 0; i < 1'000; ++i) whole += std::to_string(i) + ",";
  for (const std::size_t piece : {1U, 3U, 7U, 64U, 5'000U}) {
    OutputCapture capture(20);
    for (std::size_t at = 0; at < whole.size(); at += piece) capture.add(std::string_view(whole).substr(at, piece));
    EXPECT_EQ(capture.text(), "0,1,2,3,4,\n[... 3870 bytes left out ...]\n7,998,999,") << piece;
    EXPECT_EQ(capture.total_bytes(), 3'890U);
    EXPECT_EQ(capture.tail(4), "999,");
  }
}

TEST(OutputCapture, NeverSplitsACharacterAtTheCut) {
  OutputCapture capture(10);
  for (int i = 0; i < 10; ++i) capture.add("\xE2\x82\xAC");  // the euro sign
  EXPECT_EQ(capture.text(), "\xE2\x82\xAC\n[... 24 bytes left out ...]\n\xE2\x82\xAC");
}

TEST(OutputCapture, KeepsNothingWhenToldSo) {
  OutputCapture capture(0);
  capture.add("abc");
  EXPECT_TRUE(capture.cut());
  EXPECT_EQ(capture.text(), "\n[... 3 bytes left out ...]\n");
}

TEST(OutputCapture, TakesBytesThatAreNoText) {
  OutputCapture capture(8);
  for (int i = 0; i < 100; ++i) capture.add(std::string(1, '\x80'));
  EXPECT_TRUE(capture.cut());
  EXPECT_LE(capture.text().size(), 60U);
}

}  // namespace
}  // namespace meantime::process
