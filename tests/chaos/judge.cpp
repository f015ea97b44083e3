// SPDX-License-Identifier: MIT
#include "chaos/judge.hpp"

#include <boost/asio/io_context.hpp>
#include <optional>
#include <set>

#include "chaos/actors.hpp"
#include "chaos/delivery_judge.hpp"
#include "chaos/work.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/co_test.hpp"
#include "support/key_checker.hpp"

namespace meantime::test {
namespace {

// A store of the judge's own, on the way that nobody disturbs.
struct Look {
  explicit Look(RedisServer& server) {
    auto opened = open_redis_store(
        io, clock, random, {.port = server.port(), .lease = chaos_lease, .command_timeout = Milliseconds(20'000)});
    if (!opened) throw std::runtime_error(opened.error().detail);
    store = std::move(*opened);
  }
  ~Look() { run(io, store->close()); }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;

  template <class T>
  T ask(Task<Result<T>> question) {
    auto answer = run(io, std::move(question));
    if (!answer) throw std::runtime_error("the judge gets no answer: " + answer.error().detail);
    return std::move(*answer);
  }

  boost::asio::io_context io;
  SystemClock clock{io};
  SystemRandom random;
  std::unique_ptr<Store> store;
};

struct Accepted {
  Work work;
  int pid = 0;
  std::int64_t at_ms = 0;
  std::int64_t stored_at_ms = INT64_MAX;  ///< By when somebody was told that it is.
};

struct Final {
  TaskRecord record;
  std::string hash;
};

class Court {
 public:
  Court(RedisServer& server, const std::vector<LedgerLine>& ledger, Arrivals arrivals)
      : server_(server), ledger_(ledger) {
    deliveries_.arrivals = std::move(arrivals);
  }

  Verdict judge() {
    read_ledger();
    {
      Look look(server_);
      read_list(look);
      for (const auto& [id, accepted] : accepted_) judge_accepted(id, accepted);
      for (const auto& [id, final] : finals_) judge_final(id, final);
      for (const LedgerLine& line : ledger_) judge_line(line);
      judge_keys();
      read_deliveries(look);
      judge_deliveries(deliveries_, [this](std::string what) { wrong(std::move(what)); }, verdict_.counts);
      look.ask(look.store->forget_ended(look.clock.wall_now() + std::chrono::hours(1)));
    }
    judge_rest();
    return std::move(verdict_);
  }

 private:
  static Work work_from(const LedgerLine& line, std::size_t at) {
    return {.n = std::stoull(line.words.at(at)),
            .bytes = std::stoull(line.words.at(at + 1)),
            .ms = std::stoull(line.words.at(at + 2)),
            .fails = line.words.at(at + 3) == "1"};
  }

  void wrong(std::string what) {
    ++verdict_.counts["violations"];
    constexpr std::size_t enough = 50;
    if (verdict_.violations.size() < enough) verdict_.violations.push_back(std::move(what));
  }

  void read_ledger() {
    for (const LedgerLine& line : ledger_) {
      ++verdict_.counts[line.what];
      if (line.what == said::began) {
        place_of_pid_[line.pid] = line.words[0];
        place_of_worker_[line.words[1]] = {line.words[0], line.pid};
        living_[line.words[0]] = line.pid;
      } else if (line.what == said::killed) {
        if (const auto at = living_.find(line.words[0]); at != living_.end()) killed_.insert(at->second);
      } else if (line.what == said::hindered || line.what == said::freed) {
        hindrances_[line.words[0]].push_back({line.at_ms, line.what == said::hindered});
      } else if (line.what == said::cancelling) {
        cancelled_.insert(line.words[0]);
      } else if (line.what == said::accepted) {
        Accepted& each =
            accepted_
                .try_emplace(line.words[0], Accepted{.work = work_from(line, 4), .pid = line.pid, .at_ms = line.at_ms})
                .first->second;
        if (line.words[1] == "1") {
          each.stored_at_ms = std::min(each.stored_at_ms, line.at_ms);
        }
        if (line.words[3] != "-") keys_[line.words[3]].insert(line.words[0]);
      } else if (line.what == said::wrong) {
        std::string text;
        for (const std::string& word : line.words) text += word + ' ';
        wrong("process " + place_of(line.pid) + " saw: " + text);
      }
    }
  }

  void read_list(Look& look) {
    ListQuery query{.limit = 1'000};
    for (;;) {
      TaskList page = look.ask(look.store->list(query));
      for (TaskRecord& record : page.tasks) {
        const std::string id = record.task_id.text();
        Final final{.record = std::move(record), .hash = "-"};
        if (final.record.status == TaskStatus::completed) {
          final.hash = std::to_string(hash_of(look.ask(look.store->read_result(final.record.task_id, 0, 0)).text));
        }
        if (!finals_.emplace(id, std::move(final)).second) wrong("the list shows " + id + " twice");
      }
      if (!page.next) return;
      query.after = page.next;
    }
  }

  void read_deliveries(Look& look) {
    DeliveryQuery query{.limit = 1'000};
    do {
      DeliveryList page = look.ask(look.store->outbox().list_deliveries(query));
      std::ranges::move(page.deliveries, std::back_inserter(deliveries_.deliveries));
      query.cursor = page.next_cursor;
    } while (!query.cursor.empty());
    for (const auto& [id, final] : finals_) deliveries_.ended.push_back(final.record);
  }

  void judge_accepted(const std::string& id, const Accepted& accepted) {
    const auto at = finals_.find(id);
    if (at == finals_.end()) {
      if (accepted.stored_at_ms != INT64_MAX) wrong("the accepted task " + id + " is gone");
      // Only its own process knew it: it may have gone with it.
      else if (!killed_.contains(accepted.pid))
        wrong("the task " + id + " was never stored, and its process lives");
      else
        ++verdict_.counts["known to a killed process alone"];
      return;
    }
    const Final& final = at->second;
    const std::string shown =
        id + " (" + std::string(name_of(final.record.status)) + ", " + std::string(name_of(final.record.reason)) + ")";
    ++verdict_.counts["ended: " + std::string(name_of(final.record.reason))];
    switch (final.record.reason) {
      case EndReason::finished:
        if (accepted.work.fails)
          wrong(shown + " should have failed");
        else if (final.hash != std::to_string(hash_of(result_of(accepted.work))))
          wrong(shown + " has a wrong result");
        break;
      case EndReason::tool_error:
        if (!accepted.work.fails || final.record.error != error_of(accepted.work)) {
          wrong(shown + " has the error " + final.record.error);
        }
        break;
      case EndReason::cancelled:
        if (!cancelled_.contains(id)) wrong(shown + " was cancelled by nobody");
        break;
      case EndReason::lost:
        if (!may_be_lost(final.record)) wrong(shown + " of " + final.record.worker + ", which nothing had happened to");
        break;
      default:
        wrong(shown + " has no reason to be so");
    }
  }

  // Its worker was killed, or could not be heard of for about as long as its lease.
  bool may_be_lost(const TaskRecord& record) {
    const auto worker = place_of_worker_.find(record.worker);
    if (worker == place_of_worker_.end()) return false;
    const auto& [place, pid] = worker->second;
    return killed_.contains(pid) ||
           hindered_for(place, 0, INT64_MAX, true) >= (chaos_lease - 2 * chaos_heartbeat).count();
  }

  // How long in all, or at a stretch, a place was hindered between two moments; the server's troubles are all's.
  std::int64_t hindered_for(const std::string& place, std::int64_t from, std::int64_t to, bool at_a_stretch) {
    std::vector<std::pair<std::int64_t, int>> changes;
    for (const std::string& whose : {place, std::string("*")}) {
      for (const auto& [at, on] : hindrances_[whose]) changes.emplace_back(std::clamp(at, from, to), on ? 1 : -1);
    }
    std::ranges::sort(changes);
    std::int64_t sum = 0;
    std::int64_t longest = 0;
    std::int64_t since = 0;
    int depth = 0;
    for (const auto& [at, by] : changes) {
      if (depth == 0) since = at;
      depth += by;
      if (depth != 0) continue;
      sum += at - since;
      longest = std::max(longest, at - since);
    }
    return at_a_stretch ? longest : sum;
  }

  void judge_final(const std::string& id, const Final& final) {
    if (final.record.status == TaskStatus::running) wrong(id + " of " + final.record.worker + " runs for ever");
    if (!accepted_.contains(id)) ++verdict_.counts["recorded, but killed before the answer"];
    if (final.record.late_result) ++verdict_.counts["late results kept beside"];
    if (final.record.attempt > 1) ++verdict_.counts["run again"];
  }

  void judge_line(const LedgerLine& line) {
    if (line.what == said::told) {
      judge_told(line);
    } else if (line.what == said::not_found) {
      const auto at = accepted_.find(line.words[0]);
      if (at != accepted_.end() && at->second.stored_at_ms < std::stoll(line.words[2]))
        wrong("'not found' to " + line.words[1] + " of " + line.words[0]);
    } else if (line.what == said::waited) {
      const std::int64_t limit = std::stoll(line.words[1]);
      const std::int64_t took = std::stoll(line.words[2]);
      if (took <= limit) return;
      // Who was stopped could not come back in time.
      const std::int64_t stopped = hindered_for(place_of(line.pid), line.at_ms - took, line.at_ms, false);
      const std::int64_t over = took - limit - stopped;
      verdict_.longest_over_ms = std::max(verdict_.longest_over_ms, over);
      if (over > chaos_wait_slack.count()) {
        wrong("a wait of " + line.words[1] + " ms for " + line.words[0] + " took " + line.words[2] + " ms");
      }
    } else if (line.what == said::inline_) {
      const Work work = work_from(line, 2);
      const std::string right = std::to_string(hash_of(work.fails ? error_of(work) : result_of(work)));
      if ((line.words[0] == "1") == work.fails || line.words[1] != right) {
        wrong("an inline answer is wrong: " + std::to_string(work.n));
      }
    }
  }

  void judge_told(const LedgerLine& line) {
    const std::string& id = line.words[0];
    const auto at = finals_.find(id);
    const bool unsaved = line.words[3] == "1";
    const std::string said_so =
        id + " was told as " + line.words[1] + ", " + line.words[2] + (unsaved ? " (unsaved)" : "");
    if (at == finals_.end()) {
      wrong(said_so + ", and is gone");
      return;
    }
    const Final& final = at->second;
    const bool same = line.words[1] == name_of(final.record.status) && line.words[2] == name_of(final.record.reason) &&
                      (line.words[4] == "-" || line.words[4] == final.hash);
    if (same) return;
    // What only its own process knew may have been decided by others meanwhile; then it is kept beside.
    if (unsaved && final.record.late_result) {
      ++verdict_.counts["unsaved when told, decided by others"];
      return;
    }
    wrong(said_so + ", and became " + std::string(name_of(final.record.status)) + ", " +
          std::string(name_of(final.record.reason)));
  }

  // One task has the key. While a process cannot reach the store a key holds within that process alone: what it runs
  // then is kept too, without the key.
  void judge_keys() {
    constexpr std::int64_t a_while_ms = 10'000;
    for (const auto& [key, ids] : keys_) {
      std::size_t holders = 0;
      for (const std::string& id : ids) {
        const auto at = finals_.find(id);
        if (at == finals_.end()) continue;  // judged above
        const Accepted& accepted = accepted_[id];
        if (at->second.record.idempotency_key == key) {
          ++holders;
        } else if (hindered_for(place_of(accepted.pid), accepted.at_ms - a_while_ms, accepted.at_ms, false) == 0) {
          wrong("the task " + id + " runs beside that of its idempotency key " + key);
        } else {
          ++verdict_.counts["ran beside its idempotency key while cut off"];
        }
      }
      if (holders > 1) wrong("the idempotency key " + key + " has " + std::to_string(holders) + " tasks");
    }
  }

  void judge_rest() {
    auto raw = server_.connect();
    constexpr std::size_t enough = 5;
    const auto leaks = check_keys(raw, "sg:");
    for (std::size_t i = 0; i < std::min(leaks.size(), enough); ++i) {
      wrong("leaked: " + leaks[i].key + " (" + leaks[i].type + "): " + leaks[i].why);
    }
    std::size_t left = 0;
    for (const std::string& key : raw.keys()) {
      // Chunks of a result whose writer was killed midway go by their own expiry of an hour.
      if (key.starts_with("sg:mt:result:")) {
        ++verdict_.counts["pieces of results that expire"];
      } else if (key.starts_with("sg:task:") || key.starts_with("sg:mt:out:") || key.starts_with("sg:mt:key:") ||
                 key.starts_with("sg:mt:run:") || key.starts_with("sg:mt:cancel:") ||
                 key.starts_with("sg:mt:claims:") || key.starts_with("sg:mt:d:") || key.starts_with("sg:mt:dc:") ||
                 key.starts_with("sg:mt:lane:") || key.starts_with("sg:mt:lanes:")) {
        if (left++ < enough) wrong("everything was forgotten, and there still is " + key);
      }
    }
    const std::string clients = raw.ask({"CLIENT", "LIST"}).text;
    if (clients.find("name=meantime:") != std::string::npos) wrong("somebody is still connected:\n" + clients);
  }

  std::string place_of(int pid) { return place_of_pid_.contains(pid) ? place_of_pid_[pid] : "?"; }

  RedisServer& server_;
  const std::vector<LedgerLine>& ledger_;
  Verdict verdict_;
  std::map<int, std::string> place_of_pid_;
  std::map<std::string, std::pair<std::string, int>> place_of_worker_;
  std::map<std::string, int> living_;
  std::set<int> killed_;
  std::map<std::string, std::vector<std::pair<std::int64_t, bool>>> hindrances_;
  std::set<std::string> cancelled_;
  std::map<std::string, Accepted> accepted_;
  std::map<std::string, std::set<std::string>> keys_;
  std::map<std::string, Final> finals_;
  DeliveryCase deliveries_;
};

}  // namespace

namespace {

// Looks again and again: what a process of the storm does is told to nobody outside of it.
bool wait_until(RedisServer& server, std::chrono::milliseconds limit, const std::function<bool(Look&)>& holds) {
  Look look(server);
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (holds(look)) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    bool over = false;
    const auto alarm = look.clock.make_alarm([&] { over = true; });
    alarm->set(look.clock.now() + Milliseconds(50));
    run_until(look.io, [&] { return over; });
  }
}

}  // namespace

bool wait_until_settled(RedisServer& server, std::chrono::milliseconds limit) {
  return wait_until(server, limit, [](Look& look) {
    return look.ask(look.store->list({.status = TaskStatus::running, .limit = 1})).tasks.empty();
  });
}

bool wait_until_delivered(RedisServer& server, std::chrono::milliseconds limit) {
  return wait_until(server, limit, [](Look& look) {
    DeliveryQuery open{.states = {DeliveryState::waiting, DeliveryState::sending}, .limit = 1};
    return look.ask(look.store->outbox().list_deliveries(std::move(open))).deliveries.empty();
  });
}

Verdict judge(RedisServer& server, const std::vector<LedgerLine>& ledger, Arrivals arrivals) {
  return Court(server, ledger, std::move(arrivals)).judge();
}

}  // namespace meantime::test
