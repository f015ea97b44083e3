// SPDX-License-Identifier: MIT
// chaos.cpp: meantime_chaos, the program that lets everything happen at once and then looks whether every promise was
// kept. Without arguments: a minute, with a seed of its own, which it prints.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "chaos/actors.hpp"
#include "chaos/hook.hpp"
#include "chaos/judge.hpp"
#include "chaos/storm.hpp"
#include "support/watched_process.hpp"

namespace meantime::test {
namespace {

constexpr const char* usage =
    "usage: meantime_chaos [--seconds N] [--seed N] [--workers N] [--askers N] [--server PROGRAM] [--keep]\n"
    "Starts a Redis (or Valkey), workers and askers; kills, stops, cuts and restarts all of them for N seconds (60);\n"
    "then every task that was accepted has one outcome, and every answer was right. Code 1 if not. --keep: leave the\n"
    "folder with the ledger and the logs also where all was well.\n";

struct Arguments {
  std::uint64_t seconds = 60;
  std::uint64_t seed = 0;
  std::uint64_t workers = 4;
  std::uint64_t askers = 2;
  std::string server;
  bool keep = false;
};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) {
    throw std::invalid_argument("'" + std::string(text) + "' is no number");
  }
  return value;
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments out;
  out.seed = std::random_device{}();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& name = words[i];
    if (name == "--keep") {
      out.keep = true;
      continue;
    }
    if (i + 1 == words.size()) throw std::invalid_argument(name + " is unknown, or lacks its value");
    const std::string& value = words[++i];
    if (name == "--seconds") {
      out.seconds = number(value);
    } else if (name == "--seed") {
      out.seed = number(value);
    } else if (name == "--workers") {
      out.workers = number(value);
    } else if (name == "--askers") {
      out.askers = number(value);
    } else if (name == "--server") {
      out.server = value;
    } else {
      throw std::invalid_argument(name + " is unknown");
    }
  }
  if (out.workers == 0) throw std::invalid_argument("--workers: at least one");
  return out;
}

// One storm and its judgement. Long runs are made of several, so that what they remember stays small.
bool round(const Arguments& arguments, std::uint64_t seed, std::uint64_t seconds) {
  std::string folder_name = (std::filesystem::temp_directory_path() / "meantime-chaos-XXXXXX").string();
  if (mkdtemp(folder_name.data()) == nullptr) throw std::runtime_error("no folder can be made");
  const std::filesystem::path folder = folder_name;
  Verdict verdict;
  std::map<std::string, unsigned> acts;
  {
    Hook hook(folder);
    Storm storm({.folder = folder,
                 .server_program = arguments.server,
                 .workers = static_cast<unsigned>(arguments.workers),
                 .askers = static_cast<unsigned>(arguments.askers),
                 .seed = seed,
                 .hook = &hook});
    storm.rage(std::chrono::seconds(seconds));
    storm.calm();
    const auto calm_at = steady_ms();
    const bool settled = wait_until_settled(storm.server(), std::chrono::seconds(45));
    const bool delivered = wait_until_delivered(storm.server(), std::chrono::seconds(60));
    const auto settled_after = steady_ms() - calm_at;
    storm.end();
    Ledger ledger(folder / "ledger");
    verdict = judge(storm.server(), ledger.read_more(), hook.arrivals());
    if (!settled) verdict.violations.insert(verdict.violations.begin(), "tasks still ran 45 s after the storm");
    if (!delivered) verdict.violations.insert(verdict.violations.begin(), "deliveries were open a minute after that");
    std::printf("settled %lld ms after the storm\n", static_cast<long long>(settled_after));
    acts = storm.counts();
  }
  if (!no_child_is_left()) verdict.violations.emplace_back("a child process is left");
  std::printf("done to them:");
  for (const auto& [what, count] : acts) std::printf(" %s %u;", what.c_str(), count);
  std::printf("\nseen:");
  for (const auto& [what, count] : verdict.counts) {
    std::printf(" %s %llu;", what.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\nlongest wait beyond its limit, stops not counted: %lld ms\n",
              static_cast<long long>(verdict.longest_over_ms));
  for (const std::string& each : verdict.violations) std::printf("VIOLATION: %s\n", each.c_str());
  const bool fine = verdict.violations.empty();
  if (!fine || arguments.keep) {
    std::printf("ledger and logs: %s\n", folder.c_str());
  } else {
    std::filesystem::remove_all(folder);
  }
  if (!fine) std::printf("FAILED with --seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return fine;
}

int main_of(std::vector<std::string> words) {
  if (words.size() == 6 && (words[0] == "--worker" || words[0] == "--asker")) {
    return act({.asks = words[0] == "--asker",
                .port = static_cast<std::uint16_t>(number(words[1])),
                .folder = words[2],
                .place = static_cast<unsigned>(number(words[3])),
                .seed = number(words[4]),
                .hook_url = words[5]});
  }
  const Arguments arguments = parse(words);
  constexpr std::uint64_t longest_round = 60;
  bool fine = true;
  std::uint64_t left = arguments.seconds;
  for (std::uint64_t seed = arguments.seed; fine && left > 0; ++seed) {
    const std::uint64_t length = left < 2 * longest_round ? std::min(left, longest_round) : longest_round;
    std::printf("chaos for %llu s with --seed %llu\n", static_cast<unsigned long long>(length),
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    fine = round(arguments, seed, length);
    left -= length;
  }
  return fine ? 0 : 1;
}

}  // namespace
}  // namespace meantime::test

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    return meantime::test::main_of(words);
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "%s\n%s", wrong.what(), meantime::test::usage);
    return 64;
  } catch (const std::exception& wrong) {
    std::fprintf(stderr, "meantime_chaos: %s\n", wrong.what());
    return 1;
  }
}
