// SPDX-License-Identifier: MIT
// error.hpp: what can go wrong with a request, as values. A tool's own failure is not an Error: see outcome.hpp.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace meantime {

/// What kind of fault it is; each front door maps these in one table (docs/errors.md).
enum class errc : unsigned char {
  invalid_argument,  ///< The request is wrong: mend it, then ask again.
  not_found,         ///< No such task or tool, or it belongs to somebody else: the two are never told apart.
  overloaded,        ///< A limit is reached: ask again after Error::retry_after.
  unavailable,       ///< The store or an upstream cannot be reached: ask again later; nothing was lost.
  draining,          ///< This process is shutting down and takes no new calls.
  already_final,     ///< The task has ended; its outcome stays as it is.
  cancelled,         ///< The caller's own wait or call was cancelled.
  timed_out,         ///< The wait is over, the thing waited for is not.
  corrupt,           ///< Stored data or a peer's message cannot be read.
  unsupported,       ///< The other side cannot do what this needs.
  internal,          ///< A fault of meantime itself: please report it.
};

/// The stable, lower-case name of `code`, as it stands in JSON and logs.
[[nodiscard]] std::string_view name_of(errc code) noexcept;

/// One fault: its kind, where it arose, and a sentence that says what to do.
struct Error {
  errc code = errc::internal;
  std::string op;                            ///< Where it arose, as "store.finish".
  std::string detail;                        ///< For people: what is wrong and the remedy.
  std::chrono::milliseconds retry_after{0};  ///< With `overloaded` and `unavailable`; 0 = unknown.

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

/// The unexpected side of a Result: `return fail(errc::not_found, "registry.find", "...")`.
[[nodiscard]] inline std::unexpected<Error> fail(errc code, std::string op, std::string detail = {},
                                                 std::chrono::milliseconds retry_after = {}) {
  return std::unexpected(Error{code, std::move(op), std::move(detail), retry_after});
}

}  // namespace meantime
