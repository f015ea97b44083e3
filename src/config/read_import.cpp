// SPDX-License-Identifier: MIT
// read_import.cpp: the servers that other MCP clients have, from their own files: [import], or a file of JSON alone.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "config/placeholders.hpp"
#include "config/read_file.hpp"
#include "config/read_server.hpp"
#include "config/readers.hpp"

namespace meantime::config {
namespace {

constexpr std::size_t max_bytes = 16U << 20U;

struct ImportOptions {
  std::map<std::string, std::string> inputs;
  std::filesystem::path workspace;  // empty: by the file's place
  std::vector<std::string> skip;
};

const Member* find(const Table& table, std::string_view key) {
  const auto at = std::ranges::find(table, key, &Member::key);
  return at == table.end() || at->value.as<Null>() != nullptr ? nullptr : &*at;
}

bool looks_like_server(const Member& member) {
  const auto* table = member.value.as<Table>();
  return table != nullptr && std::ranges::any_of(*table, [](const Member& each) {
           return each.key == "command" || each.key == "url" || each.key == "httpUrl" || each.key == "serverUrl";
         });
}

// Where a document keeps its servers.
struct Found {
  const Member* servers = nullptr;
  const Value* inputs = nullptr;
  bool braces = false;
};

Found find_servers(const Table& document) {
  Found out;
  const auto inputs_of = [&out](const Table& table) {
    if (const Member* inputs = find(table, "inputs")) out.inputs = &inputs->value;
  };
  inputs_of(document);
  for (const char* key : {"mcpServers", "mcp_servers", "context_servers", "servers", "amp.mcpServers"}) {
    if (const Member* servers = find(document, key)) {
      out.servers = servers;
      return out;
    }
  }
  const Member* mcp = find(document, "mcp");
  const auto* inside = mcp != nullptr ? mcp->value.as<Table>() : nullptr;
  if (inside == nullptr) return out;
  if (const Member* servers = find(*inside, "servers"); servers != nullptr && !looks_like_server(*servers)) {
    inputs_of(*inside);  // VS Code's user settings
    out.servers = servers;
    return out;
  }
  out.servers = mcp;  // opencode
  out.braces = true;
  return out;
}

std::string home() {
  const char* value = std::getenv("HOME");
  return value != nullptr ? value : "";
}

// The folder that a file of a project speaks of: that in which .vscode, .cursor and the like lie.
std::filesystem::path workspace_of(const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  return folder.filename().string().starts_with('.') ? folder.parent_path() : folder;
}

bool is_of_project(const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  const bool in_dot_folder = folder.filename().string().starts_with('.') && folder.parent_path() != home();
  const std::string name = file.filename().string();
  return in_dot_folder || (folder != home() && (name == ".mcp.json" || name == "mcp.json"));
}

std::string in_capitals(std::string_view id) {
  std::string out;
  for (const char c : id) {
    const bool letter = c >= 'a' && c <= 'z';
    const bool stays = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += letter ? static_cast<char>(c - 'a' + 'A') : (stays ? c : '_');
  }
  return out;
}

class Importer {
 public:
  Importer(Problems& problems, const ImportOptions& options, Config& config)
      : problems_(problems), options_(options), config_(config) {
    workspace_ = options.workspace.empty() ? workspace_of(problems.file()) : options.workspace;
  }

  // False: it has no servers.
  bool take(const Table& document) {
    Found found = find_servers(document);
    Member bare{"", {}, {}};
    if (found.servers == nullptr && !document.empty() && std::ranges::all_of(document, looks_like_server)) {
      bare.value.data = document;  // the servers alone, as many a README shows them
      found.servers = &bare;
    }
    if (found.servers == nullptr) return false;
    const auto* servers = found.servers->value.as<Table>();
    if (servers == nullptr) {
      problems_.say(found.servers->value.place, "'" + found.servers->key + "' must be a table of servers, not " +
                                                    std::string(kind_of(found.servers->value)));
      return true;
    }
    inputs_ = found.inputs;
    ServerFile file;
    file.fill = [this](std::string_view inner) { return fill(inner); };
    file.fill_braces = [this](std::string_view inner) { return fill_braces(inner); };
    file.braces = found.braces;
    if (!options_.workspace.empty() || is_of_project(problems_.file())) file.folder = workspace_;
    for (const Member& server : *servers) take_one(file, server);
    return true;
  }

 private:
  void take_one(const ServerFile& file, const Member& server) {
    if (server.value.as<Null>() != nullptr) return;
    if (std::ranges::find(options_.skip, server.key) != options_.skip.end()) return;
    if (server.value.as<Table>() == nullptr) {
      problems_.say(server.value.place,
                    "server '" + server.key + "' must be a table, not " + std::string(kind_of(server.value)));
      return;
    }
    if (std::ranges::find(config_.upstreams, server.key, &UpstreamSettings::name) != config_.upstreams.end()) {
      config_.notes.push_back(
          problems_.at(server.place, "server '" + server.key + "' is left out: there is one of that name already"));
      return;
    }
    if (auto upstream = read_server(problems_, file, server, config_.notes)) {
      config_.upstreams.push_back(std::move(*upstream));
    }
  }

