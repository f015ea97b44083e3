// SPDX-License-Identifier: MIT
// command_tool.cpp: one coroutine a call: fill the template, start the child, read both streams, hear its end.
#include "tools/command_tool.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <system_error>

#include "core/utf8.hpp"
#include "mcp/json_span.hpp"
#include "meantime/asio.hpp"
#include "process/child.hpp"
#include "process/output_capture.hpp"
#include "schema/schema.hpp"
#include "tools/control_filter.hpp"
#include "tools/structured_output.hpp"

namespace meantime {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using process::Child;
using process::OutputCapture;

constexpr std::size_t error_tail_bytes = 4'096;
constexpr Milliseconds linger{250};  // for what is still in the pipes when the program has ended
constexpr std::size_t max_nesting = 200;
constexpr std::string_view argument_prefix = "ARG_";

// What a spec becomes once, shared by all its calls.
struct Command {
  asio::io_context& loop;
  Clock& clock;
  CommandSpec spec;
  std::string program;
  ArgvTemplate argv;
  TextTemplate input;
  json::object defaults;
  std::vector<std::string> environment;
  std::optional<Schema> output;  // what the result must be
};

std::string_view output_schema_of(const CommandSpec& spec) {
  return mcp::member(mcp::JsonSpan(spec.tool.listing), "outputSchema").raw();
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The PATH that the command will have decides which program is meant.
std::string search_path_of(const CommandSpec& spec) {
  if (const auto own = spec.environment.find("PATH"); own != spec.environment.end()) return own->second;
  const char* path = ::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

ToolFailure failure(std::string type, std::string message) {
  ToolFailure out;
  out.type = std::move(type);
  out.message = std::move(message);
  return out;
}

// A cancel may come from any thread; it is heard on the loop, even when the call has ended meanwhile.
struct StopSignal {
  explicit StopSignal(asio::io_context& loop) : heard(loop, SteadyTime::max()) {}
  asio::steady_timer heard;
  bool asked = false;
};

// One call in flight; lives in the frame of run().
struct Running {
  Running(const Command& its_command, ToolContext& its_context, Child its_child)
      : command(its_command),
        context(its_context),
        child(std::move(its_child)),
        out(its_command.spec.max_output_bytes),
        err(its_command.spec.max_output_bytes),
        changed(its_command.loop, SteadyTime::max()) {}

  const Command& command;
  ToolContext& context;
  Child child;
  OutputCapture out;
  OutputCapture err;
  ControlFilter clean_out;
  ControlFilter clean_err;
  int open_streams = 0;
  bool stopped = false;
  asio::steady_timer changed;  // cancelled when a stream has ended
};

Task<void> pump(Running& run, bool errors) {
  OutputCapture& capture = errors ? run.err : run.out;
  ControlFilter& filter = errors ? run.clean_err : run.clean_out;
  for (;;) {
    std::string_view bytes = errors ? co_await run.child.read_err() : co_await run.child.read_out();
    if (bytes.empty()) break;
    if (run.command.spec.strip_control) bytes = filter.clean(bytes);
    capture.add(bytes);
    run.context.append_output(bytes);
  }
  --run.open_streams;
  run.changed.cancel();
}

Task<void> end_when_asked(Running& run, std::shared_ptr<StopSignal> stop) {
  while (!stop->asked) co_await stop->heard.async_wait(await);
  run.stopped = true;
  co_await run.child.terminate(run.command.spec.stop_grace);
}

Task<void> wait_for_streams(Running& run, Milliseconds limit) {
  bool late = false;
  const auto alarm = run.command.clock.make_alarm([&late, &run] {
    late = true;
    run.changed.cancel();
  });
  alarm->set(run.command.clock.now() + limit);
  while (run.open_streams > 0 && !late) co_await run.changed.async_wait(await);
}

ToolReturn outcome_of(Running& run, const process::ExitStatus& status) {
  const CommandSpec& spec = run.command.spec;
  ToolOutput output(run.out.text());
  output.cut = run.out.cut();
  output.exit_code = status.code;
  if (spec.error_output == ErrorOutput::appended && run.err.total_bytes() > 0) {
    if (!output.text.empty() && !output.text.ends_with('\n')) output.text += '\n';
    output.text += run.err.text();
    output.cut = output.cut || run.err.cut();
  }
  if (status.code && std::ranges::count(spec.ok_exit_codes, *status.code) > 0) {
    if (run.command.output) return tools::structured(*run.command.output, std::move(output));
    return output;
  }

  std::string message = (run.stopped ? "ended on request, " : "") + status.text();
  if (status.code) {
    if (const auto meaning = spec.exit_messages.find(*status.code); meaning != spec.exit_messages.end()) {
      message += " (" + meaning->second + ")";
    }
  } else if (status.signal == SIGXCPU && spec.limits.cpu_seconds) {
    message += ": it used up its limit of " + std::to_string(*spec.limits.cpu_seconds) + " s of processor time";
  } else if (status.signal == SIGXFSZ && spec.limits.file_size_bytes) {
    message += ": it wrote a file beyond its limit of " + std::to_string(*spec.limits.file_size_bytes) + " bytes";
  }
  std::string tail = run.err.total_bytes() > 0 ? run.err.tail(error_tail_bytes) : std::string();
  while (tail.ends_with('\n')) tail.pop_back();
  if (!tail.empty()) message += ": " + utf8::repaired(std::move(tail));
  ToolFailure failed = failure("CommandFailed", std::move(message));
  output.text = utf8::repaired(std::move(output.text));
  if (!output.text.empty() || output.exit_code) failed.output = std::move(output);
  return std::unexpected(std::move(failed));
}

Result<process::ChildOptions> child_options(const Command& command, std::string_view arguments) {
  const CommandSpec& spec = command.spec;
  json::parse_options parse;
  parse.max_depth = max_nesting;
  boost::system::error_code ec;
  const json::value given = json::parse(arguments.empty() ? "{}" : arguments, ec, {}, parse);
  if (ec || !given.is_object()) {
    return fail(errc::invalid_argument, "tools.arguments",
                "the arguments must be a JSON object" + (ec ? " (" + ec.message() + ")" : std::string()));
  }
  const json::object& object = given.get_object();

  process::ChildOptions options;
  options.program = command.program;
  options.environment = command.environment;
  if (spec.script.empty()) {
    auto argv = command.argv.fill(object, command.defaults);
    if (!argv) return std::unexpected(std::move(argv).error());
    options.argv = std::move(*argv);
  } else {
    options.argv = {"sh", "-c", spec.script, spec.tool.name};
    for (const json::object* from : {&object, &command.defaults}) {
      for (const auto& [name, value] : *from) {
        if (!is_variable_name(name) || value.is_null() || (from != &object && object.contains(name))) continue;
        std::string text = argument_text(value);
        if (text.find('\0') != std::string::npos) {
          return fail(errc::invalid_argument, "tools.arguments",
                      "the argument '" + std::string(name) + "' holds a zero byte (\\u0000), which no variable can");
        }
        options.environment->push_back(std::string(argument_prefix) + std::string(name) + "=" + std::move(text));
      }
    }
  }
  if (spec.input == CommandInput::arguments) {
    options.in = process::Stream::given(arguments.empty() ? "{}" : std::string(arguments));
  } else if (spec.input == CommandInput::text) {
    auto text = command.input.fill(object, command.defaults);
    if (!text) return std::unexpected(std::move(text).error());
    options.in = process::Stream::given(std::move(*text).value_or(""));
  }
  options.folder = spec.folder;
  if (spec.error_output == ErrorOutput::merged) options.err = process::Stream::with_stdout();
  if (spec.error_output == ErrorOutput::discarded) options.err = process::Stream::null();
  options.limits = spec.limits;
  options.no_new_privileges = spec.no_new_privileges;
  options.die_with_parent = true;
  return options;
}

Task<ToolReturn> run_command(std::shared_ptr<const Command> command, ToolContext& context) {
  Result<process::ChildOptions> options = child_options(*command, context.arguments());
  if (!options) co_return std::unexpected(failure("InvalidArguments", options.error().detail));
  const bool errors_apart = options->err.kind == process::Stream::Kind::pipe;
  Result<Child> child = Child::start(command->loop, command->clock, std::move(*options));
  if (!child) co_return std::unexpected(failure("CommandNotStarted", child.error().detail));

  Running run(*command, context, std::move(*child));
  auto stop = std::make_shared<StopSignal>(command->loop);
  const std::stop_callback on_stop(context.stop_token(), [stop] {
    asio::post(stop->heard.get_executor(), [stop] {
      stop->asked = true;
      stop->heard.cancel();
    });
  });
  TaskGroup beside;
  run.open_streams = errors_apart ? 2 : 1;
  beside.spawn(pump(run, false));
  if (errors_apart) beside.spawn(pump(run, true));
  beside.spawn(end_when_asked(run, stop));

  const process::ExitStatus status = co_await run.child.wait();
  co_await wait_for_streams(run, linger);
  if (run.open_streams > 0) {  // something it started still holds them
    run.child.signal(SIGKILL);
    co_await wait_for_streams(run, linger);
  }
  co_return outcome_of(run, status);
}

// --- making and checking ---

// What the schema says of the arguments, as far as the template needs it.
struct Declared {
  json::object properties;
  std::vector<std::string> required;
};

Declared declared_in(std::string_view input_schema) {
  Declared out;
  json::parse_options parse;
  parse.max_depth = max_nesting;
  boost::system::error_code ec;
  const json::value schema = json::parse(input_schema, ec, {}, parse);
  if (ec || !schema.is_object()) return out;
  const json::object& object = schema.get_object();
  if (const auto* properties = object.if_contains("properties"); properties != nullptr && properties->is_object()) {
    out.properties = properties->get_object();
  }
  if (const auto* required = object.if_contains("required"); required != nullptr && required->is_array()) {
    for (const json::value& name : required->get_array()) {
      if (name.is_string()) out.required.emplace_back(name.get_string());
    }
  }
  return out;
}

const json::value* default_of(const json::value& property) {
  const json::object* object = property.if_object();
  return object != nullptr ? object->if_contains("default") : nullptr;
}

class Inspection {
 public:
  explicit Inspection(const CommandSpec& spec) : spec_(spec), declared_(declared_in(spec.tool.input_schema)) {}

  std::vector<CommandFault> run() {
    inspect_program();
    if (!spec_.tool.input_schema.empty()) {
      if (auto schema = Schema::compile(spec_.tool.input_schema); !schema) say("input", schema.error().detail);
    }
    if (const std::string_view promised = output_schema_of(spec_); !promised.empty()) {
      if (auto schema = Schema::compile(promised); !schema) {
        say("output_schema", schema.error().detail);
      } else if (!mcp::member(mcp::JsonSpan(promised), "type").is("object")) {
        say("output_schema", "must describe an object (\"type\": \"object\"): MCP's structured results are objects");
      }
    }
    if (auto argv = ArgvTemplate::parse(spec_.argv, spec_.allow_dash)) {
      inspect_holes("command", argv->holes());
    } else {
      say("command", argv.error().detail);
    }
    if (spec_.input == CommandInput::text) {
      if (auto text = TextTemplate::parse(spec_.input_text)) {
        inspect_holes("stdin", text->holes());
      } else {
        say("stdin", text.error().detail);
      }
    }
    if (!spec_.folder.empty()) {
      struct stat folder{};
      if (::stat(spec_.folder.c_str(), &folder) != 0) {
        say("folder", "there is no folder '" + spec_.folder + "' (" + std::generic_category().message(errno) +
                          "): create it or correct the path");
      } else if (!S_ISDIR(folder.st_mode)) {
        say("folder", "'" + spec_.folder + "' is not a folder");
      }
    }
    for (const std::string& name : spec_.allow_dash) {
      if (!declared_.properties.contains(name)) {
        say("allow_dash", "'" + name + "' is not among the properties of the input schema");
      }
    }
    for (const auto& [name, value] : spec_.environment) {
      if (!is_variable_name(name)) say("env", "'" + name + "' cannot be the name of an environment variable");
      if (value.find('\0') != std::string::npos) say("env", "the value of '" + name + "' holds a zero byte");
    }
    if (spec_.ok_exit_codes.empty()) say("ok_exit_codes", "no exit code means success: name at least one, as [0]");
    for (const int code : spec_.ok_exit_codes) {
      if (code < 0 || code > 255) say("ok_exit_codes", std::to_string(code) + " is no exit code: they are 0 to 255");
    }
    for (const auto& [code, text] : spec_.exit_messages) {
      if (code < 0 || code > 255) say("exit_messages", std::to_string(code) + " is no exit code: they are 0 to 255");
      if (std::ranges::count(spec_.ok_exit_codes, code) > 0) {
        say("exit_messages",
            "exit code " + std::to_string(code) + " has an error text and is among ok_exit_codes: choose one");
      }
    }
    return std::move(faults_);
  }

 private:
  void say(std::string key, std::string what) { faults_.push_back({std::move(key), std::move(what)}); }

  void inspect_program() {
    if (!spec_.script.empty()) {
      if (!spec_.argv.empty()) say("command", "there is a command and a shell script: choose one");
      return;
    }
    if (spec_.argv.empty() || spec_.argv.front().empty() || spec_.argv.front().front().empty()) {
      say("command", "names no program: write [\"program\", \"argument\", ...]");
      return;
    }
    const std::string& program = spec_.argv.front().front();
    if (program.find_first_of("{}") != std::string::npos) {
      say("command", "the program '" + program + "' has a placeholder: a caller may never choose what is run");
      return;
    }
    if (auto found = process::find_program(program, search_path_of(spec_), spec_.folder); !found) {
      say("command", found.error().detail);
    }
  }

  void inspect_holes(const char* key, const std::vector<TextTemplate::Hole>& holes) {
    for (const TextTemplate::Hole& hole : holes) {
      const json::value* property = declared_.properties.if_contains(hole.name);
      if (property == nullptr) {
        say(key, "{" + hole.name +
                     "} is not among the properties of the input schema: declare it there, or correct the name");
        continue;
      }
      if (!hole.optional && !hole.flag && std::ranges::count(declared_.required, hole.name) == 0 &&
          default_of(*property) == nullptr) {
        say(key, "{" + hole.name + "} may be absent: write {" + hole.name +
                     "?} to leave it out then, or make it required, or give it a default in the input schema");
      }
    }
  }

  const CommandSpec& spec_;
  Declared declared_;
  std::vector<CommandFault> faults_;
};

}  // namespace

std::vector<CommandFault> faults_of(const CommandSpec& spec) {
  return Inspection(spec).run();
}

Result<Tool> make_command_tool(asio::io_context& loop, Clock& clock, CommandSpec spec) {
  if (const auto faults = faults_of(spec); !faults.empty()) {
    return fail(errc::invalid_argument, "tools.command",
                "tool '" + spec.tool.name + "': " + faults.front().key + ": " + faults.front().what);
  }
  std::string program = "/bin/sh";
  if (spec.script.empty()) {
    auto found = process::find_program(spec.argv.front().front(), search_path_of(spec), spec.folder);
    if (!found) return std::unexpected(std::move(found).error());
    program = std::move(*found);
  }
  auto argv = ArgvTemplate::parse(spec.argv, spec.allow_dash);
  if (!argv) return std::unexpected(std::move(argv).error());
  auto input = TextTemplate::parse(spec.input_text);
  if (!input) return std::unexpected(std::move(input).error());
  json::object defaults;
  for (const auto& [name, property] : declared_in(spec.tool.input_schema).properties) {
    if (const json::value* value = default_of(property)) defaults[name] = *value;
  }
  std::vector<std::string> environment = process::chosen_environment(spec.environment_from, spec.environment);
  std::optional<Schema> output;
  if (const std::string_view promised = output_schema_of(spec); !promised.empty()) {
    auto compiled = Schema::compile(promised);
    if (!compiled) return std::unexpected(std::move(compiled).error());
    output = std::move(*compiled);
  }
  Tool tool = spec.tool;
  auto command = std::make_shared<const Command>(Command{loop, clock, std::move(spec), std::move(program),
                                                         std::move(*argv), std::move(*input), std::move(defaults),
                                                         std::move(environment), std::move(output)});
  tool.coroutine = [command = std::move(command)](ToolContext& context) { return run_command(command, context); };
  return tool;
}

}  // namespace meantime
