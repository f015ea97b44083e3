// SPDX-License-Identifier: MIT
// pager_fuzz.cpp: whatever the text, its pages put together are the text again, and no page splits a character.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/text_page.hpp"
#include "core/utf8.hpp"

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// The first eight bytes are an offset, the next two a limit; the rest is the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace meantime;
  std::uint64_t offset = 0;
  std::uint16_t limit = 0;
  if (size < sizeof offset + sizeof limit) return 0;
  std::memcpy(&offset, data, sizeof offset);
  std::memcpy(&limit, data + sizeof offset, sizeof limit);
  const std::string bytes(reinterpret_cast<const char*>(data) + sizeof offset + sizeof limit,
                          size - sizeof offset - sizeof limit);

  const TextPage of_anything = page_of(bytes, offset, limit);
  demand(of_anything.text.size() <= bytes.size());

  const std::string text = utf8::repaired(bytes);
  demand(utf8::valid(text));
  demand(utf8::valid(page_of(text, offset, limit).text));

  const std::uint64_t page_chars = limit % 64 + 1;
  std::string all;
  std::optional<std::uint64_t> at = 0;
  while (at) {
    const TextPage page = page_of(text, *at, page_chars);
    demand(utf8::valid(page.text));
    demand(utf8::count(page.text) <= page_chars);
    demand(page.total_chars == utf8::count(text) && page.total_bytes == text.size());
    all += page.text;
    at = page.next_offset(page_chars);
  }
  demand(all == text);

  bool cut = false;
  demand(utf8::valid(utf8::head_and_tail(text, limit, cut)));
  demand(cut == (text.size() > limit));
  return 0;
}