  std::expected<std::string, std::string> fill(std::string_view inner) {
    constexpr std::string_view env = "env:";
    constexpr std::string_view input = "input:";
    constexpr std::string_view file = "file:";
    if (inner == "workspaceFolder" || inner == "workspaceRoot" || inner == "CLAUDE_PROJECT_DIR") {
      return workspace_.string();
    }
    if (inner == "workspaceFolderBasename") return workspace_.filename().string();
    if (inner == "userHome") return home();
    if (inner == "pathSeparator" || inner == "/") return "/";
    if (inner.starts_with(input)) return input_named(inner.substr(input.size()));
    if (inner.starts_with(file)) return secret_from(problems_.resolve(inner.substr(file.size())));
    if (inner.starts_with(env)) inner.remove_prefix(env.size());
    const std::size_t otherwise = inner.find(":-");
    const std::string_view name = inner.substr(0, otherwise);
    auto value = variable(name);
    const bool use_default = otherwise != std::string_view::npos && (!value || value->empty());
    return use_default ? std::string(inner.substr(otherwise + 2)) : value;
  }

  std::expected<std::string, std::string> fill_braces(std::string_view inner) {
    constexpr std::string_view env = "env:";
    constexpr std::string_view file = "file:";
    if (inner.starts_with(env)) return variable(inner.substr(env.size()));
    if (inner.starts_with(file)) return secret_from(problems_.resolve(inner.substr(file.size())));
    return "{" + std::string(inner) + "}";
  }

  // What VS Code asks its user for.
  std::expected<std::string, std::string> input_named(std::string_view id) {
    if (const auto given = options_.inputs.find(std::string(id)); given != options_.inputs.end()) return given->second;
    const std::string name = "MEANTIME_INPUT_" + in_capitals(id.substr(0, 200));
    if (auto value = variable(name)) return value;
    const auto* list = inputs_ != nullptr ? inputs_->as<Array>() : nullptr;
    for (const Value& each : list != nullptr ? *list : Array{}) {
      const auto* table = each.as<Table>();
      if (table == nullptr) continue;
      const Member* its_id = find(*table, "id");
      const auto* text = its_id != nullptr ? its_id->value.as<std::string>() : nullptr;
      if (text == nullptr || *text != id) continue;
      const Member* otherwise = find(*table, "default");
      if (otherwise != nullptr && otherwise->value.as<std::string>() != nullptr) {
        return *otherwise->value.as<std::string>();
      }
    }
    return std::unexpected("it needs the input '" + std::string(id.substr(0, 200)) +
                           "', and there is nobody to ask here: write it into [import.inputs], or set the environment "
                           "variable " +
                           name);
  }

  Problems& problems_;
  const ImportOptions& options_;
  Config& config_;
  std::filesystem::path workspace_;
  const Value* inputs_ = nullptr;
};

void import_file(Section& section, const std::filesystem::path& path, const ImportOptions& options, Config& config) {
  const Place place = section.place_of("files");
  const auto text = read_file(path, max_bytes);
  if (!text) {
    section.say(place, section.named("files") + ": '" + path.string() + "' " + text.error());
    return;
  }
  Problems problems(path);
  const bool toml = path.extension() == ".toml";
  const auto document = toml ? parse_toml(*text) : parse_json(*text);
  if (!document) {
    problems.say(document.error().place, (toml ? "not TOML: " : "not JSON: ") + document.error().what);
  } else if (!Importer(problems, options, config).take(*document->as<Table>())) {
    section.say(place, section.named("files") + ": '" + path.string() +
                           "' has no servers: they are looked for in mcpServers, servers, mcp_servers, context_servers "
                           "and mcp");
  }
  section.problems().adopt(problems.take());
}

// Names of several servers' tools are kept apart; one server alone keeps its names.
void add_prefixes(Config& config, std::size_t others) {
  if (config.upstreams.size() + others <= 1) return;
  constexpr std::size_t longest = 64;
  for (UpstreamSettings& each : config.upstreams) {
    for (const char c : each.name.substr(0, longest)) {
      const bool fine =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      each.prefix += fine ? c : '_';
    }
    each.prefix += '_';
  }
}

}  // namespace

void read_import(Section& document, Config& config) {
  const Member* table = document.table("import");
  if (table == nullptr) return;
  Section section(document.problems(), *table->value.as<Table>(), "import", table->place);
  ImportOptions options;
  Section::set(options.inputs, section.named_texts("inputs"));
  Section::set(options.skip, section.texts("skip"));
  if (const auto workspace = section.text("workspace")) {
    options.workspace = section.problems().resolve(*workspace);
    std::error_code ec;
    if (!std::filesystem::is_directory(options.workspace, ec)) {
      section.say(section.place_of("workspace"), section.named("workspace") + ": there is no folder '" +
                                                     options.workspace.string() + "': create it or correct the path");
    }
  }
  const auto files = section.text_or_texts("files");
  if (section.value("files") == nullptr) {
    section.say(section.place(), "[import] names no file: write files = [\"~/.cursor/mcp.json\"], or remove it");
  }
  for (const std::string& file : files.value_or(std::vector<std::string>{})) {
    import_file(section, section.problems().resolve(file), options, config);
  }
  const auto count = [&document](std::string_view key) -> std::size_t {
    const Member* found = document.member(key);
    const auto* inside = found != nullptr ? found->value.as<Table>() : nullptr;
    return inside != nullptr ? inside->size() : 0;
  };
  add_prefixes(config, count("upstreams") + count("tools"));
}

void read_servers_document(Problems& problems, const Value& document, Config& config) {
  const ImportOptions none;
  if (!Importer(problems, none, config).take(*document.as<Table>())) {
    problems.say(Place{1, 1},
                 "there are no servers in this file: write { \"mcpServers\": { \"name\": { \"command\": \"program\", "
                 "\"args\": [] } } }; settings of meantime's own go into a TOML file");
  }
  add_prefixes(config, 0);
}

}  // namespace meantime::config
