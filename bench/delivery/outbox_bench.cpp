// SPDX-License-Identifier: MIT
// outbox_bench.cpp: deliveries through the outbox of each store to a webhook of its own process, beside bare libcurl;
// and what one dead destination does to the others. `outbox_bench [rate|dead] [memory|sqlite|redis]`.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "delivery/adapters/event.hpp"
#include "delivery/adapters/webhook.hpp"
#include "delivery/bare_curl.hpp"
#include "delivery/sink.hpp"
#include "engine/loop.hpp"
#include "http/client.hpp"
#include "meantime/delivery.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/sqlite_store.hpp"
#include "meantime/system_clock.hpp"
#include "support/redis_server.hpp"

namespace meantime::bench {
namespace {

using std::chrono::steady_clock;

bool small() {
  return std::getenv("MEANTIME_BENCH_SMALL") != nullptr;
}

template <class... Parts>
void say(const char* format, Parts... parts) {
  std::printf(format, parts...);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

double at_share(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(static_cast<double>(values.size()) * share))];
}

const std::vector<std::string> store_kinds{"memory", "sqlite", "redis"};
const std::string result_text = "The build of 240 files is done: 3 warnings, no errors, 1,214 tests passed in 93 s.";
const Caller caller{"user1", "", ""};
constexpr int at_once = 256;

/// What outlives the stores.
struct Machines {
  Sink sink;  // first: it forks
  Folder folder;
  std::optional<test::RedisServer> redis;
  int files = 0;
};

/// A process that delivers, as far as it goes.
class Worker {
 public:
  Worker(Machines& machines, const std::string& kind) {
    if (kind == "memory") {
      store_ = make_memory_store(io, clock, {.max_finished = 10'000'000});
    } else if (kind == "sqlite") {
      const auto file = machines.folder.path() / ("tasks" + std::to_string(++machines.files) + ".db");
      store_ = opened(open_sqlite_store(io, clock, random, {.file = file}));
    } else {
      if (!machines.redis) machines.redis.emplace();
      machines.redis->flush();
      store_ = opened(open_redis_store(io, clock, random, {.port = machines.redis->port()}));
    }
    client_.emplace(loop_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    deliverer.reset();
    client_.reset();
    wait(store_->close());
  }

  void make_deliverer(DelivererOptions options) {
    deliverer.emplace(DelivererPorts{.loop = io, .clock = clock, .random = random, .store = *store_}, options);
  }
  void add_webhook(const std::string& name, const std::string& url, Milliseconds time_limit) {
    delivery::WebhookSettings settings{
        .place = {.base_url = url, .addresses = http::Addresses::any, .ca_file = {}, .time_limit = time_limit}};
    const auto added = deliverer->add({.name = name, .platform = "webhook", .channel_id = "builds"},
                                      std::make_unique<delivery::WebhookAdapter>(std::move(settings), *client_, clock));
    if (!added) throw std::runtime_error(added.error().detail);
  }

  template <class T>
  T wait(Task<T> task) {
    while (!task.done()) io.run_one();
    return task.take();
  }
  /// A task that ends now, and is to be told there.
  Task<void> end_task(std::string destination, std::string channel, std::string text) {
    const TaskId id = ids_.make(clock.wall_now());
    const Redirect redirect{
        .destination = std::move(destination), .channel_id = std::move(channel), .platform = "webhook"};
    const auto started = co_await store_->start({.task_id = id,
                                                 .tool_name = "build",
                                                 .caller = &caller,
                                                 .created_at = clock.wall_now(),
                                                 .redirects = std::span(&redirect, 1)});
    const auto ended = co_await store_->finish({id, 1}, {.result = text, .ended_at = clock.wall_now()});
    if (!started || !ended || !ended->stored) throw std::runtime_error("a task was not stored");
  }

  Outbox& outbox() { return store_->outbox(); }
  boost::asio::io_context io{1};
  SystemClock clock{io};
  SystemRandom random;
  std::optional<Deliverer> deliverer;

 private:
  static std::unique_ptr<Store> opened(Result<std::unique_ptr<Store>> store) {
    if (!store) throw std::runtime_error(store.error().detail);
    return std::move(*store);
  }

  TaskIdSource ids_{random};
  Loop loop_{io};
  std::unique_ptr<Store> store_;
  std::optional<http::Client> client_;
};

// --- deliveries a second ---

constexpr int places = 16;
constexpr int channels_of_place = 64;

std::string place_name(int number) {
  return "place" + std::to_string(number);
}

Task<void> end_tasks(Worker& worker, int& left) {
  while (left > 0) {
    const int number = --left;
    co_await worker.end_task(place_name(number % places),
                             "channel" + std::to_string(number / places % channels_of_place), result_text);
  }
}

/// What one round of one kind of store gave.
struct Rate {
  double per_second = 0;
  double cpu_us = 0;    // of this process, for one delivery
  double redis_us = 0;  // of the server
};

double cpu_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// So many tasks have ended when the deliverer begins; until the last delivery is written down as delivered.
Rate deliveries_per_second(Machines& machines, const std::string& kind, int deliveries) {
  Worker worker(machines, kind);
  int left = deliveries;
  std::vector<Task<void>> ends;
  for (int i = 0; i < at_once; ++i) ends.push_back(end_tasks(worker, left));
  for (auto& each : ends) worker.wait(std::move(each));

  worker.make_deliverer({.at_once = at_once});
  for (int i = 0; i < places; ++i) {
    worker.add_webhook(place_name(i), machines.sink.url() + "/" + place_name(i), Milliseconds(30'000));
  }
  machines.sink.forget();
  const auto& arrived = machines.sink.arrivals().requests;
  const pid_t redis = kind == "redis" ? machines.redis->pid() : 0;
  const double redis_before = redis > 0 ? cpu_of(redis) : 0;
  const double cpu_before = own_cpu();
  const auto from = steady_clock::now();
  worker.deliverer->start();
  while (arrived.load(std::memory_order_acquire) < static_cast<std::uint64_t>(deliveries)) worker.io.run_one();
  worker.wait(worker.deliverer->drain(Milliseconds(30'000)));
  const double seconds = std::chrono::duration<double>(steady_clock::now() - from).count();
  const double micros_of_one = 1e6 / deliveries;
  const Rate rate{.per_second = deliveries / seconds,
                  .cpu_us = (own_cpu() - cpu_before) * micros_of_one,
                  .redis_us = redis > 0 ? (cpu_of(redis) - redis_before) * micros_of_one : 0};
  const auto open = worker.wait(worker.outbox().list_deliveries(
      {.states = {DeliveryState::waiting, DeliveryState::sending, DeliveryState::partial, DeliveryState::dead}}));
  if (!open || !open->deliveries.empty() || arrived.load() != static_cast<std::uint64_t>(deliveries)) {
    throw std::runtime_error("not each delivery was made once");
  }
  return rate;
}

// What the webhook adapter sends for one of these tasks.
BarePosts same_post(const Sink& sink, int posts) {
  SystemRandom random;
  const WallTime now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  Message message;
  message.record = {.task_id = TaskIdSource(random).make(now),
                    .tool_name = "build",
                    .status = TaskStatus::completed,
                    .created_at = now,
                    .ended_at = now};
  message.text = result_text;
  message.redirect = {.destination = "place1", .channel_id = "channel1", .platform = "webhook"};
  auto planned = delivery::plan_event(message, delivery::webhook_max_bytes, {});
  if (!planned) throw std::runtime_error(planned.error().detail);
  const Outgoing out{.chunk = planned->front(),
                     .number = 1,
                     .of = 1,
                     .key = std::string(32, 'k'),
                     .redirect = message.redirect,
                     .whole_text = {}};
  auto body = delivery::event_to_send(out);
  if (!body) throw std::runtime_error(body.error().detail);
  return {.url = sink.url() + "/place1",
          .headers = {{"Content-Type", "application/json"},
                      {"User-Agent", "meantime"},
                      {"webhook-id", out.key},
                      {"webhook-timestamp", "1700000000"}},
          .body = std::move(*body),
          .posts = posts,
          .at_once = at_once};
}

void rate(Machines& machines, const std::vector<std::string>& kinds) {
  const int deliveries = small() ? 200 : 20'000;
  const int rounds = small() ? 1 : 5;
  const BarePosts post = same_post(machines.sink, deliveries);
  std::vector<double> limits;
  std::vector<double> limit_cpu;
  std::map<std::string, std::vector<double>> rates;
  std::map<std::string, std::vector<double>> cpu;
  std::map<std::string, std::vector<double>> redis_cpu;
  std::map<std::string, std::vector<double>> shares;
  for (int round = 0; round < rounds; ++round) {
    for (const std::string& kind : kinds) {
      const double cpu_before = own_cpu();
      const double before = bare_posts_per_second(post);
      limit_cpu.push_back((own_cpu() - cpu_before) * 1e6 / deliveries);
      const auto [ours, cpu_us, redis_us] = deliveries_per_second(machines, kind, deliveries);
      const double after = bare_posts_per_second(post);
      cpu[kind].push_back(cpu_us);
      redis_cpu[kind].push_back(redis_us);
      limits.push_back((before + after) / 2);
      rates[kind].push_back(ours);
      shares[kind].push_back(ours / limits.back());
    }
  }
  say("limit: bare libcurl multi, %zu bytes, %d at once: %.0f posts/s (%.0f to %.0f), own CPU %.1f us each",
      post.body.size(), at_once, at_share(limits, 0.5), at_share(limits, 0), at_share(limits, 1),
      at_share(limit_cpu, 0.5));
  for (const std::string& kind : kinds) {
    say("%s: %.0f deliveries/s, %.0f %% of the limit beside it (%.0f to %.0f %%), median of %d rounds", kind.c_str(),
        at_share(rates[kind], 0.5), at_share(shares[kind], 0.5) * 100, at_share(shares[kind], 0) * 100,
        at_share(shares[kind], 1) * 100, rounds);
    say("  CPU of a delivery: ours %.1f us, the Redis server's %.1f us", at_share(cpu[kind], 0.5),
        at_share(redis_cpu[kind], 0.5));
  }
}

// --- one dead destination among a thousand ---

/// Connections are made and nothing is ever answered.
class Silent {
 public:
  Silent() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd_, 4'096) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no silent port");
    }
    port_ = ntohs(address.sin_port);
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  ~Silent() { ::close(fd_); }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

struct Load {
  int others = 1'000;      // destinations
  int per_second = 1'000;  // tasks that end; each tenth is of the one that may be dead
  int first_ticks = 100;   // of a millisecond, in which connections are made: not counted
  int ticks = 600;
};

/// The p99 and the median from a task's end to its arrival, in ms, over all destinations but the one at `url`.
struct Delays {
  double p50 = 0;
  double p99 = 0;
};

Delays delays_beside(Machines& machines, const std::string& kind, const std::string& url, const Load& load) {
  Worker worker(machines, kind);
  worker.make_deliverer({});
  for (int i = 1; i < load.others; ++i) {
    worker.add_webhook(place_name(i), machines.sink.url() + "/" + place_name(i), Milliseconds(30'000));
  }
  worker.add_webhook("one", url, Milliseconds(100));
  worker.deliverer->start();
  machines.sink.forget();
  TaskGroup ends;
  std::uint64_t timed = 0;
  int next = 0;
  boost::asio::steady_timer timer(worker.io);
  const auto from = steady_clock::now();
  for (int tick = 0; tick < load.ticks; ++tick) {
    bool over = false;
    timer.expires_at(from + std::chrono::milliseconds(tick));
    timer.async_wait([&over](boost::system::error_code) { over = true; });
    while (!over) worker.io.run_one();
    for (; next < load.per_second * tick / 1'000; ++next) {
      if (next % 10 == 0) {
        ends.spawn(worker.end_task("one", "channel" + std::to_string(next / 10 % 64), result_text));
      } else if (tick < load.first_ticks) {
        ends.spawn(worker.end_task(place_name(1 + next % (load.others - 1)), "builds", result_text));
      } else {
        ends.spawn(worker.end_task(place_name(1 + next % (load.others - 1)), "builds", moment_mark(moment())));
        ++timed;
      }
    }
  }
  const Arrivals& arrivals = machines.sink.arrivals();
  // What arrives is written down here next, so that this loop has something to run until all has arrived.
  while (arrivals.timed.load(std::memory_order_acquire) < timed) worker.io.run_one();
  std::vector<double> delays;
  for (std::uint64_t i = 0; i < timed; ++i) delays.push_back(static_cast<double>(arrivals.delay_us[i].load()) / 1'000);
  worker.wait(worker.deliverer->drain(Milliseconds(200)));
  return {at_share(delays, 0.5), at_share(delays, 0.99)};
}

void dead(Machines& machines, const std::vector<std::string>& kinds) {
  const Silent silent;
  const Load load = small() ? Load{.others = 50, .per_second = 500, .first_ticks = 20, .ticks = 120} : Load{};
  // Many short rounds that take turns: what else runs on the machine spoils some of them, and the median not.
  const int rounds = small() ? 1 : 41;
  const std::vector<std::pair<std::string, std::string>> ways{
      {"is well", machines.sink.url() + "/one"},
      {"refuses", "http://127.0.0.1:" + std::to_string(free_port()) + "/one"},
      {"never answers", silent.url() + "/one"}};
  for (const std::string& kind : kinds) {
    std::map<std::string, std::vector<double>> p50;
    std::map<std::string, std::vector<double>> p99;
    for (int round = 0; round < rounds; ++round) {
      for (const auto& [way, url] : ways) {
        const Delays delays = delays_beside(machines, kind, url, load);
        p50[way].push_back(delays.p50);
        p99[way].push_back(delays.p99);
      }
    }
    say("%s, %d destinations, %d ends a second, from end to arrival, medians of %d rounds (first and last quarter):",
        kind.c_str(), load.others, load.per_second, rounds);
    const double well50 = at_share(p50[ways[0].first], 0.5);
    const double well99 = at_share(p99[ways[0].first], 0.5);
    for (const auto& [way, url] : ways) {
      const double now50 = at_share(p50[way], 0.5);
      const double now99 = at_share(p99[way], 0.5);
      say("  one of them %s: the others' p50 %.2f ms (%+.1f %%), p99 %.2f ms (%.2f to %.2f; %+.1f %%)", way.c_str(),
          now50, (now50 / well50 - 1) * 100, now99, at_share(p99[way], 0.25), at_share(p99[way], 0.75),
          (now99 / well99 - 1) * 100);
    }
  }
}

int run(std::span<char*> arguments) {
  using Part = void (*)(Machines&, const std::vector<std::string>&);
  const std::map<std::string, Part> all{{"rate", rate}, {"dead", dead}};
  const std::string only = arguments.size() > 1 ? arguments[1] : "";
  const std::string kind = arguments.size() > 2 ? arguments[2] : "";
  if ((!only.empty() && !all.contains(only)) ||
      (!kind.empty() && std::ranges::find(store_kinds, kind) == store_kinds.end())) {
    std::fprintf(stderr, "usage: outbox_bench [rate|dead] [memory|sqlite|redis]\n");
    return 2;
  }
  Machines machines;
  for (const auto& [name, part] : all) {
    if (only.empty() || only == name) part(machines, kind.empty() ? store_kinds : std::vector{kind});
  }
  return 0;
}

}  // namespace
}  // namespace meantime::bench

int main(int count, char** arguments) {
  return meantime::bench::run({arguments, static_cast<std::size_t>(count)});
}
