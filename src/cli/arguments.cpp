// SPDX-License-Identifier: MIT
// arguments.cpp: the command line's grammar and help texts. The only file that includes CLI11.
#include "cli/arguments.hpp"

#include <CLI/CLI.hpp>

#include "cli/exit_code.hpp"
#include "core/duration.hpp"
#include "core/suggest.hpp"
#include "core/utf8.hpp"

namespace meantime::cli {
namespace {

// Reads an option's text by a function that gives a Result.
template <class Target, class Read>
CLI::Option* add_read(CLI::App& app, const char* names, Target& target, Read read, const char* help,
                      const char* type_name) {
  auto store = [&target, read](const std::string& text) {
    auto value = read(text);
    if (!value) throw CLI::ValidationError(value.error().detail);
    target = std::move(*value);
  };
  return app.add_option_function<std::string>(names, store, help)->type_name(type_name);
}

template <class Target>
CLI::Option* add_duration(CLI::App& app, const char* names, Target& target, const char* help) {
  return add_read(app, names, target, [](const std::string& text) { return parse_duration(text); }, help, "DURATION");
}

Result<std::pair<std::string, Milliseconds>> parse_tool_budget(const std::string& text) {
  const auto equals = text.rfind('=');
  if (equals == 0 || equals == std::string::npos) {
    return fail(errc::invalid_argument, "cli", "'" + text + "' is no tool budget: write TOOL=DURATION, as build=2m");
  }
  auto budget = parse_duration(std::string_view(text).substr(equals + 1));
  if (!budget) return std::unexpected(std::move(budget.error()));
  return std::pair{text.substr(0, equals), *budget};
}

void add_store(CLI::App& app, std::string& store) {
  app.add_option(
         "--store", store,
         "Task store: an SQLite file or its folder, or the URL of a Redis (default: $MEANTIME_STORE, else the user's "
         "file)")
      ->type_name("STORE");
}

void add_view(CLI::App& app, ViewOptions& view) {
  add_store(app, view.store);
  app.add_option("--owner", view.owner, "See only this owner's tasks")->type_name("OWNER");
  app.add_flag("--json", view.json, "Print JSON, with a schema_version");
  app.add_flag("-q,--quiet", view.quiet, "Print data only, no hints");
}

void add_task(CLI::App& app, std::string& task) {
  app.add_option("task", task, "Task id, or its unique beginning")->required()->type_name("ID");
}

// What one parse fills. The parser keeps references into it.
class Grammar {
 public:
  Grammar()
      : app_(
            "Puts a time budget on each tool call; what takes longer goes on as a task you can check, await, "
            "list and cancel.",
            "meantime") {
    app_.require_subcommand(1);
    app_.set_help_flag("-h,--help", "Show this help");
    app_.footer(
        "Try it:\n"
        "  meantime run --budget 2s -- sh -c 'sleep 10; echo done'\n"
        "  meantime list\n"
        "  meantime await ID\n\n"
        "Exit codes: 0 done, 1 failure, 2 wrong usage, 3 task failed, 4 no such task, 5 task cancelled,\n"
        "75 still running, 124 await timed out, 130 interrupted. `run` passes on the command's own code.\n"
        "Each command has its own --help; the whole manual: man meantime.");
    add_run();
    add_views();
    add_delivery();
    add_servers();
    add_rest();
  }

  CLI::App& app() { return app_; }

  [[nodiscard]] Command command() const {
    if (run_app_->parsed()) return run_;
    if (check_app_->parsed()) return check_;
    if (await_app_->parsed()) return await_;
    if (output_app_->parsed()) return output_;
    if (list_app_->parsed()) return list_;
    if (cancel_app_->parsed()) return cancel_;
    if (redirect_app_->parsed()) return redirect_;
    if (deliveries_app_->parsed()) return deliveries_;
    if (destinations_app_->parsed()) return destinations_;
    if (wrap_app_->parsed()) return wrap_;
    if (serve_app_->parsed()) return serve_;
    if (config_app_->parsed()) return config_check_;
    if (doctor_app_->parsed()) return doctor_;
    if (token_app_->parsed()) return token_;
    if (login_app_->parsed()) return login_;
    if (completion_app_->parsed()) return completion_;
    return version_;
  }

