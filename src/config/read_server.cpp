// SPDX-License-Identifier: MIT
// read_server.cpp: one server as other MCP clients keep it, as an upstream of ours.
#include "config/read_server.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "auth/url.hpp"
#include "config/placeholders.hpp"
#include "config/read_file.hpp"
#include "config/readers.hpp"
#include "core/json_writer.hpp"
#include "process/launch.hpp"

namespace meantime::config {
namespace {

using Text = std::expected<std::string, std::string>;

// Keys that speak of the client and not of the server: its consent, its limits, its display, its development.
constexpr std::array ignored{"description",
                             "name",
                             "title",
                             "icon",
                             "autoApprove",
                             "alwaysAllow",
                             "trust",
                             "timeout",
                             "source",
                             "settings",
                             "gallery",
                             "version",
                             "dev",
                             "initTimeout",
                             "tags",
                             "provider",
                             "providerUrl",
                             "logoUrl",
                             "longRunning",
                             "registryUrl",
                             "priority",
                             "required",
                             "tool_timeout_sec",
                             "toolTimeout",
                             "watchPaths",
                             "startup_timeout_sec",
                             "startup_timeout_ms",
                             "isActive",
                             "disabled",
                             "enabled",
                             "type",
                             "transport"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

// Numbers and flags stand where texts should in many a file, and mean what they look like.
std::optional<std::string> text_of(const Value& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* whole = value.as<std::int64_t>()) return std::to_string(*whole);
  if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
  if (const auto* real = value.as<double>()) {
    std::string out;
    JsonWriter(out).value(*real);
    return out;
  }
  return std::nullopt;
}

class ServerReader {
 public:
  ServerReader(Problems& problems, const ServerFile& file, const Member& member)
      : problems_(problems), file_(file), member_(member), table_(*member.value.as<Table>()) {
    out_.name = member.key;
    out_.environment_from = inherited_by_upstreams();
    for (const char* key : ignored) known_.insert(key);
  }

  std::optional<UpstreamSettings> read(std::vector<Problem>& notes) {
    if (flag("disabled").value_or(false) || !flag("enabled").value_or(true) || !flag("isActive").value_or(true)) {
      return std::nullopt;
    }
    read_command();
    read_address();
    read_filter();
    if (!wrong_ && out_.command.empty() && !out_.http) {
      say(member_.place, "has no command and no url: write what to start, or where it is");
    }
    if (!wrong_ && !missing_) look_at_machine();
    if (missing_) {
      notes.push_back(problems_.at(missing_->place, "server '" + member_.key + "' is left out: " + missing_->what));
    } else {
      note_unknown(notes);
    }
    if (wrong_ || missing_) return std::nullopt;
    return std::move(out_);
  }

 private:
  const Value* value(std::string_view key) {
    known_.insert(std::string(key));
    const auto at = std::ranges::find(table_, key, &Member::key);
    return at == table_.end() || at->value.as<Null>() != nullptr ? nullptr : &at->value;
  }
  // The first of several names for one thing.
  const Value* any_of(std::initializer_list<std::string_view> keys) {
    const Value* found = nullptr;
    for (const std::string_view key : keys) {
      const Value* one = value(key);
      if (found == nullptr) found = one;
    }
    return found;
  }
  std::optional<bool> flag(std::string_view key) {
    const Value* found = value(key);
    const bool* is = found != nullptr ? found->as<bool>() : nullptr;
    return is != nullptr ? std::optional(*is) : std::nullopt;
  }
  void say(Place place, const std::string& what) {
    wrong_ = true;
    problems_.say(place, "server '" + member_.key + "' " + what);
  }
  void miss(Place place, std::string what) {
    if (!missing_) missing_ = SyntaxFault{place, std::move(what)};
  }

  // A text with its placeholders filled in; an empty one where they cannot be, which is remembered.
  std::string filled(const Value& value, std::string_view what) {
    const auto text = text_of(value);
    if (!text) {
      say(value.place, "has " + std::string(what) + " that is no string but " + std::string(kind_of(value)));
      return {};
    }
    auto out = fill_in(*text, "${", file_.fill);
    if (out && file_.braces && text->find("${") == std::string::npos) out = fill_in(*text, "{", file_.fill_braces);
    if (out) return std::move(*out);
    miss(value.place, out.error());
    return {};
  }
  // Gemini's way: the whole value is $NAME.
  std::string filled_setting(const Value& value, std::string_view what) {
    const auto* text = value.as<std::string>();
    const bool whole = text != nullptr && text->size() > 1 && text->front() == '$' &&
                       std::all_of(text->begin() + 1, text->end(), [](char c) {
                         return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                       });
    if (!whole) return filled(value, what);
    auto out = variable(std::string_view(*text).substr(1));
    if (out) return std::move(*out);
    miss(value.place, out.error());
    return {};
  }
  std::vector<std::string> filled_list(const Value& value, std::string_view what) {
    std::vector<std::string> out;
    const auto* items = value.as<Array>();
    if (items == nullptr) {
      say(value.place, "has " + std::string(what) + " that is no list but " + std::string(kind_of(value)));
      return out;
    }
    for (const Value& each : *items) out.push_back(filled(each, what));
    return out;
  }
  std::map<std::string, std::string> filled_table(const Value& value, std::string_view what) {
    std::map<std::string, std::string> out;
    const auto* members = value.as<Table>();
    if (members == nullptr) {
      say(value.place, "has " + std::string(what) + " that is no table but " + std::string(kind_of(value)));
      return out;
    }
    for (const Member& each : *members) {
      if (each.value.as<Null>() == nullptr) out[each.key] = filled_setting(each.value, what);
    }
    return out;
  }

