// SPDX-License-Identifier: MIT
// inspect.cpp: what a server is and how it is set up, for people.
#include <charconv>

#include "store/redis/large_results.hpp"
#include "store/redis/link.hpp"
#include "store/redis/server_errors.hpp"

namespace meantime {
namespace store::redis {
namespace {

constexpr std::uint64_t recommended_listpack_value = 1'024;

std::string_view line_of(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const std::size_t end = std::min(info.find('\r', at), info.size());
    const std::string_view line = info.substr(at, end - at);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
    at = info.find('\n', at);
    if (at == std::string_view::npos) break;
    ++at;
  }
  return {};
}

std::uint64_t natural(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

bool older_than(std::string_view version, unsigned major, unsigned minor) {
  const auto dot = version.find('.');
  const auto have = natural(version.substr(0, dot));
  const auto have_minor = dot == std::string_view::npos ? 0 : natural(version.substr(dot + 1));
  return have < major || (have == major && have_minor < minor);
}

/// What one server answered.
struct Answers {
  std::string info;
  std::string policy;
  std::string append_only;
  std::string fsync;
  std::string listpack_value;
  bool config_readable = true;
};

// What a server tells everybody in its greeting, as INFO would say it: not every user may ask for that.
std::string info_of_greeting(ReplyView hello) {
  std::string_view name;
  std::string_view server;
  std::string_view version;
  std::string out;
  bool is_name = true;
  for (const ReplyView each : hello) {
    if (is_name) {
      name = each.text();
    } else if (name == "server") {
      server = each.text();
    } else if (name == "version") {
      version = each.text();
    } else if (name == "role") {
      out += "role:" + std::string(each.text()) + "\r\n";
    } else if (name == "mode" && each.text() == "cluster") {
      out += "cluster_enabled:1\r\n";
    }
    is_name = !is_name;
  }
  return out + (server == "valkey" ? "valkey_version:" : "redis_version:") + std::string(version) + "\r\n";
}

std::vector<RedisAdvice> advise(const Answers& answers, const RedisOptions& options) {
  std::vector<RedisAdvice> out;
  const bool valkey = !line_of(answers.info, "valkey_version").empty();
  const std::string_view version = line_of(answers.info, "redis_version");
  if (!valkey && older_than(version, 6, 2)) {
    out.push_back({"the server is Redis " + std::string(version), "use Redis 6.2 or later, or Valkey", true});
  }
  const std::string_view role = line_of(answers.info, "role");
  if (role == "slave" || role == "replica") {
    out.push_back({"the server is a replica: it takes no writes", "name the primary in the store's url", true});
  }
  if (line_of(answers.info, "cluster_enabled") == "1" && options.key_prefix.find('{') == std::string::npos) {
    out.push_back({"the server is part of a cluster and the prefix '" + options.key_prefix + "' has no hash tag",
                   "give the prefix one, as prefix = \"{sg}:\" (docs/scaling.md)", true});
  }
  if (!answers.config_readable) {
    out.push_back({"this user may not read the server's settings (CONFIG GET)",
                   "check by hand: maxmemory-policy noeviction, appendonly yes, hash-max-listpack-value " +
                       std::to_string(recommended_listpack_value)});
    return out;
  }
  if (answers.policy != "noeviction" && natural(line_of(answers.info, "maxmemory")) != 0) {
    out.push_back({"maxmemory-policy is " + answers.policy + ": a full server would throw tasks away",
                   "CONFIG SET maxmemory-policy noeviction", true});
  } else if (answers.policy != "noeviction") {
    out.push_back({"maxmemory-policy is " + answers.policy + ", which would throw tasks away once maxmemory is set",
                   "CONFIG SET maxmemory-policy noeviction"});
  }
  if (answers.append_only != "yes") {
    out.push_back({"appendonly is off: a restart of the server loses what came after its last snapshot",
                   "CONFIG SET appendonly yes (docs/redis.md says what each setting survives)", true});
  } else if (answers.fsync == "no") {
    out.push_back({"appendfsync is no: a power cut can lose half a minute", "CONFIG SET appendfsync everysec"});
  }
  if (natural(answers.listpack_value) < recommended_listpack_value) {
    out.push_back({"hash-max-listpack-value is " + answers.listpack_value + ": a task takes about twice the memory",
                   "CONFIG SET hash-max-listpack-value " + std::to_string(recommended_listpack_value)});
  }
  return out;
}

}  // namespace
}  // namespace store::redis

Task<Result<RedisReport>> inspect_redis(boost::asio::io_context& io, Clock& clock, RedisOptions options) {
  using namespace store::redis;
  std::shared_ptr<TlsContext> tls;
  if (options.tls.on) {
    auto made = make_tls_context(options.tls);
    if (!made) co_return std::unexpected(std::move(made.error()));
    tls = std::move(*made);
  }
  Loop loop(io);
  Deadlines deadlines(clock);
  SystemRandom random;
  std::optional<Error> refused;
  std::string greeting;
  Link link(loop, deadlines, random, options, std::move(tls),
            LinkEvents{.greeting =
                           [&options] {
                             Request hello;
                             if (options.password.empty() && options.username.empty()) {
                               hello.push("HELLO", "3");
                             } else {
                               const std::string user = options.username.empty() ? "default" : options.username;
                               hello.push("HELLO", "3", "AUTH", user, options.password);
                             }
                             if (options.database != 0) hello.push("SELECT", std::to_string(options.database));
                             return hello;
                           },
                       .greeted = [&](const Replies& replies) -> Result<void> {
                         for (const Reply& reply : replies) {
                           if (!reply.view().is_error()) continue;
                           refused = error_of(reply.view().text(), "store.inspect", options.place());
                           return std::unexpected(*refused);
                         }
                         greeting = info_of_greeting(replies.front().view());
                         return {};
                       },
                       .on_push = [](ReplyView) {},
                       .on_up = [] {},
                       .on_down = [&refused](const Error& why) { refused = why; }});
  link.open();
  const auto ask = [&](std::initializer_list<std::string_view> words) {
    Request request;
    if (words.size() == 1) {
      request.push(*words.begin());  // a range without elements would send nothing
    } else {
      request.push_range(*words.begin(), std::vector<std::string_view>(words.begin() + 1, words.end()));
    }
    return link.ask(std::move(request));
  };
  auto info = co_await ask({"INFO"});
  if (!info) {
    co_return std::unexpected(unavailable_of(refused ? *refused : info.error(), "store.inspect", options.place()));
  }
  Answers answers;
  answers.info = info->front().view().is_error() ? greeting : std::string(info->front().view().text());
  const SteadyTime asked = clock.now();
  auto pong = co_await ask({"PING"});
  RedisReport report;
  report.round_trip = std::chrono::duration_cast<Milliseconds>(clock.now() - asked);
  const std::string_view valkey = line_of(answers.info, "valkey_version");
  report.version =
      valkey.empty() ? "redis " + std::string(line_of(answers.info, "redis_version")) : "valkey " + std::string(valkey);
  for (const auto& [name, into] : {std::pair<std::string_view, std::string*>{"maxmemory-policy", &answers.policy},
                                   {"appendonly", &answers.append_only},
                                   {"appendfsync", &answers.fsync},
                                   {"hash-max-listpack-value", &answers.listpack_value}}) {
    auto setting = co_await ask({"CONFIG", "GET", name});
    if (!setting) co_return std::unexpected(std::move(setting.error()));
    const ReplyView view = setting->front().view();
    if (view.is_error()) answers.config_readable = false;
    *into = view[1].text();
  }
  report.advice = advise(answers, options);
  co_return report;
}

}  // namespace meantime
