// SPDX-License-Identifier: MIT
// config_check.cpp: `meantime config check`: every problem of a configuration file at once.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "config/config.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime::cli {

int config_check_command(const ConfigCheckArguments& arguments) {
  const std::filesystem::path file =
      arguments.file.empty() ? config::default_config_file() : std::filesystem::path(arguments.file);
  const auto [config, problems] = config::load_config(file);
  const int code = problems.empty() ? exit_code::ok : exit_code::usage;
  if (arguments.json) {
    std::string text;
    JsonWriter out(text);
    out.begin_object().field("file", utf8::repaired(file.string()));
    const auto list = [&out](const char* key, const char* what, const std::vector<config::Problem>& all) {
      out.key(key).begin_array();
      for (const auto& each : all) {
        out.begin_object()
            .field("file", utf8::repaired(each.file))
            .field("line", each.line)
            .field("column", each.column)
            .field(what, utf8::repaired(each.what))
            .end_object();
      }
      out.end_array();
    };
    list("problems", "problem", problems);
    list("notes", "note", config.notes);
    out.field("schema_version", 1).end_object();
    return print(text + "\n") ? code : exit_code::failure;
  }
  // As compilers do, so that editors find the place.
  for (const auto& problem : problems) static_cast<void>(write_all(2, harmless(problem.text()) + "\n"));
  for (const auto& note : config.notes) static_cast<void>(write_all(2, harmless("note: " + note.text()) + "\n"));
  if (problems.empty()) complain(file.string() + " is fine");
  return code;
}

}  // namespace meantime::cli
