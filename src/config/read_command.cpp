// SPDX-License-Identifier: MIT
// read_command.cpp: a [tools.<name>] table as a CommandSpec.
#include <boost/json.hpp>
#include <charconv>

#include "config/read_file.hpp"
#include "config/readers.hpp"
#include "mcp/splice.hpp"

namespace meantime::config {
namespace {

namespace json = boost::json;

constexpr std::size_t max_schema_bytes = 1 << 20;
constexpr std::string_view no_arguments = R"({"type":"object","additionalProperties":false})";

class CommandReader {
 public:
  CommandReader(Problems& problems, const Member& table)
      : section_(problems, *table.value.as<Table>(), "tools." + table.key, table.place) {
    spec_.tool.name = table.key;
    check_tool_name(problems, table.place, table.key);
  }

  CommandSpec read() {
    if (auto description = section_.text("description"); description && !description->empty()) {
      spec_.tool.description = std::move(*description);
    } else {
      section_.say(section_.place_of("description"),
                   "[" + section_.name() + "] has no description: say what the tool does, for models choose by it");
    }
    rules = read_rules(section_);
    rules.output_schema = section_.json_object("output_schema");
    check_rules(section_, rules);
    rules.apply_to(spec_.tool);

    if (auto folder = section_.text("folder")) spec_.folder = section_.problems().resolve(*folder).string();
    read_command_line();
    read_input_schema();
    Section::set(spec_.allow_dash, section_.texts("allow_dash"));
    Section::set(spec_.environment, section_.named_texts("env"));
    Section::set(spec_.environment_from, section_.texts("env_from"));
    read_stdin();
    read_exit_codes();
    Section::set(spec_.max_output_bytes, section_.size("max_output"));
    Section::set(spec_.error_output, section_.choice("stderr", {"on_failure", "merged", "appended", "discarded"}));
    Section::set(spec_.strip_control, section_.flag("strip_control"));
    Section::set(spec_.no_new_privileges, section_.flag("no_new_privileges"));
    Section::set(spec_.stop_grace, section_.duration("stop_grace"));
    read_limits();

    for (const CommandFault& fault : faults_of(spec_)) {
      if (fault.key == "command" && command_told_) continue;
      const bool from_file = fault.key == "input" && section_.value("input") == nullptr;
      section_.say(section_.place_of(from_file ? "input_file" : fault.key),
                   section_.named(from_file ? "input_file" : fault.key) + ": " + fault.what);
    }
    return std::move(spec_);
  }

  ToolRules rules;

 private:
  void read_command_line() {
    const bool shell = section_.flag("shell").value_or(false);
    const Value* command = section_.value("command");
    const auto wrong = [&](Place place, std::string what) {
      section_.say(place, std::move(what));
      command_told_ = true;
    };
    if (command == nullptr) {
      return wrong(section_.place(),
                   "[" + section_.name() + "] has no command: write command = [\"program\", \"argument\"]");
    }
    if (const auto* script = command->as<std::string>()) {
      if (!shell) {
        return wrong(command->place,
                     section_.named("command") +
                         " must be a list, [\"program\", \"argument\"], for no shell takes it apart; for a "
                         "shell script write shell = true beside it");
      }
      if (script->empty()) return wrong(command->place, section_.named("command") + " is an empty script");
      spec_.script = *script;
      return;
    }
    const auto* elements = command->as<Array>();
    if (elements == nullptr) {
      return wrong(command->place,
                   section_.named("command") + " must be a list of strings, not " + std::string(kind_of(*command)));
    }
    if (shell) {
      return wrong(command->place, section_.named("command") + " must be one string, the script, with shell = true");
    }
    for (const Value& element : *elements) {
      ArgvTemplate::Group group;
      if (const auto* text = element.as<std::string>()) {
        group.push_back(*text);
      } else if (const auto* several = element.as<Array>()) {
        for (const Value& each : *several) {
          if (const auto* part = each.as<std::string>()) {
            group.push_back(*part);
          } else {
            return wrong(each.place, "a group in " + section_.named("command") + " is made of strings, not " +
                                         std::string(kind_of(each)));
          }
        }
      } else {
        return wrong(element.place, section_.named("command") +
                                        " is made of strings, and of lists of strings that stand and "
                                        "fall together, not " +
                                        std::string(kind_of(element)));
      }
      spec_.argv.push_back(std::move(group));
    }
    if (!spec_.argv.empty() && !spec_.argv.front().empty()) {
      std::string& program = spec_.argv.front().front();
      const bool has_slash = program.find('/') != std::string::npos;
      if (program.starts_with("~/") || (has_slash && !program.starts_with('/') && spec_.folder.empty())) {
        program = section_.problems().resolve(program).string();
      }
    }
  }

