// SPDX-License-Identifier: MIT
// server_errors.hpp: what a server's refusals mean, and what to do about them.
#pragma once

#include <string>
#include <string_view>

#include "meantime/error.hpp"

namespace meantime::store::redis {

/// A refusal as an Error with its remedy. `place` names the server without secrets.
[[nodiscard]] Error error_of(std::string_view refusal, std::string op, const std::string& place);

/// Whether another connection may do better: this server is a replica now, loads, or asks for other credentials.
[[nodiscard]] bool leave_server(std::string_view refusal) noexcept;

/// The first word of a refusal, as "NOSCRIPT".
[[nodiscard]] std::string_view kind_of_refusal(std::string_view refusal) noexcept;

/// What is wrong with a server, after its name: "cannot connect: Connection refused".
[[nodiscard]] std::string trouble_of(const Error& error, const std::string& place);
/// For those who asked: "store unavailable: redis://10.0.0.5:6379: cannot connect: Connection refused".
[[nodiscard]] Error unavailable_of(const Error& error, std::string op, const std::string& place);

}  // namespace meantime::store::redis
