// SPDX-License-Identifier: MIT
#include "serve/server/work.hpp"

#include <algorithm>

#include "core/inputs.hpp"
#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"
#include "mcp/task_json.hpp"
#include "serve/client_calls.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"

namespace meantime::serve {
namespace {

std::string notification(std::string_view method, std::string_view params) {
  std::string out;
  mcp::append_notification(out, method, params);
  out.pop_back();  // the newline of lines
  return out;
}

bool is_json(std::string_view text) {
  mcp::JsonScanner scanner(text);
  return scanner.skip() && scanner.at_end();
}

// An answer to elicitation says what the user did; the others are results whose shape is their method's.
bool fits(const InputRequest& request, mcp::JsonSpan response) {
  if (!response.is_object()) return false;
  if (request.method == "elicitation/create") {
    const std::string action = mcp::member(response, "action").text();
    return action == "accept" || action == "decline" || action == "cancel";
  }
  if (request.method == "sampling/createMessage") return static_cast<bool>(mcp::member(response, "content"));
  if (request.method == "roots/list") return mcp::member(response, "roots").is_array();
  return true;
}

// One that cannot be handed over is asked for again: the record still shows it.
Task<void> hand_over(TaskManager& manager, TaskId task, InputResponse response, std::string owner) {
  [[maybe_unused]] const auto answered = co_await manager.answer_input(task, {std::move(response)}, owner);
}

}  // namespace

Work::Work(McpServer& its_server, RequestInfo its_info, Reply& its_reply)
    : server(its_server), info(std::move(its_info)), reply(&its_reply) {}

Work::~Work() {
  for (const std::uint64_t ask : asks_) info.session->withdraw(ask, reply);
  round.reset();
  task.reset();
}

void Work::progress(const Progress& progress) {
  if (info.progress_token.empty() || reply == nullptr) return;
  if (progressed_ && progress.value <= last_progress_) return;  // it must grow, whatever a tool says
  progressed_ = true;
  last_progress_ = progress.value;
  reply->message(notification("notifications/progress", progress_params(info.progress_token, progress)));
}

std::optional<LogLevel> Work::log_level() const {
  return info.session != nullptr ? std::optional(info.session->state.log_level()) : info.log_level;
}

void Work::log(const LogLine& entry) {
  const auto least = log_level();
  if (!least || entry.level < *least || reply == nullptr) return;
  std::string params;
  JsonWriter json(params);
  json.begin_object().field("level", name_of(entry.level));
  if (!entry.logger.empty()) json.field("logger", entry.logger);
  json.key("data");
  if (is_json(entry.data)) {
    json.raw(entry.data);
  } else {
    json.value(entry.data);  // a tool's plain text
  }
  json.end_object();
  reply->message(notification("notifications/message", params));
}

void Work::detach() {
  if (round) {
    for (const std::uint64_t ask : std::exchange(asks_, {})) info.session->withdraw(ask, nullptr);
    const std::shared_ptr<InputRound> to_task = std::exchange(round, nullptr);
    return to_task->to_task();
  }
  if (background) background->now();
}

void Work::take_responses(mcp::JsonSpan input_responses) {
  mcp::for_each_member(input_responses, [&](mcp::JsonSpan key, mcp::JsonSpan value) {
    if (responses_.size() < max_input_requests) responses_.insert_or_assign(key.text(), std::string(value.raw()));
  });
}

bool Work::answer_if_complete() {
  std::vector<InputResponse> answers;
  for (const InputRequest& request : round->requests()) {
    const auto given = responses_.find(request.key);
    if (given == responses_.end()) return false;
    if (!fits(request, mcp::JsonSpan(given->second))) {
      responses_.erase(given);
      return false;
    }
    answers.push_back({request.key, given->second});
  }
  for (const InputResponse& answer : answers) responses_.erase(answer.key);
  missing_capability.clear();
  const std::shared_ptr<InputRound> answered = std::exchange(round, nullptr);
  answered->answer(std::move(answers));
  return true;
}

std::vector<InputRequest> Work::open_requests() const {
  std::vector<InputRequest> open;
  for (const InputRequest& request : round->requests()) {
    if (!responses_.contains(request.key)) open.push_back(request);
  }
  return open;
}

bool Work::cannot_ask(const std::vector<InputRequest>& requests) {
  for (const InputRequest& request : requests) {
    const auto missing = mcp::missing_for(info.client, request.method, mcp::JsonSpan(request.params));
    if (!missing) continue;
    missing_capability = *missing;
    round->refuse({errc::unsupported, "serve.ask",
                   "the client did not declare what '" + request.method + "' needs: " + *missing});
    round.reset();
    return true;
  }
  return false;
}

void Work::asked(std::shared_ptr<InputRound> its_round) {
  round = std::move(its_round);
  if (reply == nullptr) {  // parked, and asked again: nobody is there
    round->refuse({errc::unsupported, "serve.ask", "nobody waits for this call at the moment"});
    round.reset();
    return;
  }
  if (cannot_ask(round->requests())) return;
  if (!info.stateless()) return ask_session();
  if (answer_if_complete()) return;
  if (info.takes_tasks() && !inline_rounds) {
    const std::shared_ptr<InputRound> to_task = std::exchange(round, nullptr);
    return to_task->to_task();
  }
  if (holder == nullptr) {
    wants_parking = true;
  } else {
    server.park(std::move(holder->work));
  }
}

void Work::ask_session() {
  struct Asked {
    std::vector<InputResponse> answers;
    std::size_t open = 0;
  };
  const auto state = std::make_shared<Asked>();
  state->open = round->requests().size();
  const std::vector<InputRequest> requests = round->requests();
  for (const InputRequest& request : requests) {
    auto on_answer = [this, state, key = request.key](std::expected<std::string, std::string> answer) {
      if (!round) return;  // another of this round was refused
      if (!answer) {
        const std::shared_ptr<InputRound> refused = std::exchange(round, nullptr);
        return refused->refuse({errc::unsupported, "serve.ask", std::move(answer.error())});
      }
      state->answers.push_back({key, std::move(*answer)});
      if (--state->open > 0) return;
      asks_.clear();
      const std::shared_ptr<InputRound> answered = std::exchange(round, nullptr);
      answered->answer(std::move(state->answers));
    };
    asks_.push_back(info.session->ask(*reply, request.method, request.params, std::move(on_answer)));
  }
}

void Work::ask_for(const TaskId& asker, const InputRequest& request) {
  const bool form = request.method == "elicitation/create";
  auto on_answer = [this, asker, form, key = request.key](std::expected<std::string, std::string> answer) {
    // A refusal is an answer, too: the asker must not wait for ever.
    std::string result = answer ? std::move(*answer)
                         : form ? R"({"action":"cancel"})"
                                : refusal_response(answer.error());
    group_.spawn(hand_over(server.manager, asker, {key, std::move(result)}, info.who->owner));
  };
  asks_.push_back(info.session->ask(*reply, request.method, request.params, std::move(on_answer), asker.text()));
}

}  // namespace meantime::serve
