// SPDX-License-Identifier: MIT
// results_contract.cpp: results of any size and any bytes, read page by page in characters.
#include "contract/store_contract.hpp"
#include "core/utf8.hpp"

namespace meantime::test {
namespace {

// Characters of one to four bytes in turn, so that cuts fall everywhere.
std::string mixed_text(std::size_t characters) {
  static const std::vector<std::string> kinds{"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "z"};
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += kinds[i % kinds.size()];
  return out;
}

TEST_P(StoreContract, AnEmptyResultIsAnEmptyPage) {
  const TaskId id = start(*a_);
  const auto running = wait(a_->read_result(id, 0, 0));
  ASSERT_TRUE(running);
  EXPECT_EQ(running->text, "");
  must_finish(*a_, id, "");
  const auto page = wait(b_->read_result(id, 0, 100));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->text, "");
  EXPECT_EQ(page->total_chars, 0U);
  EXPECT_FALSE(page->next_offset(100));
}

TEST_P(StoreContract, F11_AnyBytesComeBackAsTheyAre) {
  const std::string any{"nul \0 then \xFF\xFE broken \xC3", 22};
  for (const std::string& text : {any, std::string("\0", 1), std::string(5'000, '\xFF'), mixed_text(1'000)}) {
    const TaskId id = start(*a_);
    must_finish(*a_, id, text);
    EXPECT_EQ(result(*b_, id), text);
    EXPECT_EQ(find(*b_, id).result_bytes, text.size());
  }
}

TEST_P(StoreContract, PagesOfAShortResultNeverSplitACharacter) {
  const std::string text = mixed_text(101);
  const TaskId id = start(*a_);
  must_finish(*a_, id, text);
  std::string joined;
  std::optional<std::uint64_t> offset = 0;
  while (offset) {
    const auto page = wait(b_->read_result(id, *offset, 7));
    ASSERT_TRUE(page);
    EXPECT_TRUE(utf8::valid(page->text));
    EXPECT_EQ(page->offset, *offset);
    EXPECT_EQ(page->total_chars, 101U);
    EXPECT_EQ(page->total_bytes, text.size());
    const std::uint64_t chars = utf8::count(page->text);
    EXPECT_EQ(chars, std::min<std::uint64_t>(7, 101 - *offset));
    joined += page->text;
    offset = page->next_offset(chars);
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(wait(b_->read_result(id, 101, 7))->text, "");
  EXPECT_EQ(wait(b_->read_result(id, ~0ULL, ~0ULL))->text, "");
  EXPECT_EQ(wait(b_->read_result(id, 100, ~0ULL))->text, "a");
}

TEST_P(StoreContract, F07_ALargeResultIsReadPageByPage) {
  const std::size_t characters = 9'000'000;
  const std::string text = mixed_text(characters);
  ASSERT_GT(text.size(), 19'000'000U);
  const TaskId id = start(*a_);
  must_finish(*a_, id, text);
  const TaskRecord record = find(*b_, id);
  EXPECT_EQ(record.result_bytes, text.size());
  EXPECT_EQ(record.result_chars, characters);
  // From the front, across every border of what a store may cut it into, and at the very end.
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{29'780}, std::uint64_t{1'000'003},
                                     std::uint64_t{8'765'432}, std::uint64_t{characters - 5}}) {
    const auto page = wait(b_->read_result(id, offset, 100'000));
    ASSERT_TRUE(page);
    const std::uint64_t take = std::min<std::uint64_t>(100'000, characters - offset);
    const std::size_t from = utf8::byte_offset(text, offset);
    EXPECT_EQ(page->text, text.substr(from, utf8::byte_offset(text, offset + take) - from)) << offset;
  }
  EXPECT_TRUE(result(*b_, id) == text);
  // A list does not carry it.
  EXPECT_EQ(list(*b_, {.user_id = "ann"}).tasks.size(), 1U);
  clock_.advance(Milliseconds(1));
  EXPECT_EQ(wait(b_->forget_ended(clock_.wall_now())), 1U);
}

TEST_P(StoreContract, ResultsAroundTheInlineLimitAreWhole) {
  for (const std::size_t size : {65'534UL, 65'535UL, 65'536UL, 65'537UL, 131'072UL, 131'075UL}) {
    std::string text = mixed_text(size / 2);
    text.resize(utf8::cut_length(text, size));
    const TaskId id = start(*a_);
    must_finish(*a_, id, text);
    EXPECT_TRUE(result(*b_, id) == text) << size;
    const std::uint64_t chars = utf8::count(text);
    EXPECT_EQ(wait(b_->read_result(id, chars - 1, 10))->text, text.substr(utf8::byte_offset(text, chars - 1)));
  }
}

TEST_P(StoreContract, F33_AnErrorIsKeptAsGivenAndCountsForTheRecord) {
  const TaskId id = start(*a_);
  const std::string error = "E: " + std::string(16'000, 'e');
  ASSERT_TRUE(finish(*a_, id, failed(error)));
  EXPECT_EQ(find(*b_, id).error, error);
}

}  // namespace
}  // namespace meantime::test