  // `run` and `wrap` take the rest of the line as it is: a command with flags of its own.
  [[nodiscard]] std::vector<std::string>* rest_of_line(const CLI::App* app) {
    if (app == run_app_) return &run_.command;
    if (app == wrap_app_) return &wrap_.command;
    return nullptr;
  }

 private:
  CLI::App* add(const char* name, const char* summary) {
    CLI::App* app = app_.add_subcommand(name, summary);
    app->set_help_flag("-h,--help", "Show this help");
    return app;
  }

  void add_run() {
    run_app_ = add("run", "Run a command under a time budget; it goes on in the background when it takes longer");
    run_app_->prefix_command();
    add_duration(*run_app_, "-b,--budget", run_.budget, "How long to wait for it (default 10s; 0: not at all)");
    run_app_->add_option("-n,--name", run_.name, "Name of the task (default: the program's)")->type_name("NAME");
    run_app_->add_option("--owner", run_.owner, "Owner of the task")->type_name("OWNER");
    run_app_->add_option("--cwd", run_.folder, "Working folder of the command")->type_name("FOLDER");
    run_app_->add_flag("--stdin", run_.keep_stdin, "Let the command read this terminal");
    run_app_->add_flag("-q,--quiet", run_.quiet, "Over budget print the task id alone");
    add_store(*run_app_, run_.store);
    run_app_->footer(
        "The command's output appears as it comes, and its exit code is passed on. Over budget the task is recorded,\n"
        "an envelope with its id is printed, the exit code is 75, and the command goes on, also without this\n"
        "terminal. Ctrl-C before the budget ends the command; closing the terminal sends it to the background.\n\n"
        "Example: meantime run --budget 5s --name nightly -- make -j4 all");
  }

