// SPDX-License-Identifier: MIT
// token.cpp: `meantime token`: who may come in over HTTP by a token.
#include "auth/token_edit.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "config/config.hpp"
#include "core/json_writer.hpp"
#include "meantime/system_clock.hpp"

namespace meantime::cli {
namespace {

int refused(const Error& error) {
  complain(error.detail);
  return error.code == errc::invalid_argument ? exit_code::usage : exit_code::failure;
}

// The file that is meant. What else is wrong in the configuration does not matter here: often it is this very file.
Result<std::string> token_file(const TokenArguments& arguments) {
  if (!arguments.file.empty()) return arguments.file;
  const std::filesystem::path place =
      arguments.config.empty() ? config::default_config_file() : std::filesystem::path(arguments.config);
  const config::Loaded loaded = config::load_config(place);
  if (!loaded.config.auth.token_file.empty()) return loaded.config.auth.token_file.string();
  std::error_code ec;
  if (!std::filesystem::exists(place, ec)) {
    return fail(errc::invalid_argument, "cli.token",
                "which token file? There is no configuration at " + place.string() +
                    ": name one with --config, or the token file with --file");
  }
  return fail(errc::invalid_argument, "cli.token",
              place.string() +
                  " names no token file: add token_file = \"tokens\" and kind = \"tokens\" in [auth], or "
                  "name the file with --file");
}

int list_tokens(const std::string& file, bool as_json) {
  const auto entries = auth::read_token_file(file);
  if (!entries) return refused(entries.error());
  std::string out;
  if (as_json) {
    JsonWriter json(out);
    json.begin_object().field("file", file).key("tokens").begin_array();
    for (const auth::TokenEntry& each : *entries) {
      json.begin_object().field("name", each.name).field("every_scope", each.every_scope).key("scopes").begin_array();
      for (const std::string& scope : each.scopes) json.value(scope);
      json.end_array().end_object();
    }
    json.end_array().field("schema_version", 1).end_object();
    out += '\n';
  } else {
    for (const auth::TokenEntry& each : *entries) {
      out += each.name + "\t";
      if (each.every_scope) out += "every scope";
      for (const std::string& scope : each.scopes) out += (scope == each.scopes.front() ? "" : " ") + scope;
      out += '\n';
    }
  }
  return print(out) ? exit_code::ok : exit_code::failure;
}

int revoke_tokens(const std::string& file, const TokenArguments& arguments) {
  const auto gone = auth::revoke_in_token_file(file, arguments.revoke);
  if (!gone) return refused(gone.error());
  complain(arguments.revoke + ": " + std::to_string(*gone) + (*gone == 1 ? " token is" : " tokens are") + " revoked");
  return exit_code::ok;
}

int make_token(const std::string& file, const TokenArguments& arguments) {
  SystemRandom random;
  const std::string token = auth::make_token(random);
  const auto line = auth::token_line(arguments.name, token, arguments.scopes);
  if (!line) return refused(line.error());
  const auto of_name = auth::add_to_token_file(file, *line);
  if (!of_name) return refused(of_name.error());
  std::string out = token;
  if (arguments.json) {
    out.clear();
    JsonWriter json(out);
    json.begin_object().field("name", arguments.name).field("token", token).field("file", file);
    json.field("schema_version", 1).end_object();
  }
  // A token that nobody saw is of no use, and must not stay valid.
  if (!print(out + "\n")) {
    complain("the token could not be printed: revoke it with --revoke " + arguments.name);
    return exit_code::failure;
  }
  complain("this token is shown once; its hash stands in " + file +
           (*of_name > 1 ? "; " + arguments.name + " has " + std::to_string(*of_name) + " tokens now" : ""));
  return exit_code::ok;
}

}  // namespace

int token_command(const TokenArguments& arguments) {
  if (arguments.name.empty() && !arguments.list && arguments.revoke.empty()) {
    complain("for whom? Write meantime token NAME, or --list, or --revoke NAME");
    return exit_code::usage;
  }
  const auto file = token_file(arguments);
  if (!file) return refused(file.error());
  if (arguments.list) return list_tokens(*file, arguments.json);
  return arguments.revoke.empty() ? make_token(*file, arguments) : revoke_tokens(*file, arguments);
}

}  // namespace meantime::cli
