// SPDX-License-Identifier: MIT
#include "chaos/storm.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "chaos/actors.hpp"

namespace meantime::test {

Storm::Storm(const StormOptions& options) : options_(options), ledger_(options.folder / "ledger"), dice_(options.seed) {
  // What it has answered is on disk before it answers: a kill -9 takes nothing back.
  server_ = std::make_unique<RedisServer>(
      RedisServerOptions{.program = options.server_program, .append_only = true, .config = {"appendfsync always"}});
  places_.resize(options.workers + options.askers);
  for (unsigned i = 0; i < places_.size(); ++i) {
    places_[i].proxy = std::make_unique<FaultProxy>(server_->port());
    start(i);
  }
}

void Storm::start(unsigned place) {
  Place& it = places_[place];
  std::array<int, 2> input{};
  if (pipe2(input.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const Descriptor theirs(input[0]);
  it.input = Descriptor(input[1]);
  const auto log_file = options_.folder / ("log-" + std::to_string(place));
  const Descriptor log(open(log_file.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600));
  it.child = Child({"/proc/self/exe", place < options_.workers ? "--worker" : "--asker",
                    std::to_string(it.proxy->port()), options_.folder.string(), std::to_string(place),
                    std::to_string(options_.seed * 1'000'003 + place * 1'009 + it.starts++), options_.hook->url()},
                   {.in = theirs.get(), .out = log.get(), .err = log.get()});
  it.stopped = false;
}

// Nobody ends without being told to.
void Storm::look_after(unsigned place) {
  Place& it = places_[place];
  if (!it.child) return;
  if (const auto code = it.child.wait(std::chrono::milliseconds(0))) {
    ledger_.write(said::wrong, {"process", std::to_string(place), "ended by itself with code", std::to_string(*code)});
    start(place);
  }
}

void Storm::undo_later(std::uint64_t from_ms, std::uint64_t to_ms, std::function<void()> undo) {
  later_.emplace(Clock::now() + std::chrono::milliseconds(random(from_ms, to_ms)), std::move(undo));
}

void Storm::run_due(bool all) {
  while (!later_.empty() && (all || later_.begin()->first <= Clock::now())) {
    auto due = later_.extract(later_.begin());
    due.mapped()();
  }
}

void Storm::rage(std::chrono::milliseconds length) {
  const auto until = Clock::now() + length;
  auto next_act = Clock::now() + std::chrono::milliseconds(500);
  while (Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    run_due(false);
    for (unsigned i = 0; i < places_.size(); ++i) look_after(i);
    if (Clock::now() < next_act) continue;
    one_act();
    next_act = Clock::now() + std::chrono::milliseconds(random(20, 400));
  }
}

void Storm::one_act() {
  constexpr std::uint64_t acts_to_one_on_the_hook = 6;
  if (random(1, acts_to_one_on_the_hook) == 1) return act_on_hook();
  const auto place = static_cast<unsigned>(random(0, places_.size() - 1));
  const auto what = static_cast<unsigned>(random(0, 99));
  if (what < 40) {
    act_on_process(place, what);
  } else if (what < 78) {
    act_on_way(place, what);
  } else {
    act_on_server(what);
  }
}

void Storm::act_on_process(unsigned place, unsigned what) {
  Place& it = places_[place];
  if (!it.child || it.stopped) return;
  const std::string name = std::to_string(place);
  if (what < 24) {
    ++counts_["kill -9"];
    it.child.kill();
    ledger_.write(said::killed, {name});
    undo_later(0, random(1, 3) == 1 ? 4'000 : 300, [this, place] { start(place); });
    return;
  }
  const bool past_lease = what >= 32;
  ++counts_[past_lease ? "stopped past the lease" : "stopped for a moment"];
  hinder(name);
  it.child.pause();
  it.stopped = true;
  const auto least = static_cast<std::uint64_t>(chaos_lease.count()) + 500;
  undo_later(past_lease ? least : 20, past_lease ? least + 3'000 : 600, [this, place] { resume(place); });
}

void Storm::resume(unsigned place) {
  Place& it = places_[place];
  it.child.resume();
  it.stopped = false;
  free(std::to_string(place));
}

void Storm::act_on_way(unsigned place, unsigned what) {
  FaultProxy& proxy = *places_[place].proxy;
  const std::string name = std::to_string(place);
  if (what < 55) {
    ++counts_["cut"];
    proxy.cut(what % 2 == 0 ? FaultProxy::Cut::politely : FaultProxy::Cut::rudely);
    return;
  }
  if (what < 62) {
    ++counts_["cut in the middle of a reply"];
    proxy.reset_reply_after(random(0, 3'000));
    return;
  }
  hinder(name);
  std::uint64_t longest = 2'500;
  if (what < 68) {
    ++counts_["half-open"];
    proxy.silence();
    longest = 5'000;
  } else if (what < 74) {
    ++counts_["delay"];
    proxy.delay(FaultProxy::Towards::server, std::chrono::milliseconds(random(0, 150)));
    proxy.delay(FaultProxy::Towards::client, std::chrono::milliseconds(random(0, 150)));
  } else if (what < 76) {
    ++counts_["a byte at a time"];
    proxy.drip(std::chrono::microseconds(20));
  } else {
    ++counts_["refused"];
    proxy.refuse();
    proxy.cut(FaultProxy::Cut::rudely);
  }
  undo_later(100, longest, [this, &proxy, name] {
    proxy.pass();
    free(name);
  });
}

void Storm::act_on_hook() {
  constexpr std::array faults{Fault::cut_before, Fault::cut_after, Fault::cut_in_answer, Fault::hold};
  const auto which = random(0, faults.size());
  if (which == faults.size()) {
    ++counts_["hook answers 500"];
    return options_.hook->next_fails();
  }
  const Fault fault = faults.at(which);
  ++counts_[fault == Fault::hold ? "hook holds its answer" : "hook cut"];
  options_.hook->next(fault);
  if (fault == Fault::hold) undo_later(100, 3'000, [this] { options_.hook->release(); });
}

void Storm::act_on_server(unsigned what) {
  if (server_disturbed_) return;
  if (what < 90) {
    ++counts_["CLIENT KILL"];
    auto raw = server_->connect();
    raw.command({"CLIENT", "KILL", "TYPE", what % 2 == 0 ? "normal" : "pubsub"});
    return;
  }
  hinder("*");
  server_disturbed_ = true;
  if (what < 95) {
    ++counts_["server stopped for a moment"];
    server_->pause();
    undo_later(100, 1'500, [this] { server_up(); });
  } else {
    ++counts_["server kill -9 and restart"];
    server_->stop();
    undo_later(50, 4'000, [this] { server_up(); });
  }
}

void Storm::server_up() {
  if (server_->running()) {
    server_->resume();
  } else {
    server_->start(RedisServer::Data::kept);
  }
  server_disturbed_ = false;
  free("*");
}

void Storm::calm() {
  run_due(true);
  for (Place& place : places_) {
    place.proxy->pass();
    place.input = Descriptor();
  }
}

void Storm::end() {
  for (Place& place : places_) place.child.signal(SIGTERM);
  for (unsigned i = 0; i < places_.size(); ++i) {
    const auto code = places_[i].child.wait(std::chrono::seconds(30));
    if (code == 0) continue;
    ledger_.write(said::wrong, {"process", std::to_string(i), code ? "ended with code" : "does not end",
                                std::to_string(code.value_or(-1))});
    places_[i].child.kill();
  }
  for (Place& place : places_) place.proxy.reset();
}

}  // namespace meantime::test
