// SPDX-License-Identifier: MIT
#include <csignal>
#include <exception>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace meantime::cli {
namespace {

struct Start {
  std::string_view version;

  int operator()(const RunArguments& a) const { return run_command(a); }
  int operator()(const CheckArguments& a) const { return check_command(a); }
  int operator()(const AwaitArguments& a) const { return await_command(a); }
  int operator()(const OutputArguments& a) const { return output_command(a); }
  int operator()(const ListArguments& a) const { return list_command(a); }
  int operator()(const CancelArguments& a) const { return cancel_command(a); }
  int operator()(const RedirectArguments& a) const { return redirect_command(a); }
  int operator()(const DeliveriesArguments& a) const { return deliveries_command(a); }
  int operator()(const DestinationsArguments& a) const { return destinations_command(a); }
  int operator()(const WrapArguments& a) const { return wrap_command(a, version); }
  int operator()(const ServeArguments& a) const { return serve_command(a, version); }
  int operator()(const ConfigCheckArguments& a) const { return config_check_command(a); }
  int operator()(const DoctorArguments& a) const { return doctor_command(a); }
  int operator()(const TokenArguments& a) const { return token_command(a); }
  int operator()(const LoginArguments& a) const { return login_command(a); }
  int operator()(const CompletionArguments& a) const { return completion_command(a); }
  int operator()(const VersionArguments& a) const { return version_command(a, version); }
};

}  // namespace

int run_program(std::span<const char* const> arguments, std::string_view version) {
  hold_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a store at the user's file size limit (ulimit -f) is a full one, not the end
  try {
    const auto parsed = parse_arguments(arguments);
    if (const auto* stop = std::get_if<Stop>(&parsed)) {
      const bool told = print(stop->out) && write_all(2, stop->err);
      return told ? stop->exit_code : exit_code::failure;
    }
    return std::visit(Start{version}, std::get<Command>(parsed));
  } catch (const std::exception& error) {
    complain("a fault of meantime itself, please report it: " + std::string(error.what()));
    return exit_code::failure;
  }
}

}  // namespace meantime::cli
