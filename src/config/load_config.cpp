// SPDX-License-Identifier: MIT
// load_config.cpp: configuration files: where they are, reading them, and making tools of what they say.
#include <cstdlib>
#include <system_error>

#include "config/config.hpp"
#include "config/read_file.hpp"

namespace meantime::config {
namespace {

constexpr std::size_t max_bytes = 4U << 20;

}  // namespace

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out + ": " + what;
}

Loaded load_config(const std::filesystem::path& file) {
  const auto text = read_file(file, max_bytes);
  if (text) return read_config(*text, file);
  Loaded out;
  out.problems.push_back({file.string(), 0, 0, text.error()});
  return out;
}

std::filesystem::path default_config_file() {
  const auto variable = [](const char* name) -> std::string_view {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  if (const auto file = variable("MEANTIME_CONFIG"); !file.empty()) return file;
  if (const auto home = variable("XDG_CONFIG_HOME"); home.starts_with('/')) {
    return std::filesystem::path(home) / "meantime" / "config.toml";
  }
  return std::filesystem::path(variable("HOME")) / ".config" / "meantime" / "config.toml";
}

Result<Config> config_for_start(const std::optional<std::filesystem::path>& file) {
  std::filesystem::path chosen = file.value_or(default_config_file());
  std::error_code ec;
  // A file that somebody named must be there; the default one need not.
  const bool named = file || std::getenv("MEANTIME_CONFIG") != nullptr;
  if (!named && !std::filesystem::exists(chosen, ec)) return Config{};
  Loaded loaded = load_config(chosen);
  if (loaded.problems.empty()) return std::move(loaded.config);
  std::string what;
  for (const Problem& problem : loaded.problems) what += (what.empty() ? "" : "\n") + problem.text();
  return fail(errc::invalid_argument, "config.load", std::move(what));
}

Result<std::vector<Tool>> command_tools(boost::asio::io_context& loop, Clock& clock, const Config& config) {
  std::vector<Tool> tools;
  for (const CommandSpec& spec : config.commands) {
    Result<Tool> tool = make_command_tool(loop, clock, spec);
    if (!tool) return std::unexpected(std::move(tool).error());
    tools.push_back(std::move(*tool));
  }
  return tools;
}

}  // namespace meantime::config
