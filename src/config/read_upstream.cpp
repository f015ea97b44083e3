// SPDX-License-Identifier: MIT
// read_upstream.cpp: an [upstreams.<name>] table.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "auth/url.hpp"
#include "config/placeholders.hpp"
#include "config/read_file.hpp"
#include "config/readers.hpp"
#include "process/launch.hpp"

namespace meantime::config {
namespace {

void read_program(Section& section, UpstreamSettings& out) {
  auto command = section.texts("command");
  if (!command) return;
  const Place place = section.place_of("command");
  if (command->empty() || command->front().empty()) {
    section.say(place, section.named("command") + " names no program: write [\"program\", \"argument\"]");
    return;
  }
  std::string& program = command->front();
  const bool has_slash = program.find('/') != std::string::npos;
  if (program.starts_with("~/") || (has_slash && !program.starts_with('/') && out.folder.empty())) {
    program = section.problems().resolve(program).string();
  }
  if (auto found = process::find_program(program, search_path_of(out), out.folder); !found) {
    section.say(place, section.named("command") + ": " + found.error().detail);
  }
  for (const std::string& argument : *command) {
    if (argument.find('\0') != std::string::npos) {
      section.say(place, section.named("command") + " holds a zero byte (\\u0000), which no argument can");
    }
  }
  out.command = std::move(*command);
}

void read_stdio(Section& section, UpstreamSettings& out) {
  if (auto folder = section.text("folder")) {
    out.folder = section.problems().resolve(*folder).string();
    struct stat found{};
    if (::stat(out.folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
      section.say(section.place_of("folder"),
                  section.named("folder") + ": there is no folder '" + out.folder + "': create it or correct the path");
    }
  }
  Section::set(out.environment, section.named_texts("env"));
  Section::set(out.environment_from, section.texts("env_from"));
  read_program(section, out);
  Section::set(out.idle_stop, section.duration("idle_stop"));
}

// A secret that stands in the file named by <key>_file, or in the variable named by <key>_env.
std::string read_secret(Section& section, const std::string& key, std::filesystem::path* came_from = nullptr) {
  const std::string in_file = key + "_file";
  const std::string in_env = key + "_env";
  const auto file = section.text(in_file);
  const auto name = section.text(in_env);
  if (file && name) {
    section.say(section.place_of(in_env), in_file + " and " + in_env + " exclude each other: remove one");
    return {};
  }
  if (!file && !name) return {};
  const std::filesystem::path path = file ? section.problems().resolve(*file) : std::filesystem::path();
  auto secret = file ? secret_from(path) : variable(*name);
  if (secret && secret->empty()) secret = std::unexpected("the environment variable '" + *name + "' is empty");
  if (!secret) {
    const std::string& at = file ? in_file : in_env;
    section.say(section.place_of(at), section.named(at) + ": " + secret.error());
    return {};
  }
  if (came_from != nullptr) *came_from = path;
  return std::move(*secret);
}

void read_oauth(Section& section, UpstreamHttp& out) {
  const Value* value = section.value("oauth");
  if (value == nullptr) return;
  if (const auto* on = value->as<bool>()) {
    if (*on) out.oauth.emplace();
    return;
  }
  const Member* table = section.table("oauth");
  if (table == nullptr) return;
  OauthClientSettings& oauth = out.oauth.emplace();
  Section own(section.problems(), *table->value.as<Table>(), section.name() + ".oauth", table->place);
  Section::set(oauth.kind, own.choice("kind", {"authorization_code", "client_credentials"}));
  Section::set(oauth.issuer, own.url("issuer"));
  Section::set(oauth.client_id, own.text("client_id"));
  oauth.client_secret = read_secret(own, "client_secret");
  Section::set(oauth.client_metadata_url, own.url("client_metadata_url"));
  if (const auto file = own.file("private_key_file")) {
    constexpr std::size_t longest = 64U << 10U;
    if (auto key = read_file(*file, longest)) {
      oauth.private_key = std::move(*key);
    } else {
      own.say(own.place_of("private_key_file"),
              own.named("private_key_file") + ": '" + file->string() + "' " + key.error());
    }
  }
  Section::set(oauth.scopes, own.texts("scopes"));
  check_scopes(own, "scopes", oauth.scopes);
  Section::set(oauth.redirect_port, own.number("redirect_port", 0, 65'535));
  const bool secret = own.value("client_secret_file") != nullptr || own.value("client_secret_env") != nullptr;
  const bool key = own.value("private_key_file") != nullptr;
  if (secret && key) {
    own.say(own.place_of("private_key_file"),
            "a client has a secret or a private key in [" + own.name() + "]: remove one");
  }
  if ((secret || key) && oauth.client_id.empty()) {
    own.say(own.place(), "[" + own.name() + "] has a client's secret and not its client_id: add it");
  }
  if (oauth.kind == OauthClientSettings::Kind::client_credentials && !secret && !key) {
    own.say(own.place_of("kind"),
            "client_credentials in [" + own.name() +
                "] needs client_id, and client_secret_file, client_secret_env or private_key_file");
  }
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view more = "!#$%&'*+-.^_`|~";
  return !name.empty() && name.size() <= 256 && std::ranges::all_of(name, [more](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || more.find(c) != more.npos;
  });
}

bool same_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

void read_headers(Section& section, UpstreamHttp& out) {
  auto headers = section.named_texts("headers");
  if (!headers) return;
  const Place place = section.place_of("headers");
  const auto fill = [&section](std::string_view inner) -> std::expected<std::string, std::string> {
    constexpr std::string_view env = "env:";
    constexpr std::string_view file = "file:";
    if (inner.starts_with(env)) return variable(inner.substr(env.size()));
    if (inner.starts_with(file)) return secret_from(section.problems().resolve(inner.substr(file.size())));
    return "{" + std::string(inner) + "}";
  };
  for (auto& [name, text] : *headers) {
    auto value = fill_in(text, "{", fill);
    if (!value) {
      section.say(place, "'" + name + "' of " + section.named("headers") + ": " + value.error());
      continue;
    }
    if (auto why = why_no_header(name, *value); !why.empty()) {
      section.say(place, "'" + name.substr(0, 64) + "' of " + section.named("headers") + " " + why);
      continue;
    }
    out.headers[name] = std::move(*value);
  }
}

void read_remote(Section& section, UpstreamSettings& upstream) {
  UpstreamHttp& out = upstream.http.emplace();
  Section::set(out.url, section.url("url"));
  read_headers(section, out);
  out.bearer_token = read_secret(section, "bearer_token", &out.bearer_token_file);
  read_oauth(section, out);
  if (const Member* table = section.table("tls")) {
    Section tls(section.problems(), *table->value.as<Table>(), section.name() + ".tls", table->place);
    Section::set(out.tls_ca, tls.file("ca"));
    Section::set(out.tls_certificate, tls.file("cert"));
    Section::set(out.tls_key, tls.file("key"));
    if ((tls.value("cert") == nullptr) != (tls.value("key") == nullptr)) {
      tls.say(table->place, "cert and key in [" + tls.name() + "] go together: our certificate and its key");
    }
  }
  const bool token = section.value("bearer_token_file") != nullptr || section.value("bearer_token_env") != nullptr;
  const bool header = has_authorization(out);
  const bool wants_oauth = out.oauth.has_value() && section.value("oauth") != nullptr;
  if (token && header) {
    section.say(section.place_of("headers"),
                "[" + section.name() + "] has a bearer token and an Authorization header: remove one");
  } else if (wants_oauth && (token || header)) {
    section.say(
        section.place_of("oauth"),
        "[" + section.name() + "] has oauth and a token of its own: remove one of them, or write oauth = false");
  }
  // As editors do: where nothing else was said, a server that asks for OAuth gets it.
  if (section.value("oauth") == nullptr && !token && !header) out.oauth.emplace();
}

// The transport is said by `command` or `url`; keys of the other one have no use.
void read_transport(Section& section, UpstreamSettings& out) {
  const bool program = section.value("command") != nullptr;
  const bool remote = section.value("url") != nullptr;
  const auto named = section.choice("transport", {"stdio", "http"});
  constexpr std::array for_programs{"folder", "env", "env_from", "idle_stop"};
  constexpr std::array for_remotes{"headers", "bearer_token_file", "bearer_token_env", "oauth", "tls"};
  const auto refuse = [&section](std::string_view key, std::string_view needs) {
    if (section.value(key) == nullptr) return;
    section.say(section.place_of(key),
                section.named(key) + " is for an upstream with " + std::string(needs) + ": remove it");
  };
  if (program && remote) {
    section.say(section.place_of("url"),
                "[" + section.name() + "] has a command and a url: it is started or reached over HTTP, not both");
  } else if (!program && !remote) {
    section.say(section.place(), "[" + section.name() +
                                     "] has no command and no url: write command = [\"program\", \"argument\"], or url "
                                     "= \"https://host/mcp\"");
  } else if (named && (*named == 1) != remote) {
    section.say(section.place_of("transport"), section.named("transport") + " contradicts its " +
                                                   (remote ? "url" : "command") + ": remove one of them");
  }
  if (program) {
    for (const char* key : for_remotes) refuse(key, "a url");
    read_stdio(section, out);
    if (remote) section.pass_over("url");
  } else if (remote) {
    for (const char* key : for_programs) refuse(key, "a command");
    read_remote(section, out);
  } else {
    for (const char* key : for_remotes) section.pass_over(key);
    for (const char* key : for_programs) section.pass_over(key);
  }
}

void read_tools(Section& section, UpstreamSettings& out) {
  Section::set(out.filter.allow, section.texts("allow"));
  Section::set(out.filter.deny, section.texts("deny"));
  out.rules = read_rules(section);
  check_rules(section, out.rules);
  if (out.rules.title) {
    section.say(section.place_of("title"), "one title cannot be that of all tools of an upstream: put it into [" +
                                               section.name() + ".tools.<tool>]");
  }
  const std::vector<const Member*> overrides = section.tables("tools");
  for (const Member* tool : overrides) {
    Section own(section.problems(), *tool->value.as<Table>(), section.name() + ".tools." + tool->key, tool->place);
    ToolRules& rules = out.tools[tool->key];
    rules = read_rules(own);
    rules.description = own.text("description");
    check_rules(own, out.rules_of(tool->key));
  }
}

}  // namespace

const std::vector<std::string>& inherited_by_upstreams() {
  static const std::vector<std::string> names{"PATH", "HOME", "USER", "LOGNAME", "SHELL",
                                              "TERM", "LANG", "LC_*", "TZ",      "TMPDIR"};
  return names;
}

std::string search_path_of(const UpstreamSettings& upstream) {
  if (const auto own = upstream.environment.find("PATH"); own != upstream.environment.end()) return own->second;
  const char* path = std::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

bool has_authorization(const UpstreamHttp& http) {
  return std::ranges::any_of(http.headers,
                             [](const auto& each) { return same_but_for_case(each.first, "authorization"); });
}

std::string why_no_header(std::string_view name, std::string_view value) {
  if (!is_header_name(name)) return "is no name of a header: it holds letters, digits and - only";
  constexpr std::array ours{"host",   "content-length",       "transfer-encoding", "connection", "content-type",
                            "accept", "mcp-protocol-version", "mcp-session-id",    "mcp-method", "mcp-name"};
  for (const char* each : ours) {
    if (same_but_for_case(name, each)) return "is a header that meantime sets itself: remove it";
  }
  const bool fine = value.size() <= 16'384 && std::ranges::all_of(value, [](char c) {
                      return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 127);
                    });
  return fine ? "" : "has a value that no header can have: control characters, or over 16 KB";
}

UpstreamSettings read_upstream(Problems& problems, const Member& table, const UpstreamSettings* imported) {
  UpstreamSettings out;
  out.name = table.key;
  out.environment_from = inherited_by_upstreams();
  Section section(problems, *table.value.as<Table>(), "upstreams." + table.key, table.place);
  if (imported != nullptr && section.value("command") == nullptr && section.value("url") == nullptr) {
    out = *imported;
    if (!out.http) Section::set(out.idle_stop, section.duration("idle_stop"));
  } else {
    read_transport(section, out);
  }
  if (const auto protocol =
          section.choice("protocol", {"auto", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"});
      protocol && *protocol > 0) {
    out.protocol = *section.text("protocol");
  }
  Section::set(out.start, section.choice("start", {"lazy", "eager"}));
  Section::set(out.start_limit, section.duration("start_limit", Milliseconds(1)));
  Section::set(out.resources, section.flag("resources"));
  Section::set(out.prompts, section.flag("prompts"));
  Section::set(out.prefix, section.text("prefix"));
  if (!out.prefix.empty()) check_tool_name(problems, section.place_of("prefix"), out.prefix);
  read_tools(section, out);
  return out;
}

}  // namespace meantime::config
