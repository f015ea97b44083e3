// SPDX-License-Identifier: MIT
// placeholders.hpp: values from elsewhere within a text of a configuration: {env:NAME}, {file:PATH}, ${NAME}, ...
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace meantime::config {

/// What a placeholder stands for, or what is wrong and what to do. `inner` is the text between its brackets.
using FillIn = std::function<std::expected<std::string, std::string>(std::string_view inner)>;

/// `text` with each `open`...`}` replaced by what `fill` says; what was filled in is not looked at again. `open` ends
/// with a brace. A bracket that nothing closes stays as it is. Errors: the first one of `fill`.
[[nodiscard]] std::expected<std::string, std::string> fill_in(std::string_view text, std::string_view open,
                                                              const FillIn& fill);

/// The value of a variable of our environment. The unexpected side says that it is not set.
[[nodiscard]] std::expected<std::string, std::string> variable(std::string_view name);

/// A secret from a file, without the line's end. The unexpected side names the file, and never its content.
[[nodiscard]] std::expected<std::string, std::string> secret_from(const std::filesystem::path& file);

}  // namespace meantime::config
