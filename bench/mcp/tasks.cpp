// SPDX-License-Identifier: MIT
// tasks.cpp: tasks over HTTP on SQLite: made, ended and fetched, 64 clients at once; how long the end takes to reach
// who waits for it; and how long beyond the budget an answer takes that a task must be made for.
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string_view>

#include "mcp/benchmarks.hpp"
#include "mcp/own_server.hpp"
#include "mcp/process.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/schema.hpp"

namespace meantime::bench {
namespace {

enum class Fetch : std::uint8_t { get, result, pushed };

[[noreturn]] void wrong(const Reply& reply) {
  throw std::runtime_error("a wrong answer: " + std::string(reply.head) + std::string(reply.body));
}

// Each lane is a client: it makes a task, fetches its result in one of the ways, and begins again.
class Cycles {
 public:
  Cycles(Lanes& lanes, std::size_t count, Fetch fetch) : fetch_(fetch) {
    const Family family = fetch == Fetch::result ? Family::y2025 : Family::y2026;
    clients_.assign(count, Client{Speech(family, true), {}, false});
    if (family == Family::y2026) return;
    (void)lanes.run([this](std::size_t lane, const Reply* reply, Request& request) {
      Speech& speech = clients_[lane].speech;
      if (reply == nullptr) {
        speech.initialize(request.bytes);
        return true;
      }
      if (reply->status == 202) return false;
      speech.greeted(*reply);
      speech.initialized(request.bytes);
      return true;
    });
  }

  /// `ms`: how long each task takes.
  Next next(int cycles, int ms) {
    left_ = cycles;
    arguments_ = R"({"ms":)" + std::to_string(ms) + "}";
    waits.clear();
    looks = 0;
    return [this](std::size_t lane, const Reply* reply, Request& request) {
      Client& client = clients_[lane];
      if (reply == nullptr) return begin(client, request);
      if (reply->status != 200) wrong(*reply);
      if (client.task.empty()) return created(client, *reply, request);
      return fetched(client, *reply, request);
    };
  }

  std::vector<double> waits;  ///< From the end of each task to its result, microseconds.
  int looks = 0;              ///< Requests for a result.

 private:
  struct Client {
    Speech speech;
    std::string task;
    bool open = false;
  };

  bool begin(Client& client, Request& request) {
    client.task.clear();
    if (left_ <= 0) return false;
    --left_;
    client.speech.call(request.bytes, "job", arguments_);
    return true;
  }
  bool created(Client& client, const Reply& reply, Request& request) {
    client.task = text_member(reply.body, "taskId");
    if (client.task.empty()) wrong(reply);
    look(client, request);
    return true;
  }
  void look(Client& client, Request& request) {
    ++looks;
    if (fetch_ == Fetch::pushed) {
      client.speech.listen(request.bytes, client.task);
      request.until = "ended at ";
    } else {
      client.speech.of_task(request.bytes, fetch_ == Fetch::result ? "tasks/result" : "tasks/get", client.task);
    }
  }
  bool fetched(Client& client, const Reply& reply, Request& request) {
    const std::size_t at = reply.body.find("ended at ");
    if (at == std::string_view::npos) {
      if (reply.body.find(R"("status":"working")") == std::string_view::npos) wrong(reply);
      look(client, request);
      return true;
    }
    const auto ended = std::strtoll(reply.body.data() + at + sizeof("ended at ") - 1, nullptr, 10);
    waits.push_back(static_cast<double>(reply.came.count() - ended) / 1e3);
    return begin(client, request);
  }

