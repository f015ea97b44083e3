// SPDX-License-Identifier: MIT
// config_texts.hpp: texts of configurations, read.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace meantime::test {

/// All problems of the text, as they are told.
inline std::vector<std::string> problems_of(std::string_view text, const char* file = "/etc/c.toml") {
  std::vector<std::string> out;
  for (const config::Problem& problem : config::read_config(text, file).problems) out.push_back(problem.text());
  return out;
}

inline std::vector<std::string> notes_of(const config::Config& config) {
  std::vector<std::string> out;
  for (const config::Problem& note : config.notes) out.push_back(note.text());
  return out;
}

/// Throws when there is a problem.
inline config::Config config_of(std::string_view text, const char* file = "/etc/c.toml") {
  config::Loaded loaded = config::read_config(text, file);
  if (!loaded.problems.empty()) throw std::runtime_error(loaded.problems.front().text());
  return std::move(loaded.config);
}

}  // namespace meantime::test