  void read_input_schema() {
    const Value* input = section_.value("input");
    const auto file = section_.text("input_file");
    if (input != nullptr && file) {
      section_.say(section_.place_of("input_file"), "[" + section_.name() + "] has input and input_file: choose one");
    }
    if (input == nullptr && !file) {
      spec_.tool.input_schema = no_arguments;
      return;
    }
    if (file && input == nullptr) {
      const auto path = section_.problems().resolve(*file);
      auto text = read_file(path, max_schema_bytes);
      if (!text) {
        section_.say(section_.place_of("input_file"),
                     section_.named("input_file") + ": '" + path.string() + "' " + text.error());
        spec_.tool.input_schema = no_arguments;
        return;
      }
      spec_.tool.input_schema = std::move(*text);
    } else if (const auto* text = input->as<std::string>()) {
      spec_.tool.input_schema = *text;
    } else if (const auto* table = input->as<Table>()) {
      spec_.tool.input_schema.clear();
      section_.append_json(spec_.tool.input_schema, "input", *input);
      if (std::ranges::find(*table, "type", &Member::key) == table->end()) {
        spec_.tool.input_schema = mcp::with_member(mcp::JsonSpan(spec_.tool.input_schema), "type", R"("object")");
      }
    } else {
      section_.say(input->place, section_.named("input") +
                                     " must be a table (a JSON Schema) or a string of JSON, not " +
                                     std::string(kind_of(*input)));
      spec_.tool.input_schema = no_arguments;
      return;
    }
    json::parse_options options;
    options.max_depth = 200;
    boost::system::error_code ec;
    const json::value schema = json::parse(spec_.tool.input_schema, ec, {}, options);
    if (ec) return;  // faults_of() says it
    const json::value* type = schema.is_object() ? schema.get_object().if_contains("type") : nullptr;
    if (type == nullptr || !type->is_string() || type->get_string() != "object") {
      const char* key = input == nullptr ? "input_file" : "input";
      section_.say(section_.place_of(key), section_.named(key) +
                                               " must describe an object (\"type\": \"object\"): a call's "
                                               "arguments have names");
    }
  }

  void read_stdin() {
    const auto text = section_.text("stdin");
    const bool arguments = section_.flag("stdin_arguments").value_or(false);
    if (text && arguments) {
      section_.say(section_.place_of("stdin_arguments"),
                   "[" + section_.name() + "] has stdin and stdin_arguments: choose one");
    }
    if (arguments) {
      spec_.input = CommandInput::arguments;
    } else if (text) {
      spec_.input = CommandInput::text;
      spec_.input_text = *text;
    }
  }

  void read_exit_codes() {
    if (const Value* codes = section_.value("ok_exit_codes")) {
      spec_.ok_exit_codes.clear();
      const auto* list = codes->as<Array>();
      if (list == nullptr) {
        section_.say(codes->place, section_.named("ok_exit_codes") + " must be a list of numbers, as [0, 1]");
        spec_.ok_exit_codes = {0};
        list = nullptr;
      }
      for (const Value& each : list != nullptr ? *list : Array{}) {
        const auto* code = each.as<std::int64_t>();
        if (code == nullptr || *code < 0 || *code > 255) {
          section_.say(each.place, section_.named("ok_exit_codes") + " is made of whole numbers from 0 to 255");
          spec_.ok_exit_codes.push_back(0);
          continue;
        }
        spec_.ok_exit_codes.push_back(static_cast<int>(*code));
      }
    }
    const auto messages = section_.named_texts("exit_messages");
    if (!messages) return;
    for (const auto& [key, text] : *messages) {
      int code = -1;
      const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), code);
      if (problem != std::errc{} || end != key.data() + key.size() || code < 0 || code > 255) {
        section_.say(section_.place_of("exit_messages"),
                     "'" + key + "' in " + section_.named("exit_messages") + " is no exit code: they are 0 to 255");
        continue;
      }
      spec_.exit_messages[code] = text;
    }
  }

  void read_limits() {
    const Member* table = section_.table("limits");
    if (table == nullptr) return;
    constexpr std::int64_t many = 1'000'000'000;
    Section limits(section_.problems(), *table->value.as<Table>(), section_.name() + ".limits", table->place);
    process::ResourceLimits& out = spec_.limits;
    if (const auto cpu = limits.duration("cpu", Milliseconds(1'000))) {
      out.cpu_seconds = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(*cpu).count());
    }
    out.address_space_bytes = limits.size("memory");
    out.file_size_bytes = limits.size("file_size");
    out.core_bytes = limits.size("core");
    if (const auto count = limits.number("processes", 1, many)) out.processes = static_cast<std::uint64_t>(*count);
    if (const auto count = limits.number("open_files", 3, many)) out.open_files = static_cast<std::uint64_t>(*count);
  }

  Section section_;
  CommandSpec spec_;
  bool command_told_ = false;
};

}  // namespace

CommandSpec read_command(Problems& problems, const Member& table, ToolRules& rules) {
  CommandReader reader(problems, table);
  CommandSpec spec = reader.read();
  rules = std::move(reader.rules);
  return spec;
}

}  // namespace meantime::config
