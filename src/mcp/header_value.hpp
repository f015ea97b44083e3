// SPDX-License-Identifier: MIT
// header_value.hpp: text in an HTTP header: as it is where that is safe, else =?base64?...?=. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace meantime::mcp {

/// `text` as a header value: plain where it is visible ASCII (spaces and tabs inside) and does not look encoded.
[[nodiscard]] std::string encode_header_value(std::string_view text);

/// What a header value stands for. None: it is marked as base64 and is none (foreign characters, wrong padding).
/// A beginning without the end of the mark, or the reverse, is plain text.
[[nodiscard]] std::optional<std::string> decode_header_value(std::string_view value);

/// Whether a header value stands for `text`; case counts.
[[nodiscard]] bool header_value_is(std::string_view value, std::string_view text);

/// Without the spaces and tabs around it.
[[nodiscard]] std::string_view trim_header_value(std::string_view value) noexcept;

/// 1*tchar (RFC 9110).
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// The standard alphabet with padding (RFC 4648, section 4).
[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Strict: no white space, right padding, no bits left over.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace meantime::mcp
