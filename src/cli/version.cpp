// SPDX-License-Identifier: MIT
// version.cpp: `meantime version`.
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"
#include "core/json_writer.hpp"

namespace meantime::cli {

int version_command(const VersionArguments& arguments, std::string_view version) {
  std::string text;
  if (arguments.json) {
    JsonWriter(text)
        .begin_object()
        .field("name", "meantime")
        .field("version", version)
        .field("schema_version", 1)
        .end_object();
  } else {
    text = "meantime " + std::string(version);
  }
  return print(text + "\n") ? exit_code::ok : exit_code::failure;
}

}  // namespace meantime::cli
