// SPDX-License-Identifier: MIT
// ledger.hpp: what all processes were told and what was done to them: one file, to which each adds whole lines. A line
// is written before its process goes on, so that what stands there was really said.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/descriptor.hpp"

namespace meantime::test {

/// The first word of a line; after it come the time, the process and what is named here.
namespace said {
inline constexpr std::string_view began = "began";          ///< place, name in the store
inline constexpr std::string_view accepted = "accepted";    ///< id, stored, tool, key or -, n, bytes, ms, fails
inline constexpr std::string_view inline_ = "inline";       ///< completed, hash or error, n, bytes, ms, fails
inline constexpr std::string_view told = "told";            ///< id, status, reason, unsaved, hash of the result or -
inline constexpr std::string_view cancelling = "cancel";    ///< id: it is about to be asked for
inline constexpr std::string_view not_found = "not_found";  ///< id, by which question, when it was asked
inline constexpr std::string_view waited = "waited";        ///< id, limit ms, took ms
inline constexpr std::string_view wrong = "wrong";          ///< what: seen by the process itself
inline constexpr std::string_view killed = "killed";        ///< place
inline constexpr std::string_view hindered = "hindered";    ///< place, or *: from now on
inline constexpr std::string_view freed = "freed";          ///< place, or *: no more
}  // namespace said

struct LedgerLine {
  std::string what;
  std::int64_t at_ms = 0;
  int pid = 0;
  std::vector<std::string> words;
};

/// The machine's steady time: the same for all processes.
[[nodiscard]] std::int64_t steady_ms();

class Ledger {
 public:
  /// Opens it for writing and, from its beginning on, for reading. Errors: throws std::runtime_error.
  explicit Ledger(const std::filesystem::path& file);
  /// Adds a line in one step.
  void write(std::string_view what, const std::vector<std::string>& words) const;
  /// The whole lines that were added since the last time.
  std::vector<LedgerLine> read_more();

 private:
  Descriptor file_;
  std::uint64_t read_to_ = 0;
};

}  // namespace meantime::test
