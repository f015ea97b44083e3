// SPDX-License-Identifier: MIT
// token_store.hpp: what OAuth clients keep between runs: one file an upstream, mode 0600, replaced in one step.
#pragma once

#include <memory>
#include <string>

#include "auth/oauth_settings.hpp"

namespace meantime::auth {

/// Files in `folder`, which is made (0700) when it is not there.
[[nodiscard]] std::unique_ptr<TokenStore> make_file_token_store(std::string folder);

}  // namespace meantime::auth