  void add_views() {
    check_app_ = add("check", "Show where a task stands");
    add_view(*check_app_, check_.view);
    add_task(*check_app_, check_.task);
    check_app_->footer("Exit code: 0 completed, 3 failed, 4 no such task, 5 cancelled, 75 still running.");

    await_app_ = add("await", "Wait for a task's end and print its result");
    add_view(*await_app_, await_.view);
    add_task(*await_app_, await_.task);
    add_duration(*await_app_, "-t,--timeout", await_.timeout,
                 "Give up after this time, exit code 124 (default: never)");
    await_app_->footer("Giving up never touches the task.");

    output_app_ = add("output", "Print what a task has printed so far, or its result");
    add_view(*output_app_, output_.view);
    add_task(*output_app_, output_.task);
    output_app_->add_flag("-f,--follow", output_.follow, "Go on until the task ends");
    // Without a range a minus sign would be read as a number near 2^64, and what is too big as the biggest there is.
    constexpr std::int64_t most = 1'000'000'000'000'000;
    const auto chars = CLI::Range(std::int64_t{0}, most).description("");
    output_app_->add_option("--offset", output_.offset, "Start at this character of the result")
        ->check(chars)
        ->type_name("CHARS");
    output_app_->add_option("--limit", output_.limit, "Print at most so many characters (0: all)")
        ->check(chars)
        ->type_name("CHARS");

    list_app_ = add("list", "List tasks, newest first");
    add_view(*list_app_, list_.view);
    list_app_->add_flag("-w,--watch", list_.watch, "Show the list again as it changes, until Ctrl-C");
    add_read(
        *list_app_, "--status", list_.status,
        [](const std::string& text) -> Result<std::optional<TaskStatus>> {
          if (const auto status = parse_status(text)) return status;
          return fail(errc::invalid_argument, "cli", "'" + text + "' is no status: running, completed or failed");
        },
        "Only running, completed or failed ones", "STATUS");
    list_app_->add_option("--tool", list_.tool, "Only tasks of this name")->type_name("NAME");
    list_app_->add_option("--since", list_.since, "Only tasks that began since then: 15m, or 2026-11-22T10:00:00Z")
        ->type_name("TIME");
    list_app_->add_option("--limit", list_.limit, "At most so many, up to 1000 (default 100)")
        ->check(CLI::Range(1, 1'000).description(""))
        ->type_name("COUNT");
    list_app_->add_option("--cursor", list_.cursor, "Go on after this id: the next_cursor of the page before")
        ->type_name("ID");

    cancel_app_ = add("cancel", "Ask for a task to be cancelled, wherever it runs");
    add_view(*cancel_app_, cancel_.view);
    add_task(*cancel_app_, cancel_.task);
    cancel_app_->add_flag("--wait", cancel_.wait, "Wait until it has ended");
  }

  void add_config(CLI::App& app, std::optional<std::filesystem::path>& config) {
    app.add_option("-c,--config", config, "The configuration file (default: $MEANTIME_CONFIG, else the user's)")
        ->type_name("FILE");
  }

  void add_delivery() {
    redirect_app_ = add("redirect", "Have a task's result delivered to a configured destination");
    add_view(*redirect_app_, redirect_.view);
    add_task(*redirect_app_, redirect_.task);
    redirect_app_->add_option("destination", redirect_.destination, "Name of a destination of the configuration")
        ->required()
        ->type_name("DESTINATION");
    add_read(
        *redirect_app_, "--on", redirect_.on,
        [](const std::string& text) -> Result<std::optional<RedirectOn>> {
          if (const auto on = parse_redirect_on(text)) return on;
          return fail(errc::invalid_argument, "cli", "'" + text + "' is none of always, completed and failed");
        },
        "For which end: always (default), completed or failed", "END");
    redirect_app_->add_option("--max-chars", redirect_.max_chars, "Of the result's text (default: the destination's)")
        ->check(CLI::Range(1, 10'000'000).description(""))
        ->type_name("CHARS");
    add_config(*redirect_app_, redirect_.config);

    deliveries_app_ = add("deliveries", "List what was delivered, what waits and what was given up, newest first");
    add_view(*deliveries_app_, deliveries_.view);
    deliveries_app_->add_option("--task", deliveries_.task, "Only those of this task")->type_name("ID");
    deliveries_app_->add_option("--destination", deliveries_.destination, "Only those to this one")->type_name("NAME");
    auto states = [this](const std::vector<std::string>& texts) {
      for (const std::string& text : texts) {
        const auto state = parse_delivery_state(text);
        if (!state) {
          throw CLI::ValidationError("'" + text +
                                     "' is no state: waiting, sending, delivered, suppressed, partial or dead");
        }
        deliveries_.states.push_back(*state);
      }
    };
    deliveries_app_->add_option_function<std::vector<std::string>>("--state", states, "Only those in this state")
        ->type_name("STATE")
        ->expected(1)
        ->take_all();
    deliveries_app_->add_option("--limit", deliveries_.limit, "At most so many, up to 1000 (default 100)")
        ->check(CLI::Range(1, 1'000).description(""))
        ->type_name("COUNT");
    deliveries_app_->add_option("--cursor", deliveries_.cursor, "Go on after this page: its next_cursor")
        ->type_name("CURSOR");
    CLI::App* replay = deliveries_app_->add_subcommand("replay", "Send one that is over again");
    replay->set_help_flag("-h,--help", "Show this help");
    replay->fallthrough();  // options of the list hold here, too
    replay->add_option("delivery", deliveries_.replay, "The delivery, as the list shows it")
        ->required()
        ->type_name("DELIVERY");

    destinations_app_ = add("destinations", "List the configured destinations and how they are");
    add_view(*destinations_app_, destinations_.view);
    add_config(*destinations_app_, destinations_.config);
    CLI::App* test = destinations_app_->add_subcommand("test", "Send a message that says that it is a test");
    test->set_help_flag("-h,--help", "Show this help");
    test->fallthrough();  // options of the list hold here, too
    test->add_option("destination", destinations_.name, "Name of the destination")->required()->type_name("NAME");
    test->add_option("--channel", destinations_.channel, "Where the destination is the caller's own channel")
        ->type_name("CHANNEL");
    test->callback([this] { destinations_.act = DestinationsArguments::Act::test; });
    CLI::App* resume = destinations_app_->add_subcommand("resume", "End a pause: try a destination again at once");
    resume->set_help_flag("-h,--help", "Show this help");
    resume->fallthrough();  // options of the list hold here, too
    resume->add_option("destination", destinations_.name, "Name of the destination")->required()->type_name("NAME");
    resume->callback([this] { destinations_.act = DestinationsArguments::Act::resume; });
  }

  void add_servers() {
    wrap_app_ = add("wrap", "Stand before a stdio MCP server: its slow tool calls become tasks");
    wrap_app_->prefix_command();
    add_duration(*wrap_app_, "-b,--budget", wrap_.budget, "Budget of each tool call (default 10s)");
    auto tool_budget = [this](const std::vector<std::string>& texts) {
      for (const std::string& text : texts) {
        auto pair = parse_tool_budget(text);
        if (!pair) throw CLI::ValidationError(pair.error().detail);
        wrap_.budgets.insert(std::move(*pair));
      }
    };
    wrap_app_->add_option_function<std::vector<std::string>>("--tool-budget", tool_budget, "Budget of one tool")
        ->type_name("TOOL=DURATION")
        ->expected(1)
        ->take_all();
    wrap_app_->add_option("--no-background", wrap_.no_background, "This tool always runs to its end inline")
        ->type_name("TOOL")
        ->expected(1)
        ->take_all();
    wrap_app_->add_option("--name", wrap_.name, "What errors call the server (default: its program)")
        ->type_name("NAME");
    wrap_app_->add_option("--owner", wrap_.owner, "Owner of the tasks (default: local)")->type_name("OWNER");
    add_duration(*wrap_app_, "--await-cap", wrap_.await_cap, "How long await_task waits at most (default 25s)");
    add_duration(*wrap_app_, "--linger", wrap_.linger, "How long tasks may go on after the client left (default 10m)");
    add_duration(*wrap_app_, "--max-run-time", wrap_.max_run_time, "How long one call may run in all (default 24h)");
    add_duration(*wrap_app_, "--drain-grace", wrap_.drain_grace, "How long they may go on after SIGTERM (default 5s)");
    wrap_app_->add_option("--preview-chars", wrap_.preview_chars, "Longer results come in pages (default 20000)")
        ->type_name("CHARS");
    for (const char* builtin : {"check", "await", "list", "cancel", "redirect"}) {
      const std::string flag = std::string("--") + builtin + "-tool";
      auto store = [this, builtin](const std::string& name) { wrap_.tool_names[builtin] = name; };
      wrap_app_
          ->add_option_function<std::string>(flag, store, std::string("Name of the added ") + builtin + "_task tool")
          ->type_name("NAME");
    }
    wrap_app_
        ->add_option("--output-schemas", wrap_.output_schemas, "Of the server's tools: widen (default), drop or keep")
        ->check(CLI::IsMember({"widen", "drop", "keep"}).description(""))
        ->type_name("HOW");
    add_store(*wrap_app_, wrap_.store);
    wrap_app_->footer(
        "Put it before the server's command in your client's configuration:\n"
        "  \"command\": \"meantime\", \"args\": [\"wrap\", \"--\", \"npx\", \"-y\", \"some-mcp-server\"]");

    serve_app_ = add("serve", "Offer the tools of a configuration file as an MCP server");
    serve_app_->add_flag("--stdio", serve_.stdio, "Speak MCP on standard input and output");
    serve_app_
        ->add_option("--http", serve_.listen,
                     "Speak MCP over HTTP at this address, as 127.0.0.1:7420 or unix:/run/meantime.sock; may be given "
                     "several times (default without --stdio: what the file says, else 127.0.0.1:7420)")
        ->type_name("ADDRESS");
    serve_app_->add_option("-c,--config", serve_.config, "The configuration file (TOML)")
        ->required()
        ->type_name("FILE");
    serve_app_->add_option("--owner", serve_.owner, "Owner of the tasks (default: local)")->type_name("OWNER");
    add_store(*serve_app_, serve_.store);
  }

  void add_rest() {
    config_app_ = add("config", "Look at configuration files");
    config_app_->require_subcommand(1);
    CLI::App* check = config_app_->add_subcommand("check", "Say what is wrong in a file: line, reason and remedy");
    check->set_help_flag("-h,--help", "Show this help");
    check->add_option("file", config_check_.file, "The file (default: $MEANTIME_CONFIG, else the user's)")
        ->type_name("FILE");
    check->add_flag("--json", config_check_.json, "Print JSON, with a schema_version");

    doctor_app_ = add("doctor", "Say what stands in the way of a good service, and what to do");
    doctor_app_
        ->add_option("-c,--config", doctor_.config,
                     "The configuration file (default: $MEANTIME_CONFIG, else "
                     "the user's)")
        ->type_name("FILE");
    add_store(*doctor_app_, doctor_.store);
    doctor_app_->add_flag("--json", doctor_.json, "Print JSON, with a schema_version");
    doctor_app_->footer("Exit code: 0 when nothing serious was found, else 1.");

    add_access();

    completion_app_ = add("completion", "Print a completion script for a shell");
    completion_app_->add_option("shell", completion_.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
        ->type_name("SHELL");
    completion_app_->footer(
        "bash: meantime completion bash > ~/.local/share/bash-completion/completions/meantime\n"
        "zsh:  meantime completion zsh > \"${fpath[1]}/_meantime\"\n"
        "fish: meantime completion fish > ~/.config/fish/completions/meantime.fish");

    version_app_ = add("version", "Print the version");
    version_app_->add_flag("--json", version_.json, "Print JSON");
  }

  void add_access() {
    const char* config_help = "The configuration file (default: $MEANTIME_CONFIG, else the user's)";
    token_app_ = add("token", "Make, list or revoke the tokens by which callers come in over HTTP");
    auto* name = token_app_->add_option("name", token_.name, "Who gets a new token: the owner of its tasks");
    name->type_name("NAME");
    token_app_->add_option("--scopes", token_.scopes, "What the token may do, apart by commas (default: everything)")
        ->delimiter(',')
        ->type_name("SCOPE");
    token_app_->add_option("-f,--file", token_.file, "The token file (default: that of the configuration)")
        ->type_name("FILE");
    token_app_->add_option("-c,--config", token_.config, config_help)->type_name("FILE");
    auto* list = token_app_->add_flag("--list", token_.list, "List who has tokens, and for what");
    auto* revoke =
        token_app_->add_option("--revoke", token_.revoke, "Revoke every token of this name")->type_name("NAME");
    token_app_->add_flag("--json", token_.json, "Print JSON, with a schema_version");
    list->excludes(name)->excludes(revoke);
    revoke->excludes(name);
    token_app_->footer(
        "The token is printed once, on standard output; the file holds its SHA-256 only. A server that runs takes the\n"
        "change in within a second.\n\n"
        "Example: meantime token ann --scopes tools:read,tools:write --config meantime.toml");

    login_app_ = add("login", "Log in to an upstream that wants OAuth, once, in a browser");
    login_app_->add_option("upstream", login_.upstream, "Its name in the configuration")->required()->type_name("NAME");
    login_app_->add_option("-c,--config", login_.config, config_help)->type_name("FILE");
    login_app_->add_flag("--no-browser", login_.no_browser, "Only print the address, open no browser");
    login_app_->footer(
        "The browser comes back to a port of this machine. From elsewhere, forward one: redirect_port of the\n"
        "upstream's [oauth] table says which. The tokens are kept in the state folder, for this user alone.");
  }

  CLI::App app_;
  CLI::App* run_app_ = nullptr;
  CLI::App* check_app_ = nullptr;
  CLI::App* await_app_ = nullptr;
  CLI::App* output_app_ = nullptr;
  CLI::App* list_app_ = nullptr;
  CLI::App* cancel_app_ = nullptr;
  CLI::App* redirect_app_ = nullptr;
  CLI::App* deliveries_app_ = nullptr;
  CLI::App* destinations_app_ = nullptr;
  CLI::App* wrap_app_ = nullptr;
  CLI::App* serve_app_ = nullptr;
  CLI::App* config_app_ = nullptr;
  CLI::App* doctor_app_ = nullptr;
  CLI::App* token_app_ = nullptr;
  CLI::App* login_app_ = nullptr;
  CLI::App* completion_app_ = nullptr;
  CLI::App* version_app_ = nullptr;
  RunArguments run_;
  CheckArguments check_;
  AwaitArguments await_;
  OutputArguments output_;
  ListArguments list_;
  CancelArguments cancel_;
  RedirectArguments redirect_;
  DeliveriesArguments deliveries_;
  DestinationsArguments destinations_;
  WrapArguments wrap_;
  ServeArguments serve_;
  ConfigCheckArguments config_check_;
  DoctorArguments doctor_;
  TokenArguments token_;
  LoginArguments login_;
  CompletionArguments completion_;
  VersionArguments version_;
};

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  return names;
}

Stop wrong(std::string what, const std::string& command) {
  return {exit_code::usage, "",
          "meantime: " + utf8::repaired(std::move(what)) + "\nTry: meantime " + (command.empty() ? "" : command + " ") +
              "--help\n"};
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::string_view meant = nearest(word, known);
  return meant.empty() ? "" : " Did you mean '" + std::string(meant) + "'?";
}

// The deepest command that was reached, and how a person names it.
std::pair<const CLI::App*, std::string> reached(const CLI::App& app) {
  const CLI::App* at = &app;
  std::string name;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    name += (name.empty() ? "" : " ") + at->get_name();
  }
  return {at, name};
}

std::string help_of(const CLI::App& app) {
  const std::string name = reached(app).second;
  std::string text = app.help();
  const std::string_view options = "[OPTIONS]";
  if (name == "run" || name == "wrap") {
    text.insert(text.find(options) + options.size(), " -- COMMAND [ARGUMENT...]");
  }
  return text;
}

Stop unexpected_word(const std::string& word, const CLI::App& app, const std::string& name) {
  const std::string where = name.empty() ? "" : " for 'meantime " + name + "'";
  if (word.starts_with('-')) {
    const std::string flag = word.substr(0, word.find('='));
    return wrong("unknown option '" + flag + "'" + where + "." + did_you_mean(flag, option_names(app)), name);
  }
  const auto commands = command_names(app);
  if (!commands.empty()) return wrong("unknown command '" + word + "'." + did_you_mean(word, commands), name);
  return wrong("unexpected '" + word + "'" + where + ".", name);
}

std::variant<Command, Stop> parse(std::vector<std::string> arguments) {
  Grammar grammar;
  CLI::App& app = grammar.app();
  // Before the parser: it would speak of a missing subcommand, where a misspelt one is meant.
  if (arguments.empty()) return Stop{exit_code::usage, "", app.help()};
  if (arguments.front() == "--version" || arguments.front() == "-V") return VersionArguments{};
  if (arguments.front() == "help") arguments.front() = "--help";
  const auto commands = command_names(app);
  const bool asks_help = arguments.front() == "--help" || arguments.front() == "-h";
  if (!asks_help && std::ranges::find(commands, arguments.front()) == commands.end()) {
    return unexpected_word(arguments.front(), app, "");
  }
  if (arguments.front() == "config" && arguments.size() > 1 && !arguments[1].starts_with('-') &&
      arguments[1] != "check") {
    return unexpected_word(arguments[1], *app.get_subcommand("config"), "config");
  }
  // Behind the first '--' of `run` and `wrap` stands a command, which is none of the parser's business.
  std::vector<std::string> rest;
  if (arguments.front() == "run" || arguments.front() == "wrap") {
    const auto dashes = std::ranges::find(arguments, "--");
    rest.assign(dashes, arguments.end());
    arguments.erase(dashes, arguments.end());
  }
  std::ranges::reverse(arguments);  // as the parser wants them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Stop{exit_code::ok, help_of(app), ""};
  } catch (const CLI::ExtrasError& error) {
    const auto [at, name] = reached(app);
    const auto extras = app.remaining(true);
    return extras.empty() ? wrong(error.what(), name) : unexpected_word(extras.front(), *at, name);
  } catch (const CLI::Error& error) {
    return wrong(error.what(), reached(app).second);
  }

  auto [at, name] = reached(app);
  if (std::vector<std::string>* command = grammar.rest_of_line(at)) {
    *command = at->remaining();
    if (!command->empty() && command->front().starts_with('-')) return unexpected_word(command->front(), *at, name);
    const std::ptrdiff_t dashes = command->empty() && !rest.empty() ? 1 : 0;
    command->insert(command->end(), rest.begin() + dashes, rest.end());
    if (command->empty()) {
      return wrong("which command? Write it after '--', as: meantime " + name +
                       (name == "wrap" ? " -- npx -y some-mcp-server" : " -- make all"),
                   name);
    }
  }
  return grammar.command();
}

}  // namespace

std::variant<Command, Stop> parse_arguments(std::span<const char* const> arguments) {
  try {
    return parse({arguments.begin(), arguments.end()});
  } catch (const std::exception& error) {
    return wrong(error.what(), "");
  }
}

std::vector<CommandSummary> describe_commands() {
  Grammar grammar;
  std::vector<CommandSummary> commands;
  for (const CLI::App* app : grammar.app().get_subcommands([](const CLI::App*) { return true; })) {
    CommandSummary command{app->get_name(), app->get_description()};
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) {
        command.takes_task = command.takes_task || option->get_name() == "task";
        continue;
      }
      for (const std::string& name : option->get_lnames()) {
        command.options.push_back({"--" + name, option->get_description(), option->get_items_expected_max() > 0});
      }
      for (const std::string& name : option->get_snames()) {
        command.options.push_back({"-" + name, option->get_description(), option->get_items_expected_max() > 0});
      }
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace meantime::cli
