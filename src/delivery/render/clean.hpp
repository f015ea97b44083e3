// SPDX-License-Identifier: MIT
// clean.hpp: makes a tool's output fit to be shown to people: no control characters, no terminal sequences, no secrets,
// nobody called by name. Pure.
#pragma once

#include <string>
#include <string_view>

#include "delivery/render/limits.hpp"

namespace meantime::render {

/// Valid UTF-8 without terminal (ANSI) sequences and control characters. Line ends become '\n' (CRLF, a lone CR as
/// progress bars print it, U+2028, U+2029); tabs stay. Also left out: what turns the direction of text that follows
/// (U+202A-202E, U+2066-2069), and U+FEFF.
[[nodiscard]] std::string without_controls(std::string_view text);

/// `text` with what looks like a secret replaced by `[redacted]`: bearer and basic credentials, values of keys named
/// like secrets, passwords in URLs, private keys, and tokens of known shape (chat platforms, code hosts, clouds, JWT).
/// Valid UTF-8 in and out. Never lets more through than it was given, and never cuts inside a character.
[[nodiscard]] std::string without_secrets(std::string text);

/// Both, in that order: what every text of a tool goes through before it is rendered or sent as a file.
[[nodiscard]] std::string clean(std::string_view text);

/// Puts U+200B behind each '@' that a name could follow, where the platform has no other guard.
[[nodiscard]] std::string without_mentions(std::string text, MentionGuard guard);

}  // namespace meantime::render
