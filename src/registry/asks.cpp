// SPDX-License-Identifier: MIT
#include "registry/asks.hpp"

#include <algorithm>

#include "core/inputs.hpp"
#include "registry/live_task.hpp"

namespace meantime {

Round::Round(Ask& ask)
    : ask_(&ask), requests_([&] {
        std::vector<InputRequest> copies;
        for (const Ask::Request& each : ask.requests()) copies.push_back(each.request);
        return copies;
      }()) {
  ask.offer(*this);
}

Round::~Round() {
  refuse({errc::unsupported, "tool.ask", "The caller was not asked: its front door let go of the request."});
}

void Round::answer(std::vector<InputResponse> responses) {
  Ask* ask = std::exchange(ask_, nullptr);
  if (ask == nullptr) return;
  ask->round_ = nullptr;
  for (InputResponse& response : responses) ask->answer(response.key, std::move(response.result));
  if (ask->stage() == Ask::Stage::over) return;
  const auto missing = std::ranges::find_if(ask->requests_, [](const Ask::Request& each) { return !each.response; });
  ask->fail(
      {errc::unsupported, "tool.ask", "The caller's front door gave no response to '" + missing->request.key + "'."});
}

void Round::refuse(Error why) {
  Ask* ask = std::exchange(ask_, nullptr);
  if (ask == nullptr) return;
  ask->round_ = nullptr;
  ask->fail(std::move(why));
}

void Round::to_task() {
  Ask* ask = std::exchange(ask_, nullptr);
  if (ask == nullptr) return;
  ask->round_ = nullptr;
  ask->decided_for_task();
}

Ask::Ask(LiveTask& task, Asks& asks, std::vector<InputRequest> requests)
    : task_(task), asks_(asks), ready_([](void* self) { static_cast<Ask*>(self)->on_turn(); }, this) {
  requests_.reserve(requests.size());
  for (InputRequest& each : requests) requests_.push_back({std::move(each), std::nullopt, false});
  asks_.asks_.push_back(this);
}

Ask::~Ask() {
  let_go_of_round();
  std::erase(asks_.asks_, this);
  if (stage_ != Stage::over) withdraw();
}

void Ask::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  task_.host.loop().post(ready_);
}

Result<std::vector<InputResponse>> Ask::await_resume() {
  if (error_) return std::unexpected(std::move(*error_));
  std::vector<InputResponse> responses;
  responses.reserve(requests_.size());
  for (const Request& each : requests_) {
    if (auto why = refused_because(*each.response)) {
      return std::unexpected(Error{errc::unsupported, "tool.ask", std::move(*why)});
    }
  }
  for (Request& each : requests_) responses.push_back({std::move(each.request.key), std::move(*each.response)});
  return responses;
}

void Ask::on_turn() {
  switch (stage_) {
    case Stage::asked:
      task_.host.asked(*this);  // it may be gone after this
      return;
    case Stage::to_task:
      task_.host.ask_as_task(*this);
      return;
    case Stage::over:
      waiter_.resume();
      return;
    case Stage::offered:
    case Stage::as_task:
      return;
  }
}

void Ask::offer(Round& round) noexcept {
  round_ = &round;
  stage_ = Stage::offered;
}

void Ask::show() noexcept {
  let_go_of_round();
  if (stage_ != Stage::over) stage_ = Stage::as_task;
}

void Ask::decided_for_task() {
  stage_ = Stage::to_task;
  task_.host.loop().post(ready_);  // not now: the one who decides may be inside of the call
}

bool Ask::answer(const std::string& key, std::string response) {
  if (stage_ == Stage::over) return false;
  const auto open =
      std::ranges::find_if(requests_, [&](const Request& each) { return !each.response && each.request.key == key; });
  if (open == requests_.end()) return false;
  open->response = std::move(response);
  if (std::ranges::all_of(requests_, [](const Request& each) { return each.response.has_value(); })) end(std::nullopt);
  return true;
}

void Ask::fail(Error why) {
  if (stage_ == Stage::over) return;
  withdraw();
  end(std::move(why));
}

void Ask::end(std::optional<Error> why) {
  let_go_of_round();
  error_ = std::move(why);
  stage_ = Stage::over;
  task_.host.loop().post(ready_);
  task_.host.ask_ended(task_);
}

