// SPDX-License-Identifier: MIT
// random_text.hpp: texts that are hard to cut, from a seed.
#pragma once

#include <cstdint>
#include <string>

namespace meantime::test {

/// About `bytes` of valid UTF-8: words, long lines, fences, emoji with joiners, flags, accents, right-to-left scripts,
/// CRLF, terminal sequences, entities, links, mentions, runs of blanks and backticks. The same seed, the same text.
[[nodiscard]] std::string random_text(std::uint64_t seed, std::size_t bytes);

}  // namespace meantime::test
