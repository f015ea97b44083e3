// SPDX-License-Identifier: MIT
// read_config.cpp: the document's own keys and tables, and what must hold between them.
#include <algorithm>
#include <limits>

#include "config/readers.hpp"
#include "core/duration.hpp"

namespace meantime::config {
namespace {

constexpr std::int64_t any_count = std::numeric_limits<std::uint32_t>::max();

// A missing table reads as an empty one, so that its keys are asked for in one place only.
class TableOf {
 public:
  TableOf(Section& parent, std::string_view key) {
    if (const Member* found = parent.table(key)) {
      table_ = found->value.as<Table>();
      place_ = found->place;
    }
  }
  [[nodiscard]] const Table& table() const { return table_ != nullptr ? *table_ : empty_; }
  [[nodiscard]] Place place() const { return place_; }

 private:
  const Table* table_ = nullptr;
  Table empty_;
  Place place_;
};

void read_limits(Section& document, Config& config) {
  const TableOf at(document, "limits");
  Section limits(document.problems(), at.table(), "limits", at.place());
  Limits& out = config.manager.limits;
  Section::set(out.running, limits.number("running", 0, any_count));
  Section::set(out.running_per_owner, limits.number("running_per_owner", 0, any_count));
  Section::set(out.waiters, limits.number("waiters", 0, any_count));
  Section::set(out.result_bytes, limits.size("result"));
  Section::set(out.error_bytes, limits.size("error"));
  Section::set(out.output_bytes, limits.size("output"));
  Section::set(out.unsaved, limits.number("unsaved", 0, any_count));
  Section::set(out.unsaved_bytes, limits.size("unsaved_bytes"));
}

void read_client_limits(Section& session, std::string_view key, std::map<std::string, Milliseconds>& out) {
  const Member* table = session.table(key);
  if (table == nullptr) return;
  Section clients(session.problems(), *table->value.as<Table>(), "session." + std::string(key), table->place);
  for (const Member& client : *table->value.as<Table>()) {
    if (const auto most = clients.duration(client.key, Milliseconds(1))) out[client.key] = *most;
  }
}

void read_session(Section& document, Config& config) {
  const TableOf at(document, "session");
  Section session(document.problems(), at.table(), "session", at.place());
  Section::set(config.session.await_cap, session.duration("await_cap", Milliseconds(1)));
  Section::set(config.session.preview_chars, session.number("preview_chars", 1, 100'000'000));
  Section::set(config.session.over_budget, session.choice("over_budget", {"envelope", "wait"}));
  read_client_limits(session, "await_caps", config.session.await_caps);
  read_client_limits(session, "budgets", config.session.budgets);
  const TableOf names_at(session, "names");
  Section names(document.problems(), names_at.table(), "session.names", names_at.place());
  BuiltinNames& out = config.session.names;
  std::vector<std::string*> all;
  for (const auto& [key, name] : {std::pair<const char*, std::string*>{"check_task", &out.check},
                                  {"await_task", &out.await},
                                  {"list_tasks", &out.list},
                                  {"cancel_task", &out.cancel},
                                  {"redirect_task", &out.redirect}}) {
    if (auto given = names.text(key)) {
      *name = std::move(*given);
      check_tool_name(document.problems(), names.place_of(key), *name);
    }
    for (const std::string* other : all) {
      if (*other == *name) names.say(names.place_of(key), "two tools cannot both be called '" + *name + "'");
    }
    all.push_back(name);
  }
}

void read_log(Section& document, Config& config) {
  const TableOf at(document, "log");
  Section log(document.problems(), at.table(), "log", at.place());
  Section::set(config.log.level, log.choice("level", {"debug", "info", "warning", "error", "off"}));
  Section::set(config.log.format, log.choice("format", {"text", "json"}));
}

void read_general(Section& document, Config& config) {
  ManagerOptions& manager = config.manager;
  Section::set(manager.budget, document.duration("budget"));
  Section::set(manager.await_timeout, document.duration("await_timeout", Milliseconds(1)));
  Section::set(manager.cancel_grace, document.duration("cancel_grace"));
  Section::set(manager.retention, document.duration("retention", Milliseconds(1'000)));
  Section::set(manager.blocking_threads, document.number("blocking_threads", 1, 1'024));
  Section::set(config.drain_grace, document.duration("drain_grace"));
  const TableOf at(document, "rerun");
  Section rerun(document.problems(), at.table(), "rerun", at.place());
  Section::set(manager.rerun_max_attempts, rerun.number("max_attempts", 1, 1'000));
}

void read_tools(Section& document, Config& config) {
  const BuiltinNames& names = config.session.names;
  for (const Member* table : document.tables("tools")) {
    for (const std::string* builtin : {&names.check, &names.await, &names.list, &names.cancel, &names.redirect}) {
      if (table->key == *builtin) {
        document.say(table->place, "'" + table->key +
                                       "' is the name of a built-in tool: rename this one, or that one in "
                                       "[session.names]");
      }
    }
    CommandSpec spec = read_command(document.problems(), *table, config.command_rules[table->key]);
    if (spec.stop_grace >= config.manager.cancel_grace) {
      document.say(table->place, "in [tools." + table->key + "] stop_grace (" + format_duration(spec.stop_grace) +
                                     ") must be less than cancel_grace (" +
                                     format_duration(config.manager.cancel_grace) +
                                     "): after that the command is killed");
    }
    config.commands.push_back(std::move(spec));
  }
}

// A table that says neither what to start nor where it is adds to the imported server of its name.
void read_upstreams(Section& document, Config& config) {
  const std::size_t imported = config.upstreams.size();
  for (const Member* table : document.tables("upstreams")) {
    const auto end = config.upstreams.begin() + static_cast<std::ptrdiff_t>(imported);
    const auto same = std::find_if(config.upstreams.begin(), end,
                                   [table](const UpstreamSettings& each) { return each.name == table->key; });
    if (same != end) {
      *same = read_upstream(document.problems(), *table, &*same);
    } else {
      config.upstreams.push_back(read_upstream(document.problems(), *table, nullptr));
    }
  }
}

}  // namespace

std::optional<Milliseconds> SessionSettings::budget_cap(const std::string& client) const {
  const auto found = budgets.find(client);
  return found == budgets.end() ? std::nullopt : std::optional(found->second);
}

Loaded read_config(std::string_view text, const std::filesystem::path& file) {
  Loaded out;
  Problems problems(file);
  const bool json =
      text.substr(std::min(text.find_first_not_of("\xEF\xBB\xBF \t\r\n"), text.size())).starts_with('{') ||
      file.extension() == ".json" || file.extension() == ".jsonc";
  const auto parsed = json ? parse_json(text) : parse_toml(text);
  if (!parsed) {
    problems.say(parsed.error().place, (json ? "not JSON: " : "not TOML: ") + parsed.error().what);
  } else if (json) {
    read_servers_document(problems, *parsed, out.config);
    out.config.store.redis.lease = out.config.store.lease;
    out.config.store.redis.retention = out.config.manager.retention;
  } else {
    Section document(problems, *parsed->as<Table>(), "", Place{1, 1});
    read_general(document, out.config);
    read_store(document, out.config);
    read_limits(document, out.config);
    read_session(document, out.config);
    read_log(document, out.config);
    read_http(document, out.config);
    read_auth(document, out.config);
    check_door(document, out.config);
    read_tools(document, out.config);
    read_destinations(document, out.config);
    read_import(document, out.config);
    read_upstreams(document, out.config);
  }
  out.problems = problems.take();
  return out;
}

}  // namespace meantime::config
