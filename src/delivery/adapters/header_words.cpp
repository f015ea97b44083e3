// SPDX-License-Identifier: MIT
#include "delivery/adapters/header_words.hpp"

#include <algorithm>

#include "auth/digest.hpp"
#include "core/utf8.hpp"

namespace meantime::delivery {
namespace {

constexpr std::size_t longest_plain = 60;
constexpr std::size_t bytes_of_word = 45;  // 60 letters of base64, and 12 around them

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

}  // namespace

std::string header_words(std::string_view text, std::string_view between) {
  const bool as_it_is = text.size() <= longest_plain && !text.contains("=?") &&
                        std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c >= 0x7F; });
  if (as_it_is) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t size = utf8::cut_length(text, bytes_of_word);
    std::string piece(text.substr(0, size));
    std::ranges::replace_if(piece, is_control, ' ');
    if (!out.empty()) out += between;
    out.append("=?UTF-8?B?").append(auth::base64(piece)).append("?=");
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace meantime::delivery
