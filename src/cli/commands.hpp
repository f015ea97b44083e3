// SPDX-License-Identifier: MIT
// commands.hpp: one function a command; each answers the exit code.
#pragma once

#include <span>
#include <string_view>

#include "cli/arguments.hpp"

namespace meantime::cli {

[[nodiscard]] int run_command(RunArguments arguments);
[[nodiscard]] int check_command(const CheckArguments& arguments);
[[nodiscard]] int await_command(const AwaitArguments& arguments);
[[nodiscard]] int output_command(const OutputArguments& arguments);
[[nodiscard]] int list_command(const ListArguments& arguments);
[[nodiscard]] int cancel_command(const CancelArguments& arguments);
[[nodiscard]] int redirect_command(const RedirectArguments& arguments);
[[nodiscard]] int deliveries_command(const DeliveriesArguments& arguments);
[[nodiscard]] int destinations_command(const DestinationsArguments& arguments);
/// `destinations test`.
[[nodiscard]] int test_destination(const DestinationsArguments& arguments);
[[nodiscard]] int wrap_command(const WrapArguments& arguments, std::string_view version);
[[nodiscard]] int serve_command(const ServeArguments& arguments, std::string_view version);
[[nodiscard]] int config_check_command(const ConfigCheckArguments& arguments);
[[nodiscard]] int doctor_command(const DoctorArguments& arguments);
[[nodiscard]] int token_command(const TokenArguments& arguments);
[[nodiscard]] int login_command(const LoginArguments& arguments);
[[nodiscard]] int completion_command(const CompletionArguments& arguments);
[[nodiscard]] int version_command(const VersionArguments& arguments, std::string_view version);

/// The whole program, after its name. Never throws.
[[nodiscard]] int run_program(std::span<const char* const> arguments, std::string_view version);

}  // namespace meantime::cli