  Fetch fetch_;
  std::vector<Client> clients_;
  std::string arguments_;
  int left_ = 0;
};

constexpr std::size_t cycle_lanes = 64;

// One row of the same file, as durable as ours: what nobody can do without.
double durable_insert_us(const Folder& folder, int times) {
  auto opened = store::open_for_writing({.file = folder.path() / "limit.db"});
  if (!opened) throw std::runtime_error(opened.error().detail);
  store::Statement insert(*opened->db,
                          "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created) "
                          "VALUES(?,?,?,?,?,?,?)");
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    std::string id = std::to_string(i);
    id.insert(0, 16 - id.size(), '0');
    const auto from = steady_now();
    const auto inserted =
        insert.run(store::Blob{id}, std::string_view("local"), std::string_view("late"), std::string_view(),
                   std::string_view("mcp"), std::string_view("1234-0123456789ab"), std::int64_t{i});
    if (!inserted) throw std::runtime_error("the limit's row was not taken");
    took.push_back(std::chrono::duration<double, std::micro>(steady_now() - from).count());
  }
  return median(took);
}

}  // namespace

void task_cycles(const Places& places) {
  const int cycles = places.small ? 128 : 20'000;
  const int rounds = places.small ? 1 : 3;
  const Folder folder;
  const Process server([&](int pipe) { serve_own(pipe, folder.path() / "tasks.db"); });
  std::puts("task made, ended, result fetched; SQLite, fsync full, 64 at once (a cycle's figures):");
  const struct {
    const char* name;
    Fetch fetch;
  } ways[] = {{"2025-11-25: tasks/result", Fetch::result},
              {"2026-07-28: tasks/get", Fetch::get},
              {"2026-07-28: subscriptions/listen", Fetch::pushed}};
  for (const auto& way : ways) {
    std::vector<Figures> all;
    double looks = 0;
    for (int round = 0; round < rounds; ++round) {
      Lanes lanes(server.port(), cycle_lanes);
      Cycles plan(lanes, cycle_lanes, way.fetch);
      (void)lanes.run(plan.next(cycles / 10 + 1, 0));
      all.push_back(measure(server, lanes, plan.next(cycles, 0), cycles));
      looks = static_cast<double>(plan.looks) / cycles;
    }
    print(way.name, median(all));
    std::printf("    %.2f requests for the result a cycle\n", looks);
  }
  std::puts("from the tool's end to its client, who waits; tasks of 20 ms, durable before anyone is told:");
  for (const std::size_t waiters : {std::size_t{1}, std::size_t{16}, cycle_lanes}) {
    for (const auto& way : ways) {
      if (way.fetch == Fetch::get) continue;
      Lanes lanes(server.port(), waiters);
      Cycles plan(lanes, waiters, way.fetch);
      (void)lanes.run(plan.next(places.small ? 12 : 200 + 20 * static_cast<int>(waiters), 20));
      std::printf("  %2zu at once, %-33s p50 %5.0f us  p99 %5.0f us\n", waiters, way.name, quantile(plan.waits, 0.5),
                  quantile(plan.waits, 0.99));
    }
  }
}

void over_budget(const Places& places) {
  const int calls = places.small ? 10 : 300;
  const Folder folder;
  const double limit = durable_insert_us(folder, calls);
  std::printf("over-budget call, budget %d ms; limit: one durable insert p50 %.2f ms\n", late_budget_ms, limit / 1e3);
  const Process on_disk([&](int pipe) { serve_own(pipe, folder.path() / "tasks.db"); });
  const Process in_memory([&](int pipe) { serve_own(pipe, {}); });
  for (const Process* server : {&on_disk, &in_memory}) {
    for (const Family family : {Family::y2026, Family::y2025}) {
      Lanes lanes(server->port(), 1);
      Calls plan(lanes, true, family, "late", R"({"ms":60})");
      std::vector<double> took = lanes.run(plan.next(calls));
      for (double& each : took) each -= late_budget_ms * 1e3;
      std::printf("  %s, %-10s answered p50 %5.2f ms, p99 %5.2f ms beyond its budget\n",
                  server == &on_disk ? "SQLite" : "memory", family == Family::y2026 ? "2026-07-28" : "2025-11-25",
                  quantile(took, 0.5) / 1e3, quantile(took, 0.99) / 1e3);
    }
  }
}

}  // namespace meantime::bench
