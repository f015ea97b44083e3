// SPDX-License-Identifier: MIT
#include "support/key_checker.hpp"

#include <algorithm>

namespace meantime::test {
namespace {

using Ends = KeyRule::Ends;
using Belongs = KeyRule::Belongs;

std::string beginning_of(const KeyRule& rule, const std::string& prefix) {
  std::string begin = (rule.prefixed ? prefix : "") + rule.name;
  if (begin.ends_with('*')) begin.pop_back();
  return begin;
}

bool speaks_of(const KeyRule& rule, const std::string& prefix, const std::string& key) {
  const auto begin = beginning_of(rule, prefix);
  // Only an owner may have no name: who calls the program for himself.
  const std::size_t least = begin.size() + (rule.name == "mt:owner:*" ? 0 : 1);
  return rule.name.ends_with('*') ? key.size() >= least && key.starts_with(begin) : key == begin;
}

std::string what_is_wrong(RawRedis& redis, const std::string& prefix, KeysNow now, const KeyRule* rule,
                          const LeakedKey& found) {
  if (now == KeysNow::nothing) return "nothing should be left";
  if (rule == nullptr) return "no such key is known";
  if (rule->type != found.type) return "it should be a " + rule->type;
  if (now == KeysNow::workers && rule->belongs == Belongs::to_tasks) return "its tasks are forgotten";
  if (found.expires_in_ms >= 0 || rule->ends == Ends::owned) return "";
  if (rule->ends == Ends::expires) return "it never expires";
  const auto worker = found.key.substr(beginning_of(*rule, prefix).size());
  return redis.ask({"ZSCORE", prefix + "mt:workers", worker}).is_null() ? "its worker is gone" : "";
}

}  // namespace

const std::vector<KeyRule>& redis_store_keys() {
  static const std::vector<KeyRule> rules{
      {"task:*", "hash"},
      {"task_result:*", "string", Ends::expires, Belongs::to_tasks, false},
      {"mt:result:*", "hash"},
      {"mt:out:*", "string"},
      {"mt:in:*", "hash"},
      {"mt:key:*", "string"},
      {"mt:n", "string"},
      {"mt:oldest", "string"},
      {"mt:ids:*", "string"},
      {"mt:owner:*", "list"},
      {"mt:tool:*", "list"},
      {"mt:failed", "zset"},
      {"mt:skew", "hash"},
      {"mt:d:*", "hash"},
      {"mt:dc:*", "hash"},
      {"mt:dn", "string"},
      {"mt:deliveries", "zset"},
      {"mt:lane:*", "zset"},
      {"mt:lanes:*", "zset"},
      {"mt:busy", "hash"},
      {"mt:due", "zset"},
      {"mt:pauses", "hash", Ends::expires, Belongs::to_workers},
      {"mt:took:*", "hash", Ends::expires, Belongs::to_workers},
      {"mt:workers", "zset", Ends::owned, Belongs::to_workers},
      {"mt:doubted", "zset", Ends::owned, Belongs::to_workers},
      {"mt:run:*", "zset", Ends::with_worker},
      {"mt:cancel:*", "set", Ends::with_worker},
      {"mt:claims:*", "hash", Ends::with_worker},
  };
  return rules;
}

std::vector<LeakedKey> check_keys(RawRedis& redis, const std::string& prefix, KeysNow now,
                                  const std::vector<KeyRule>& rules) {
  std::vector<LeakedKey> leaks;
  for (const auto& key : redis.keys()) {
    const auto answers = redis.pipeline({{"TYPE", key}, {"PTTL", key}});
    LeakedKey found{.key = key, .type = answers[0].text, .expires_in_ms = answers[1].number, .why = ""};
    if (found.type == "none" || found.expires_in_ms == -2) continue;  // it went while we looked
    const auto rule = std::ranges::find_if(rules, [&](const auto& each) { return speaks_of(each, prefix, key); });
    found.why = what_is_wrong(redis, prefix, now, rule == rules.end() ? nullptr : &*rule, found);
    if (!found.why.empty()) leaks.push_back(std::move(found));
  }
  return leaks;
}

}  // namespace meantime::test
