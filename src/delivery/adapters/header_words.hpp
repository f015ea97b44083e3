// SPDX-License-Identifier: MIT
// header_words.hpp: any text as the value of a header that takes ASCII only (RFC 2047). Pure.
#pragma once

#include <string>
#include <string_view>

namespace meantime::delivery {

/// `text` itself when it is plain ASCII and short; else encoded words, each at most 75 characters and of whole
/// characters, with `between` between them: "\r\n " in a mail. Control characters become spaces.
[[nodiscard]] std::string header_words(std::string_view text, std::string_view between = " ");

}  // namespace meantime::delivery