  void read_command() {
    const Value* env_file = value("envFile");
    if (env_file != nullptr) read_env_file(*env_file);
    if (const Value* env = any_of({"env", "environment"})) {
      for (auto& [name, text] : filled_table(*env, "env")) out_.environment[name] = std::move(text);
    }
    if (const Value* names = value("env_vars")) {  // Codex: variables to hand on
      for (auto& name : filled_list(*names, "env_vars")) out_.environment_from.push_back(std::move(name));
    }
    if (const Value* folder = any_of({"cwd", "workingDirectory"})) {
      out_.folder = problems_.resolve(filled(*folder, "cwd")).string();
    } else {
      out_.folder = file_.folder.string();
    }
    const Value* command = value("command");
    const Value* args = value("args");
    if (command == nullptr) return;
    command_place_ = command->place;
    if (const auto* older = command->as<Table>()) {  // Zed's older form
      const auto part = [older](std::string_view key) -> const Value* {
        const auto at = std::ranges::find(*older, key, &Member::key);
        return at == older->end() ? nullptr : &at->value;
      };
      if (const Value* path = part("path")) out_.command.push_back(filled(*path, "a command"));
      args = part("args");
      if (const Value* env = part("env"); env != nullptr && env->as<Null>() == nullptr) {
        out_.environment = filled_table(*env, "env");
      }
    } else if (command->as<Array>() != nullptr) {  // opencode
      out_.command = filled_list(*command, "a command");
    } else {
      out_.command.push_back(filled(*command, "a command"));
    }
    if (args != nullptr && args->as<Null>() == nullptr) {
      for (auto& each : filled_list(*args, "args")) out_.command.push_back(std::move(each));
    }
    if (!missing_ && !wrong_ && (out_.command.empty() || out_.command.front().empty())) {
      say(command->place, "has a command that names no program");
    }
  }

  void read_env_file(const Value& value) {
    constexpr std::size_t longest = 1U << 20U;
    const auto path = problems_.resolve(filled(value, "envFile"));
    if (missing_ || wrong_) return;
    const auto text = read_file(path, longest);
    if (!text) return miss(value.place, "envFile '" + path.string() + "' " + text.error());
    std::string_view rest = *text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
      line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
      if (constexpr std::string_view word = "export "; line.starts_with(word)) line.remove_prefix(word.size());
      const std::size_t equals = line.find('=');
      if (line.starts_with('#') || equals == std::string_view::npos || equals == 0) continue;
      std::string_view text_of_it = line.substr(equals + 1);
      if (text_of_it.size() >= 2 && (text_of_it.front() == '"' || text_of_it.front() == '\'') &&
          text_of_it.back() == text_of_it.front()) {
        text_of_it = text_of_it.substr(1, text_of_it.size() - 2);
      }
      out_.environment[std::string(line.substr(0, equals))] = text_of_it;
    }
  }

  void read_address() {
    const Value* url = any_of({"httpUrl", "serverUrl", "url"});
    const Value* headers = any_of({"headers", "http_headers"});
    const Value* headers_env = value("env_http_headers");  // Codex
    const Value* token_env = value("bearer_token_env_var");
    const Value* oauth = any_of({"oauth", "auth"});
    if (url == nullptr || !out_.command.empty()) return;
    UpstreamHttp& http = out_.http.emplace();
    out_.folder.clear();
    http.url = filled(*url, "a url");
    if (missing_ || wrong_) return;
    if (const auto parsed = auth::parse_url(http.url); !parsed || parsed->has_fragment) {
      return say(url->place,
                 "has a url that cannot be used: " + (parsed ? "it has a fragment" : parsed.error().detail));
    }
    if (headers != nullptr) http.headers = filled_table(*headers, "headers");
    if (headers_env != nullptr && headers_env->as<Table>() != nullptr) {
      for (const Member& each : *headers_env->as<Table>()) {
        const auto* name = each.value.as<std::string>();
        auto text = name != nullptr ? variable(*name) : Text(std::unexpected("env_http_headers names no variable"));
        if (!text) miss(each.value.place, text.error());
        http.headers[each.key] = text.value_or("");
      }
    }
    std::erase_if(http.headers, [&](const auto& each) {
      const std::string name = lower(each.first);
      return name == "accept" || name == "content-type";  // many examples have them; we set our own
    });
    for (const auto& [name, text] : http.headers) {
      if (const auto why = why_no_header(name, text); !why.empty()) {
        say(headers != nullptr ? headers->place : url->place, "has a header '" + name.substr(0, 64) + "' that " + why);
      }
    }
    if (const auto* name = token_env != nullptr ? token_env->as<std::string>() : nullptr) {
      auto text = variable(*name);
      if (!text) miss(token_env->place, text.error());
      http.bearer_token = text.value_or("");
    }
    if (http.bearer_token.empty() && !has_authorization(http)) read_oauth(oauth, http);
  }

