// SPDX-License-Identifier: MIT
// read_destinations.cpp: [destinations.<name>] and [[redirects]].
#include <algorithm>
#include <set>

#include "config/readers.hpp"
#include "core/utf8.hpp"
#include "process/launch.hpp"

namespace meantime::config {
namespace {

using delivery::AdapterType;
using delivery::DestinationSettings;
using delivery::SecretPlace;

// Where a secret is; it is read when it is needed, so that a change of it needs no restart.
std::optional<SecretPlace> secret_place(Section& section, const std::string& key) {
  const auto file = section.file(key + "_file");
  const auto variable = section.text(key + "_env");
  if (file && variable) {
    section.say(section.place_of(key + "_env"),
                key + "_file and " + key + "_env exclude each other in [" + section.name() + "]: remove one");
  }
  if (file) return SecretPlace{.file = *file, .variable = {}};
  if (variable) return SecretPlace{.file = {}, .variable = *variable};
  return std::nullopt;
}

bool is_one_of(AdapterType type, std::initializer_list<AdapterType> types) {
  return std::ranges::find(types, type) != types.end();
}

bool needs_token(AdapterType type) {
  return is_one_of(type, {AdapterType::discord, AdapterType::slack, AdapterType::telegram, AdapterType::matrix,
                          AdapterType::mattermost});
}
bool is_webhook(AdapterType type) {
  return is_one_of(type, {AdapterType::discord_webhook, AdapterType::slack_webhook, AdapterType::mattermost_webhook,
                          AdapterType::teams, AdapterType::webhook});
}
bool needs_server(AdapterType type) {
  return is_one_of(type, {AdapterType::matrix, AdapterType::mattermost, AdapterType::mail});
}
// Its messages go to a place that is part of it: no channel is named.
bool needs_channel(AdapterType type) {
  return !is_webhook(type) && type != AdapterType::command;
}

void read_link(Section& section, DestinationSettings& out) {
  Section::set(out.link, section.text("link"));
  if (out.link.empty()) return;
  constexpr std::size_t longest = 400;
  const bool web = out.link.starts_with("https://") || out.link.starts_with("http://");
  const bool plain = std::ranges::all_of(out.link, [](char c) { return c > ' ' && c < '\x7F'; });
  if (web && plain && out.link.size() <= longest && out.link.contains("{task_id}")) return;
  section.say(section.place_of("link"), section.named("link") +
                                            " is an address with {task_id} where the task's id stands, as "
                                            "\"https://tasks.example.org/{task_id}\"");
}

void read_command_of(Section& section, DestinationSettings& out) {
  if (auto command = section.texts("command")) out.command = std::move(*command);
  if (out.type != AdapterType::command) return;
  if (out.command.empty() || out.command.front().empty()) {
    section.say(section.place_of("command"),
                section.named("command") + " names no program: write [\"program\", \"argument\"]");
    return;
  }
  if (auto found = process::find_program(out.command.front()); !found) {
    section.say(section.place_of("command"), section.named("command") + ": " + found.error().detail);
  }
}

void check_needs(Section& section, const DestinationSettings& out, bool has_type) {
  if (!has_type) {
    section.say(section.place(), "[" + section.name() +
                                     "] needs a type: \"discord\", \"slack\", \"telegram\", "
                                     "\"matrix\", \"webhook\" or another one of docs/destinations.md");
    return;
  }
  const auto need = [&section](bool there, const std::string& what) {
    if (!there) section.say(section.place(), "[" + section.name() + "] needs " + what);
  };
  if (needs_token(out.type)) need(out.token.has_value(), "token_file or token_env: where its token is");
  if (is_webhook(out.type)) {
    need(!out.url.empty() || out.url_secret,
         "url_file or url_env, where its whole URL is, or url when that is no secret");
  }
  if (needs_server(out.type)) need(!out.url.empty(), "url: where its server is");
  if (needs_channel(out.type)) need(!out.destination.channel_id.empty(), "channel: where to, or \"caller\"");
  if (out.type == AdapterType::mail) need(!out.from.empty(), "from: the sender's address");
  if (!out.user.empty()) need(out.token.has_value(), "token_file or token_env: the password of its user");
}

DestinationSettings read_destination(Problems& problems, const Member& table) {
  DestinationSettings out;
  Section section(problems, *table.value.as<Table>(), "destinations." + table.key, table.place);
  Destination& common = out.destination;
  common.name = table.key;
  const std::vector<std::string> types(delivery::adapter_types.begin(), delivery::adapter_types.end());
  const auto type = section.choice("type", types);
  if (type) {
    out.type = static_cast<AdapterType>(*type);
    common.platform = types[*type].substr(0, types[*type].find('_'));
  }
  Section::set(common.channel_id, section.text("channel"));
  Section::set(common.owners, section.texts("owners"));
  Section::set(common.max_chars, section.number("max_chars", 1, 10'000'000));
  Section::set(common.max_age, section.duration("max_age", Milliseconds(1'000)));
  if (common.max_age > longest_max_age) {
    section.say(section.place_of("max_age"),
                section.named("max_age") + " is at most \"5d\": a Redis keeps what is to be delivered no longer");
  }
  Section::set(common.max_failures, section.number("max_failures", 1, 1'000));
  if (const auto unknown = section.choice("on_unknown", {"repeat", "stop"})) common.repeat_in_doubt = *unknown == 0;
  if (out.type == AdapterType::mail) {
    Section::set(out.url, section.text("url"));  // smtp://, which is no URL of the web
  } else {
    Section::set(out.url, section.url("url"));
  }
  out.url_secret = secret_place(section, "url");
  out.token = secret_place(section, "token");
  Section::set(out.user, section.text("user"));
  Section::set(out.from, section.text("from"));
  Section::set(out.timeout, section.duration("timeout", Milliseconds(100)));
  Section::set(out.allow_private, section.flag("allow_private"));
  if (auto file = section.file("ca_file")) out.ca_file = file->string();
  read_link(section, out);
  read_command_of(section, out);
  if (out.type == AdapterType::mail) out.unencrypted = section.choice("security", {"starttls", "none"}) == 1U;
  if (common.platform == "discord") Section::set(out.user_agent_url, section.url("user_agent_url"));
  if (!out.url.empty() && out.url_secret) {
    section.say(section.place_of("url"),
                "url, and url_file or url_env, exclude each other in [" + section.name() + "]: remove one");
  }
  check_needs(section, out, type.has_value());
  if (type && !out.url.empty()) {
    if (auto fine = delivery::check_settings(out); !fine) {
      section.say(section.place_of("url"), "[" + section.name() + "]: " + fine.error().detail);
    }
  }
  return out;
}

DefaultRedirect read_redirect(Problems& problems, const Value& value, const std::set<std::string>& names) {
  DefaultRedirect out;
  Section section(problems, *value.as<Table>(), "redirects", value.place);
  Section::set(out.destination, section.text("destination"));
  Section::set(out.tool, section.text("tool"));
  Section::set(out.owner, section.text("owner"));
  Section::set(out.platform, section.text("platform"));
  Section::set(out.on, section.choice("on", {"always", "completed", "failed"}));
  Section::set(out.suppress_if_read, section.flag("suppress_if_read"));
  if (!names.contains(out.destination)) {
    section.say(section.place_of("destination"),
                out.destination.empty() ? "[[redirects]] needs a destination: the name of one of [destinations]"
                                        : "there is no [destinations." + out.destination + "]: name one that is there");
  }
  return out;
}

}  // namespace

void read_destinations(Section& document, Config& config) {
  std::set<std::string> names;
  for (const Member* table : document.tables("destinations")) {
    config.destinations.push_back(read_destination(document.problems(), *table));
    names.insert(table->key);
  }
  const Value* redirects = document.value("redirects");
  if (redirects == nullptr) return;
  const auto* list = redirects->as<Array>();
  if (list == nullptr || std::ranges::any_of(*list, [](const Value& each) { return each.as<Table>() == nullptr; })) {
    document.say(redirects->place, "'redirects' is a list of tables: write [[redirects]] before each");
    return;
  }
  for (const Value& each : *list) {
    config.redirects.push_back(read_redirect(document.problems(), each, names));
  }
}

}  // namespace meantime::config
