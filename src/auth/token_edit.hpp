// SPDX-License-Identifier: MIT
// token_edit.hpp: changes of a token file, each in one step: whoever reads it sees the old file or the new one. Several
// programs may change it at once. Blocks; not for the loop's thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "auth/token_file.hpp"

namespace meantime::auth {

/// What stands in it. Errors: as TokenFileAuthenticator::open.
[[nodiscard]] Result<std::vector<TokenEntry>> read_token_file(const std::string& path);

/// Adds a line of token_line(); a file that is not there is made, for its owner alone. Gives how many tokens the name
/// has now. Errors: invalid_argument (the file as it is cannot be read, or others may read it), unavailable (it cannot
/// be written).
[[nodiscard]] Result<std::size_t> add_to_token_file(const std::string& path, std::string_view line);

/// Takes out every token of `name`; gives how many. All other lines stay as they are. Errors: as above; not_found.
[[nodiscard]] Result<std::size_t> revoke_in_token_file(const std::string& path, std::string_view name);

}  // namespace meantime::auth
