// SPDX-License-Identifier: MIT
#include "chaos/actors.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <random>
#include <set>

#include "chaos/hook.hpp"
#include "chaos/ledger.hpp"
#include "chaos/work.hpp"
#include "engine/loop.hpp"
#include "http/client.hpp"
#include "meantime/asio.hpp"
#include "meantime/delivery.hpp"
#include "meantime/manager.hpp"
#include "meantime/random.hpp"
#include "meantime/redis_store.hpp"
#include "meantime/system_clock.hpp"
#include "telemetry/log.hpp"

namespace meantime::test {
namespace {

namespace asio = boost::asio;

constexpr int loops_of_a_worker = 10;
constexpr int loops_of_an_asker = 20;
constexpr std::size_t known_at_most = 20'000;

Work work_of(std::string_view arguments) {
  const auto parts = boost::json::parse(arguments).as_array();
  return {.n = parts[0].to_number<std::uint64_t>(),
          .bytes = parts[1].to_number<std::uint64_t>(),
          .ms = parts[2].to_number<std::uint64_t>(),
          .fails = parts[3].to_number<int>() != 0};
}

ToolReturn end_of(const Work& work) {
  if (!work.fails) return ToolOutput(result_of(work));
  const std::string error = error_of(work);
  const auto colon = error.find(": ");
  return std::unexpected(ToolFailure{.type = error.substr(0, colon), .message = error.substr(colon + 2)});
}

Task<ToolReturn> plain(ToolContext& context) {
  const Work work = work_of(context.arguments());
  co_await context.sleep(Milliseconds(work.ms));
  co_return end_of(work);
}

Task<ToolReturn> talkative(ToolContext& context) {
  const Work work = work_of(context.arguments());
  constexpr int steps = 5;
  for (int i = 0; i < steps; ++i) {
    context.progress({.value = static_cast<double>(i), .total = steps, .message = "step"});
    context.append_output("line " + std::to_string(i) + "\n");
    co_await context.sleep(Milliseconds(work.ms / steps + 1));
  }
  co_return end_of(work);
}

// Hears of a cancel and ends by itself.
Task<ToolReturn> careful(ToolContext& context) {
  const Work work = work_of(context.arguments());
  const std::stop_token stop = context.stop_token();
  for (std::uint64_t i = 0; i < work.ms; i += 20) {
    co_await context.sleep(Milliseconds(20));
    if (stop.stop_requested()) {
      co_return std::unexpected(ToolFailure{.message = "heard", .reason = EndReason::cancelled});
    }
  }
  co_return end_of(work);
}

class Actor {
 public:
  explicit Actor(const ActorOptions& options)
      : options_(options), ledger_(options.folder / "ledger"), dice_(options.seed), input_(io_, dup(STDIN_FILENO)) {
    RedisOptions redis{.port = options.port, .lease = chaos_lease, .command_timeout = chaos_command_timeout};
    auto store = open_redis_store(io_, clock_, random_, std::move(redis));
    if (!store) throw std::runtime_error(store.error().detail);
    store_ = std::move(*store);
    auto journal = open_sqlite_journal(io_, options.folder / ("journal-" + std::to_string(options.place)));
    if (!journal) throw std::runtime_error(journal.error().detail);
    journal_ = std::move(*journal);
    manager_ = std::make_unique<TaskManager>(io_, ManagerPorts{clock_, random_, *store_, &log_, journal_.get()},
                                             ManagerOptions{.budget = Milliseconds(40),
                                                            .cancel_grace = Milliseconds(300),
                                                            .store_wait = Milliseconds(500),
                                                            .heartbeat = chaos_heartbeat,
                                                            .rerun_max_attempts = 5,
                                                            .rerun_leave_to_others = chaos_lease});
    if (!options.asks) {
      add_tools();
      add_deliverer();
    }
    ledger_.write(said::began, {std::to_string(options.place), std::string(store_->worker())});
  }

