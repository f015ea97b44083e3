// SPDX-License-Identifier: MIT
#include "core/text_page.hpp"

#include "core/utf8.hpp"

namespace meantime {

TextPage page_of(std::string_view text, std::uint64_t offset_chars, std::uint64_t limit_chars) {
  TextPage page;
  page.total_bytes = text.size();
  page.total_chars = utf8::count(text);
  page.offset = std::min(offset_chars, page.total_chars);
  const std::string_view rest = text.substr(utf8::byte_offset(text, page.offset));
  const std::uint64_t left = page.total_chars - page.offset;
  const bool all = limit_chars == 0 || limit_chars >= left;
  page.text = rest.substr(0, all ? rest.size() : utf8::byte_offset(rest, limit_chars));
  return page;
}

}  // namespace meantime