// What the store shows as open, and nobody waits for any more.
void Ask::withdraw() {
  for (const Request& each : requests_) {
    if (!each.response && each.saved) asks_.untold.push_back({each.request.key, "{}"});
  }
  task_.host.loop().post(asks_.withdrawn_);
}

void Ask::let_go_of_round() noexcept {
  if (Round* round = std::exchange(round_, nullptr)) round->let_go();
}

Asks::Asks(LiveTask& task)
    : withdrawn_(
          [](void* self) {
            auto& live = *static_cast<LiveTask*>(self);
            live.host.ask_ended(live);
          },
          &task) {}

Result<void> Asks::admit(std::vector<InputRequest>& requests) {
  if (auto fine = check_inputs(requests); !fine) return fine;
  std::size_t open_now = 0;
  for (const Ask* each : asks_) {
    if (each->stage_ != Ask::Stage::over) open_now += each->requests_.size();
  }
  if (open_now + requests.size() > max_input_requests || used_.size() + requests.size() > max_input_keys) {
    return std::unexpected(too_many_inputs());
  }
  for (const InputRequest& each : requests) {
    if (used_.contains(each.key)) return std::unexpected(input_key_used(each.key));
  }
  for (const InputRequest& each : requests) used_.insert(each.key);
  return {};
}

std::vector<InputRequest> Asks::open() const {
  std::vector<InputRequest> found;
  for (const Ask* ask : asks_) {
    if (ask->stage_ == Ask::Stage::over) continue;
    for (const Ask::Request& each : ask->requests_) {
      if (!each.response) found.push_back(each.request);
    }
  }
  return found;
}

bool Asks::any_open() const noexcept {
  return std::ranges::any_of(asks_, [](const Ask* ask) { return ask->stage_ != Ask::Stage::over; });
}

bool Asks::any_offered() const noexcept {
  return std::ranges::any_of(
      asks_, [](const Ask* ask) { return ask->stage_ == Ask::Stage::offered || ask->stage_ == Ask::Stage::to_task; });
}

std::vector<InputRequest> Asks::take_unsaved() {
  std::vector<InputRequest> found;
  for (Ask* ask : asks_) {
    if (ask->stage_ != Ask::Stage::as_task) continue;
    for (Ask::Request& each : ask->requests_) {
      if (!each.response && !std::exchange(each.saved, true)) found.push_back(each.request);
    }
  }
  return found;
}

void Asks::unsave(const std::vector<InputRequest>& requests) noexcept {
  for (Ask* ask : asks_) {
    for (Ask::Request& each : ask->requests_) {
      if (std::ranges::find(requests, each.request.key, &InputRequest::key) != requests.end()) each.saved = false;
    }
  }
}

void Asks::unsave_all() noexcept {
  untold.clear();
  for (Ask* ask : asks_) {
    for (Ask::Request& each : ask->requests_) each.saved = false;
  }
}

std::optional<bool> Asks::open_and_saved(const std::string& key) const noexcept {
  for (const Ask* ask : asks_) {
    if (ask->stage_ != Ask::Stage::as_task) continue;
    for (const Ask::Request& each : ask->requests_) {
      if (!each.response && each.request.key == key) return each.saved;
    }
  }
  return std::nullopt;
}

bool Asks::answer(const std::string& key, const std::string& response) {
  for (Ask* ask : asks_) {
    if (ask->stage_ == Ask::Stage::as_task && ask->answer(key, response)) return true;
  }
  return false;
}

void Asks::show_all() noexcept {
  for (Ask* ask : asks_) {
    if (ask->stage_ != Ask::Stage::asked) ask->show();
  }
}

void Asks::fail_all(const Error& why) {
  for (Ask* ask : asks_) ask->fail(why);
}

void Asks::fail_those(const std::vector<InputRequest>& requests, const Error& why) {
  for (Ask* ask : asks_) {
    const bool concerned = std::ranges::any_of(ask->requests_, [&](const Ask::Request& each) {
      return !each.response && std::ranges::find(requests, each.request.key, &InputRequest::key) != requests.end();
    });
    if (concerned) ask->fail(why);
  }
}

}  // namespace meantime
