// SPDX-License-Identifier: MIT
// read_store.cpp: `store = "..."`, or the table [store].
#include <cstdlib>
#include <system_error>

#include "config/readers.hpp"
#include "core/duration.hpp"

namespace meantime::config {
namespace {

using Kind = StoreSettings::Kind;

void read_text(Section& document, const Value& value, StoreSettings& store) {
  auto named = parse_store(*value.as<std::string>());
  if (!named) {
    document.say(value.place, "'store': " + named.error().detail);
    return;
  }
  store = std::move(*named);
  if (!store.path.empty()) store.path = document.problems().resolve(store.path.string());
}

// False: it stays unknown what is meant.
bool read_kind(Section& store, StoreSettings& out) {
  const auto url = store.text("url");
  const auto kind = store.choice("kind", {"sqlite", "memory", "redis"});
  if (!kind && store.value("kind") != nullptr) return false;
  Section::set(out.kind, kind);
  if (!url) {
    if (out.kind == Kind::redis && store.value("url") == nullptr) {
      store.say(store.place_of("kind"), "which Redis? Add its address: url = \"redis://10.0.0.5:6379/0\"");
    }
    return out.kind != Kind::redis;
  }
  if (!kind) out.kind = Kind::redis;
  if (out.kind != Kind::redis) {
    store.say(store.place_of("url"), "a url is for kind = \"redis\": change the kind, or remove the url");
    return true;
  }
  auto options = parse_redis_url(*url);
  if (options) {
    out.redis = std::move(*options);
  } else {
    store.say(store.place_of("url"), store.named("url") + ": " + options.error().detail);
  }
  return options.has_value();
}

void read_secret(Section& store, RedisOptions& redis) {
  const auto file = store.text("password_file");
  const auto variable = store.text("password_env");
  if (file && variable) {
    store.say(store.place_of("password_env"), "password_file and password_env exclude each other: remove one");
    return;
  }
  if (!file && !variable) return;
  const std::string_view key = file ? "password_file" : "password_env";
  if (!redis.password.empty()) {
    store.say(store.place_of(key),
              "the url has a password already: take it out there, " + std::string(key) + " is safer");
    return;
  }
  if (variable) {
    const char* value = std::getenv(variable->c_str());
    if (value == nullptr || *value == '\0') {
      store.say(store.place_of(key), store.named(key) + ": the environment variable '" + variable->substr(0, 64) +
                                         "' is not set: set it to the password before the start");
      return;
    }
    redis.password = value;
    return;
  }
  auto password = read_password(store.problems().resolve(*file));
  if (password) {
    redis.password = std::move(*password);
  } else {
    store.say(store.place_of(key), password.error().detail);
  }
}

void read_tls(Section& store, RedisTls& out) {
  const Member* table = store.table("tls");
  if (table == nullptr) return;
  Section tls(store.problems(), *table->value.as<Table>(), "store.tls", table->place);
  if (!out.on)
    tls.say(table->place, "[store.tls] is for a url that begins with rediss://: change the url, or remove it");
  const auto file = [&tls](const char* key, std::string& target) {
    const auto path = tls.text(key);
    if (!path) return;
    target = tls.problems().resolve(*path).string();
    std::error_code ec;
    if (!std::filesystem::exists(target, ec)) {
      tls.say(tls.place_of(key), tls.named(key) + ": there is no file " + target + ": correct the path");
    }
  };
  file("ca", out.ca_file);
  file("cert", out.certificate_file);
  file("key", out.key_file);
  Section::set(out.server_name, tls.text("server_name"));
  if (out.certificate_file.empty() != out.key_file.empty()) {
    tls.say(table->place, "cert and key in [store.tls] go together: the client's certificate and its key");
  }
}

void read_redis(Section& store, StoreSettings& out) {
  read_secret(store, out.redis);
  read_tls(store, out.redis.tls);
  if (auto prefix = store.text("prefix")) {
    if (prefix->empty()) {
      store.say(store.place_of("prefix"), "'prefix' in [store] must not be empty: remove it for \"sg:\"");
    } else {
      out.redis.key_prefix = std::move(*prefix);
    }
  }
  Section::set(out.redis.legacy_results, store.flag("legacy_results"));
  if (out.redis.legacy_results && out.redis.key_prefix.find('{') != std::string::npos) {
    store.say(store.place_of("legacy_results"),
              "legacy_results writes keys without the prefix, which a hash tag in the prefix excludes: remove one");
  }
  Section::set(out.redis.command_timeout, store.duration("command_timeout", Milliseconds(10)));
  if (const auto journal = store.text("journal")) out.journal = store.problems().resolve(*journal);
}

// Keys that the kind has no use for, each with what it is for.
void refuse_others(Section& store, std::optional<Kind> kind) {
  struct Of {
    const char* key;
    Kind kind;
  };
  constexpr std::array keys{
      Of{"path", Kind::sqlite},           Of{"fsync", Kind::sqlite},  Of{"password_file", Kind::redis},
      Of{"password_env", Kind::redis},    Of{"prefix", Kind::redis},  Of{"legacy_results", Kind::redis},
      Of{"command_timeout", Kind::redis}, Of{"journal", Kind::redis}, Of{"tls", Kind::redis}};
  for (const Of& each : keys) {
    if (store.value(each.key) == nullptr || !kind || each.kind == *kind) continue;
    std::string what = store.named(each.key);
    what += each.kind == Kind::redis ? " is for kind = \"redis\"" : " is for kind = \"sqlite\"";
    if (*kind == Kind::memory && std::string_view(each.key) == "path") what = "a memory store has no path";
    store.say(store.place_of(each.key), what + ": remove it, or change the kind");
  }
}

void read_table(Section& store, Config& config) {
  StoreSettings& out = config.store;
  const bool clear = read_kind(store, out);
  if (clear && out.kind == Kind::redis) read_redis(store, out);
  if (out.kind == Kind::sqlite) {
    if (const auto path = store.text("path")) out.path = store.problems().resolve(*path);
    Section::set(out.fsync, store.choice("fsync", {"full", "normal"}));
  }
  refuse_others(store, clear ? std::optional(out.kind) : std::nullopt);
  Section::set(out.lease, store.duration("lease", Milliseconds(1'000)));
  Section::set(config.manager.heartbeat, store.duration("heartbeat", Milliseconds(100)));
  Section::set(config.manager.store_wait, store.duration("wait", Milliseconds(1)));
  if (config.manager.heartbeat * 3 > out.lease) {
    store.say(store.place_of(store.value("heartbeat") != nullptr ? "heartbeat" : "lease"),
              "the lease (" + format_duration(out.lease) + ") must be at least three heartbeats (" +
                  format_duration(config.manager.heartbeat) + " each), or live workers are taken for dead");
  }
}

}  // namespace

void read_store(Section& document, Config& config) {
  const Value* value = document.value("store");
  if (value != nullptr && value->as<std::string>() != nullptr) {
    read_text(document, *value, config.store);
  } else if (const Member* table = document.table("store")) {
    Section store(document.problems(), *table->value.as<Table>(), "store", table->place);
    read_table(store, config);
  }
  config.store.redis.lease = config.store.lease;
  config.store.redis.retention = config.manager.retention;
}

}  // namespace meantime::config
