// SPDX-License-Identifier: MIT
// error_type.hpp: the readable type of an exception, as it stands before the colon in a task's error (S11).
#pragma once

#include <exception>
#include <string>

namespace meantime {

/// "std::runtime_error" and the like, demangled.
[[nodiscard]] std::string error_type(const std::exception& thrown);

}  // namespace meantime
