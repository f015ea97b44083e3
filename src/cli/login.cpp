// SPDX-License-Identifier: MIT
// login.cpp: `meantime login`: a user agrees in a browser that meantime may use an upstream.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "auth/loopback_consent.hpp"
#include "auth/token_store.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/machine.hpp"
#include "cli/terminal.hpp"
#include "config/config.hpp"
#include "serve/gateway/credentials.hpp"

namespace meantime::cli {
namespace {

bool has_desktop() {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && value[0] != '\0';
  };
  return set("DISPLAY") || set("WAYLAND_DISPLAY");
}

// Best effort: the address is printed anyway. The shell's `&` leaves the browser to itself.
void open_browser(const std::string& url) {
  std::string program = "sh";
  std::string flag = "-c";
  std::string script = "xdg-open \"$1\" >/dev/null 2>&1 </dev/null &";
  std::string address = url;
  char* const argv[] = {program.data(), flag.data(), script.data(), program.data(), address.data(), nullptr};
  pid_t child = -1;
  if (posix_spawnp(&child, program.c_str(), nullptr, nullptr, argv, environ) != 0) return;
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void show(const std::string& url, bool no_browser) {
  static_cast<void>(write_all(STDERR_FILENO, "Agree in a browser, within five minutes:\n  " + harmless(url) + "\n"));
  const bool is_web = url.starts_with("https://") || url.starts_with("http://");
  if (!no_browser && is_web && has_desktop()) open_browser(url);
}

int wrong(const std::string& text) {
  complain(text);
  return exit_code::usage;
}

int log_in(const config::UpstreamSettings& upstream, bool no_browser) {
  Machine machine;
  Loop loop(machine.loop);
  http::Client http(loop);
  const auto store = auth::make_file_token_store(token_folder().string());
  const auto consent = auth::make_loopback_consent(machine.loop, {.port = upstream.http->oauth->redirect_port},
                                                   [no_browser](const std::string& url) { show(url, no_browser); });
  const auto client = serve::oauth_client_of(upstream, http, machine.clock, machine.random, store.get(), consent.get());
  Task<Result<void>> work = client->log_in();
  while (!work.done()) machine.loop.run_one();
  if (const auto done = work.take(); !done) {
    complain("upstream '" + upstream.name + "': " + done.error().detail);
    return exit_code::failure;
  }
  if (const std::string& problem = client->store_problem(); !problem.empty()) {
    complain("logged in to '" + upstream.name + "', but it cannot be kept: " + problem);
    return exit_code::failure;
  }
  complain("logged in to '" + upstream.name + "'");
  return exit_code::ok;
}

}  // namespace

int login_command(const LoginArguments& arguments) {
  std::optional<std::filesystem::path> file;
  if (!arguments.config.empty()) file = arguments.config;
  const auto config = config::config_for_start(file);
  if (!config) {
    static_cast<void>(write_all(STDERR_FILENO, config.error().detail + "\n"));
    return exit_code::usage;
  }
  const auto found = std::ranges::find(config->upstreams, arguments.upstream, &config::UpstreamSettings::name);
  if (found == config->upstreams.end()) {
    std::string names;
    for (const auto& each : config->upstreams) names += (names.empty() ? "" : ", ") + each.name;
    return wrong("there is no upstream '" + arguments.upstream + "' in the configuration" +
                 (names.empty() ? std::string() : "; there are: " + names));
  }
  if (!found->http) return wrong("upstream '" + found->name + "' is a program of this machine: it needs no login");
  if (!found->http->oauth) {
    return wrong("upstream '" + found->name +
                 "' does not use OAuth: its configuration has a token, or says oauth = false");
  }
  return log_in(*found, arguments.no_browser);
}

}  // namespace meantime::cli