  int run() {
    std::vector<Task<void>> loops;
    const int count = options_.asks ? loops_of_an_asker : loops_of_a_worker;
    loops.reserve(static_cast<std::size_t>(count) + 1);
    if (options_.asks) loops.push_back(read_ledger());
    for (int i = 0; i < count; ++i) loops.push_back(options_.asks ? ask() : call());
    listen();
    asio::signal_set term(io_, SIGTERM);
    bool asked_to_go = false;
    term.async_wait([&](boost::system::error_code, int) { asked_to_go = true; });
    while (!asked_to_go) io_.run_one();
    settling_ = true;
    const auto all_done = [&] { return std::ranges::all_of(loops, [](const auto& each) { return each.done(); }); };
    while (!all_done()) io_.run_one();
    auto draining = manager_->drain(Milliseconds(10'000));
    while (!draining.done()) io_.run_one();
    const DrainReport report = draining.take();
    manager_.reset();
    if (deliverer_) {
      auto last_ones = deliverer_->drain(Milliseconds(5'000));
      while (!last_ones.done()) io_.run_one();
      deliverer_.reset();
    }
    auto closing = store_->close();
    while (!closing.done()) io_.run_one();
    if (report.interrupted != 0 || report.unsaved != 0) {
      ledger_.write(said::wrong, {"drain:", std::to_string(report.interrupted), "interrupted,",
                                  std::to_string(report.unsaved), "unsaved"});
    }
    return 0;
  }

 private:
  void add_deliverer() {
    http_ = std::make_unique<http::Client>(loop_);
    deliverer_ = std::make_unique<Deliverer>(
        DelivererPorts{.loop = io_, .clock = clock_, .random = random_, .store = *store_, .telemetry = &log_},
        DelivererOptions{.hold = chaos_lease, .look_again = chaos_heartbeat, .failures_to_pause = 1'000'000});
    auto added = deliverer_->add({.name = hook_name,
                                  .platform = hook_platform,
                                  .channel_id = "",
                                  .owners = {},
                                  .first_backoff = Milliseconds(20),
                                  .max_failures = 100'000},
                                 adapter_to_hook(options_.hook_url, options_.folder, *http_, clock_));
    if (!added) throw std::runtime_error(added.error().detail);
    deliverer_->start();
  }

  void add_tools() {
    for (const char* name : {"plain", "talkative", "careful", "again", "blocking"}) {
      Tool tool;
      tool.name = name;
      const std::string_view kind = name;
      if (kind == "blocking") {
        tool.blocking = [](ToolContext& context) { return end_of(work_of(context.arguments())); };
      } else if (kind == "talkative") {
        tool.coroutine = talkative;
      } else if (kind == "careful") {
        tool.coroutine = careful;
      } else {
        tool.coroutine = plain;
      }
      tool.idempotent = tool.rerun_if_lost = kind == "again";
      if (auto added = manager_->add_tool(std::move(tool)); !added) throw std::runtime_error(added.error().detail);
    }
  }

  void listen() {
    input_.async_read_some(asio::buffer(&byte_, 1), [this](boost::system::error_code ec, std::size_t) {
      if (ec) {
        settling_ = true;
      } else {
        listen();
      }
    });
  }

  std::uint64_t random(std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(dice_);
  }
  bool one_in(std::uint64_t n) { return random(1, n) == 1; }

  Task<void> pause(std::uint64_t ms) {
    asio::steady_timer timer(io_, std::chrono::milliseconds(ms));
    co_await timer.async_wait(await);
  }

  Work new_work() {
    Work work{.n = random(0, UINT64_MAX >> 1U), .bytes = 0, .ms = random(0, 100), .fails = one_in(12)};
    if (one_in(15)) work.ms = random(500, 3'000);
    const auto kind = random(1, 1'000);
    if (kind <= 5) {
      work.bytes = random(500'000, 1'500'000);
    } else if (kind <= 60) {
      work.bytes = random(3'000, 60'000);
    } else if (kind <= 900) {
      work.bytes = random(1, 2'000);
    }
    return work;
  }

  static std::vector<std::string> words_of(const Work& work) {
    return {std::to_string(work.n), std::to_string(work.bytes), std::to_string(work.ms), work.fails ? "1" : "0"};
  }
  static void add(std::vector<std::string>& words, std::vector<std::string> more) {
    words.insert(words.end(), more.begin(), more.end());
  }

  Task<void> call() {
    constexpr std::array tools{"plain", "plain", "talkative", "careful", "again", "again", "blocking"};
    while (!settling_) {
      Work work = new_work();
      ToolCall call;
      call.tool = tools.at(random(0, tools.size() - 1));
      if (one_in(2)) call.budget = Milliseconds(0);
      if (one_in(8)) {
        // The key stands for the work, so that whoever joins knows the result. Any process may ask with it again.
        call.tool = "plain";
        work = {.n = steady_ms() / 4'000 % 1'000'000 * 100 + random(0, 99), .bytes = 50, .ms = 300, .fails = false};
        call.idempotency_key = std::to_string(work.n);
      }
      call.arguments = work.arguments();
      call.caller = {.user_id = "user" + std::to_string(random(0, 9)), .channel_id = "c", .platform = "chaos"};
      if (!call.idempotency_key.empty()) call.caller.user_id = "keys";
      const std::string tool = call.tool;
      const std::string key = call.idempotency_key.empty() ? "-" : call.idempotency_key;
      auto outcome = co_await manager_->call(std::move(call));
      if (!outcome) {
        const errc code = outcome.error().code;
        if (code != errc::unavailable && code != errc::overloaded) {
          ledger_.write(said::wrong, {"call:", outcome.error().detail});
        }
      } else if (const auto* task = std::get_if<Backgrounded>(&*outcome)) {
        std::vector<std::string> words{task->task_id.text(), task->stored ? "1" : "0", tool, key};
        add(words, words_of(work));
        ledger_.write(said::accepted, words);
        if (one_in(3)) co_await wait_for(task->task_id);
      } else {
        const auto* fine = std::get_if<Finished>(&*outcome);
        const auto* failed = std::get_if<Failed>(&*outcome);
        // A joined task may have been lost or cancelled; what it is recorded as is told by others.
        if (fine != nullptr || failed->failure.reason == EndReason::tool_error) {
          std::vector<std::string> words{
              fine != nullptr ? "1" : "0",
              std::to_string(hash_of(fine != nullptr ? fine->output.text : failed->failure.error()))};
          add(words, words_of(work));
          ledger_.write(said::inline_, words);
        }
      }
      co_await pause(random(0, 60));
    }
  }

  // Knows of tasks as a bot does: by what others say.
  Task<void> read_ledger() {
    while (!settling_) {
      for (LedgerLine& line : ledger_.read_more()) {
        if (line.what != said::accepted) continue;
        if (auto id = TaskId::parse(line.words[0])) known_.push_back(*id);
      }
      if (known_.size() > known_at_most) {
        known_.erase(known_.begin(), known_.end() - static_cast<std::ptrdiff_t>(known_at_most / 2));
      }
      co_await pause(10);
    }
  }

  TaskId any_task() {
    constexpr std::uint64_t newest = 60;
    const std::uint64_t from = one_in(3) || known_.size() < newest ? 0 : known_.size() - newest;
    return known_[random(from, known_.size() - 1)];
  }

  Task<void> ask() {
    while (!settling_) {
      co_await pause(random(0, 40));
      if (known_.empty()) continue;
      const TaskId id = any_task();
      const auto began = steady_ms();
      const auto what = random(1, 100);
      if (what <= 55) {
        co_await wait_for(id);
      } else if (what <= 70) {
        auto record = co_await manager_->check(id);
        if (record) co_await tell(*record);
        if (!record) note(record.error(), id, "check", began);
      } else if (what <= 78) {
        ledger_.write(said::cancelling, {id.text()});
        const auto asked = co_await manager_->cancel(id);
        if (!asked) note(asked.error(), id, "cancel", began);
      } else if (what <= 86) {
        co_await look_at_list();
      } else if (what <= 92) {
        const auto set = co_await manager_->redirect(
            id, {.destination = hook_name, .channel_id = std::to_string(random(1, 5)), .platform = hook_platform});
        if (!set) note(set.error(), id, "redirect", began);
      } else {
        const auto output = co_await manager_->read_output(id, 0, 1'000);
        if (!output) note(output.error(), id, "read_output", began);
      }
    }
  }

  Task<void> wait_for(TaskId id) {
    constexpr std::array limits{0, 20, 100, 400, 1'500, 4'000};
    const auto limit = limits.at(random(0, limits.size() - 1));
    const auto began = steady_ms();
    auto awaited = co_await manager_->await_task(id, Milliseconds(limit));
    ledger_.write(said::waited, {id.text(), std::to_string(limit), std::to_string(steady_ms() - began)});
    if (!awaited) {
      note(awaited.error(), id, "await", began);
    } else if (!awaited->timed_out) {
      co_await tell(awaited->record);
    } else if (awaited->record.status != TaskStatus::running) {
      ledger_.write(said::wrong, {"await timed out on a task that ended", id.text()});
    }
  }

  Task<void> look_at_list() {
    ListQuery query{.limit = static_cast<std::uint32_t>(random(1, 100))};
    if (one_in(2)) query.user_id = "user" + std::to_string(random(0, 9));
    if (one_in(3)) query.status = static_cast<TaskStatus>(random(0, 2));
    if (one_in(3)) query.tool_name = "plain";
    std::set<TaskId> seen;
    for (int page = 0; page < 3; ++page) {
      auto listed = co_await manager_->list(query);
      if (!listed) {
        note(listed.error(), {}, "list", steady_ms());
        co_return;
      }
      for (const TaskRecord& record : listed->tasks) {
        if (!seen.insert(record.task_id).second) {
          ledger_.write(said::wrong, {"a list shows twice", record.task_id.text()});
        }
        if (query.status && record.status != *query.status) {
          ledger_.write(said::wrong, {"a list by status shows", record.task_id.text()});
        }
        if (record.status != TaskStatus::running) write_told(record, "-");
      }
      if (!listed->next) co_return;
      query.after = listed->next;
    }
  }

  Task<void> tell(const TaskRecord& shown) {
    if (shown.status == TaskStatus::running) co_return;
    const TaskRecord record = shown;
    const auto began = steady_ms();
    if (record.status != TaskStatus::completed) {
      write_told(record, "-");
      co_return;
    }
    std::string text;
    if (one_in(5) && record.result_chars > 10) {
      // In pages, as a person reads.
      const std::uint64_t page_chars = record.result_chars / 3 + 1;
      for (std::optional<std::uint64_t> at = 0; at;) {
        auto page = co_await manager_->read_result(record.task_id, *at, page_chars);
        if (!page) {
          note(page.error(), record.task_id, "read_result", began);
          co_return;
        }
        text += page->text;
        at = page->next_offset(page_chars);
      }
    } else {
      auto page = co_await manager_->read_result(record.task_id, 0, 0);
      if (!page) {
        note(page.error(), record.task_id, "read_result", began);
        co_return;
      }
      text = std::move(page->text);
    }
    write_told(record, std::to_string(hash_of(text)));
  }

  void write_told(const TaskRecord& record, std::string hash) const {
    ledger_.write(said::told, {record.task_id.text(), std::string(name_of(record.status)),
                               std::string(name_of(record.reason)), record.unsaved ? "1" : "0", std::move(hash)});
  }

  void note(const Error& error, const TaskId& id, const char* question, std::int64_t began) const {
    switch (error.code) {
      case errc::not_found:
        ledger_.write(said::not_found, {id.text(), question, std::to_string(began)});
        break;
      case errc::unavailable:
      case errc::already_final:
      case errc::overloaded:
        break;
      default:
        ledger_.write(said::wrong, {question, id.text(), error.detail});
    }
  }

  ActorOptions options_;
  asio::io_context io_;
  SystemClock clock_{io_};
  SystemRandom random_;
  Ledger ledger_;
  Log log_{{.level = LogThreshold::warning}};
  std::mt19937_64 dice_;
  asio::posix::stream_descriptor input_;
  char byte_ = 0;
  bool settling_ = false;
  std::vector<TaskId> known_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<TaskManager> manager_;
  Loop loop_{io_};
  std::unique_ptr<http::Client> http_;  // of workers, as is the next
  std::unique_ptr<Deliverer> deliverer_;
};

}  // namespace

int act(const ActorOptions& options) {
  return Actor(options).run();
}

}  // namespace meantime::test