  void read_oauth(const Value* value, UpstreamHttp& http) {
    const bool* on = value != nullptr ? value->as<bool>() : nullptr;
    if (on != nullptr && !*on) return;
    OauthClientSettings& out = http.oauth.emplace();
    const auto* table = value != nullptr ? value->as<Table>() : nullptr;
    for (const Member& each : table != nullptr ? *table : Table{}) {
      const std::string key = lower(each.key);
      if (key == "clientid" || key == "client_id") out.client_id = filled(each.value, "oauth");
      if (key == "clientsecret" || key == "client_secret") out.client_secret = filled(each.value, "oauth");
      if (key == "callbackport" && each.value.as<std::int64_t>() != nullptr) {
        const std::int64_t port = *each.value.as<std::int64_t>();
        if (port > 0 && port < 65'536) out.redirect_port = static_cast<std::uint16_t>(port);
      }
      if (key != "scopes" && key != "scope") continue;
      if (each.value.as<Array>() != nullptr) {
        out.scopes = filled_list(each.value, "oauth");
        continue;
      }
      const std::string words = filled(each.value, "oauth");
      for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        if (end > at) out.scopes.push_back(words.substr(at, end - at));
        at = end + 1;
      }
    }
  }

  void read_filter() {
    if (const Value* list = any_of({"includeTools", "enabledTools", "enabled_tools", "tools"}); list != nullptr) {
      if (list->as<Array>() != nullptr) out_.filter.allow = filled_list(*list, "a list of tools");
    }
    if (const Value* list = any_of({"excludeTools", "disabledTools", "disabled_tools"}); list != nullptr) {
      if (list->as<Array>() != nullptr) out_.filter.deny = filled_list(*list, "a list of tools");
    }
  }

  void look_at_machine() {
    if (out_.http) return;
    std::string& program = out_.command.front();
    if (program.starts_with("~/") || (program.starts_with('.') && out_.folder.empty())) {
      program = problems_.resolve(program).string();
    }
    struct stat found{};
    if (!out_.folder.empty() && (::stat(out_.folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))) {
      return miss(command_place_, "there is no folder '" + out_.folder + "': create it or correct the path");
    }
    if (auto at = process::find_program(program, search_path_of(out_), out_.folder); !at) {
      miss(command_place_, at.error().detail);
    }
    for (const std::string& argument : out_.command) {
      if (argument.find('\0') != std::string::npos) say(command_place_, "has a zero byte in its command");
    }
  }

  void note_unknown(std::vector<Problem>& notes) {
    const std::string type = lower(text_of_key("type").value_or(text_of_key("transport").value_or("")));
    if (out_.http && type == "sse") {
      notes.push_back(
          problems_.at(member_.place, "server '" + member_.key +
                                          "' is of type sse: it is spoken to by Streamable HTTP; if it does "
                                          "not answer, ask its maker for the newer URL"));
    }
    for (const Member& each : table_) {
      if (known_.contains(each.key)) continue;
      notes.push_back(problems_.at(each.place, "'" + each.key + "' of server '" + member_.key + "' is passed over"));
    }
  }
  std::optional<std::string> text_of_key(std::string_view key) {
    const Value* found = value(key);
    const auto* text = found != nullptr ? found->as<std::string>() : nullptr;
    return text != nullptr ? std::optional(*text) : std::nullopt;
  }

  Problems& problems_;
  const ServerFile& file_;
  const Member& member_;
  const Table& table_;
  UpstreamSettings out_;
  std::set<std::string, std::less<>> known_;
  Place command_place_;
  bool wrong_ = false;
  std::optional<SyntaxFault> missing_;
};

}  // namespace

std::optional<UpstreamSettings> read_server(Problems& problems, const ServerFile& file, const Member& server,
                                            std::vector<Problem>& notes) {
  return ServerReader(problems, file, server).read(notes);
}

}  // namespace meantime::config
