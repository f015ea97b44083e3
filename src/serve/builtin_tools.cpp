// SPDX-License-Identifier: MIT
#include "serve/builtin_tools.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/duration.hpp"
#include "core/envelope.hpp"
#include "core/json_writer.hpp"
#include "serve/call_answer.hpp"
#include "serve/result_view.hpp"

namespace meantime::serve {
namespace {

constexpr Milliseconds between_signs{5'000};        // of life, while await_task waits
constexpr Milliseconds cancel_shows_within{2'000};  // cancel_task waits this long to tell how it ended
constexpr std::uint32_t list_default = 20;
constexpr std::uint32_t list_most = 200;
constexpr double most_number = 1e15;  // of a count that comes in as a JSON number

struct Request {
  std::string task_id;
  std::optional<double> timeout_seconds;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> limit;
  std::string status;
  std::string tool_name;
  std::string cursor;
  std::string destination;
  std::string on;
};

std::unexpected<Error> bad(std::string what) {
  return fail(errc::invalid_argument, "serve.builtin", std::move(what));
}

Result<std::uint64_t> count_of(std::string_view name, mcp::JsonSpan value) {
  const auto number = value.number();
  if (!number || *number < 0 || *number > most_number || std::floor(*number) != *number) {
    return bad("'" + std::string(name) + "' is a whole number of 0 or more, not " +
               std::string(value.raw().substr(0, 40)));
  }
  return static_cast<std::uint64_t>(*number);
}

Result<std::string> text_of(std::string_view name, mcp::JsonSpan value) {
  if (!value.is_string()) return bad("'" + std::string(name) + "' is a string");
  return value.text();
}

Result<Request> read_request(mcp::JsonSpan arguments) {
  Request request;
  std::optional<Error> wrong;
  const auto take = [&](auto& slot, auto read) {
    if (read) {
      slot = std::move(*read);
    } else if (!wrong) {
      wrong = std::move(read.error());
    }
  };
  mcp::for_each_member(arguments, [&](mcp::JsonSpan key, mcp::JsonSpan value) {
    if (value.kind() == mcp::JsonSpan::Kind::null) return;  // models write null for "not given"
    if (key.is("task_id")) take(request.task_id, text_of("task_id", value));
    if (key.is("offset")) take(request.offset, count_of("offset", value));
    if (key.is("limit")) take(request.limit, count_of("limit", value));
    if (key.is("status")) take(request.status, text_of("status", value));
    if (key.is("tool_name")) take(request.tool_name, text_of("tool_name", value));
    if (key.is("cursor")) take(request.cursor, text_of("cursor", value));
    if (key.is("destination")) take(request.destination, text_of("destination", value));
    if (key.is("on")) take(request.on, text_of("on", value));
    if (key.is("timeout_seconds")) {
      request.timeout_seconds = value.number();
      if (!request.timeout_seconds || *request.timeout_seconds < 0) {
        wrong = bad("'timeout_seconds' is a number of 0 or more").error();
      }
    }
  });
  if (wrong) return std::unexpected(std::move(*wrong));
  return request;
}

Outcome answer(std::string call_tool_result) {
  ToolOutput output{std::move(call_tool_result)};
  output.media_type = MediaType::mcp_result;
  return Finished{std::move(output), std::nullopt};
}

Outcome refusal(const Error& error, std::string_view task_id) {
  const bool unknown = error.code == errc::not_found;
  return answer(text_result(unknown ? envelope::not_found(task_id) : envelope::error(error), true));
}

Outcome shown(Result<std::string> view, std::string_view task_id) {
  return view ? answer(std::move(*view)) : refusal(view.error(), task_id);
}

// What all of them know of the session, by value: a call may outlive a renaming.
struct Asked {
  TaskManager& manager;
  Clock& clock;
  std::string owner;
  BuiltinNames names;
  std::uint64_t preview_chars;
  Milliseconds await_cap;
  std::function<void()> missed;
  Request request;

  [[nodiscard]] Outcome refuse(const Error& error) const {
    if (error.code == errc::not_found && missed) missed();
    return refusal(error, request.task_id);
  }

  [[nodiscard]] PageRequest page() const { return {request.offset, request.limit, preview_chars, names.check}; }
};

Task<Result<Outcome>> refused(Error error, std::string task_id) {
  co_return refusal(error, task_id);
}

Task<Result<Outcome>> check(Asked asked, TaskId id) {
  auto record = co_await asked.manager.check(id, asked.owner);
  if (!record) co_return asked.refuse(record.error());
  co_return shown(co_await show_task(asked.manager, std::move(*record), asked.clock.wall_now(), asked.page()),
                  asked.request.task_id);
}

Task<Result<Outcome>> await_end(Asked asked, TaskId id, BuiltinTools::OnProgress on_progress) {
  Milliseconds limit = asked.await_cap;
  if (asked.request.timeout_seconds) {
    const double most = std::chrono::duration<double>(asked.await_cap).count();
    limit = std::chrono::duration_cast<Milliseconds>(
        std::chrono::duration<double>(std::min(*asked.request.timeout_seconds, most)));
  }
  const SteadyTime began = asked.clock.now();
  for (;;) {
    const auto waited = std::chrono::floor<Milliseconds>(asked.clock.now() - began);
    const Milliseconds left = std::max(limit - waited, Milliseconds(0));
    auto awaited =
        co_await asked.manager.await_task(id, on_progress ? std::min(left, between_signs) : left, asked.owner);
    if (!awaited) co_return asked.refuse(awaited.error());
    if (!awaited->timed_out) {
      co_return shown(
          co_await show_task(asked.manager, std::move(awaited->record), asked.clock.wall_now(), asked.page()),
          asked.request.task_id);
    }
    const auto now_waited = std::chrono::floor<Milliseconds>(asked.clock.now() - began);
    if (now_waited >= limit) {
      co_return answer(text_result(envelope::await_timed_out(awaited->record, limit, asked.names.check), false,
                                   envelope::tag(id.text(), "timeout")));
    }
    if (!on_progress) continue;  // a clock that rounds differently: the rest of the last millisecond
    // Progress must grow, whatever the task says of itself: the seconds do.
    std::string message = "waiting for '" + awaited->record.tool_name + "'";
    if (const auto& progress = awaited->record.progress) {
      std::string amount;
      JsonWriter(amount).value(progress->value);
      if (progress->total) JsonWriter(amount += " of ").value(*progress->total);
      message += ": " + amount;
      if (!progress->message.empty()) message += ", " + progress->message;
    }
    on_progress({.value = std::chrono::duration<double>(now_waited).count(),
                 .total = std::chrono::duration<double>(limit).count(),
                 .message = std::move(message)});
  }
}

Task<Result<Outcome>> cancel(Asked asked, TaskId id) {
  if (auto asked_for = co_await asked.manager.cancel(id, asked.owner); !asked_for) {
    co_return asked.refuse(asked_for.error());
  }
  auto awaited = co_await asked.manager.await_task(id, cancel_shows_within, asked.owner);
  if (!awaited) co_return asked.refuse(awaited.error());
  const TaskRecord& record = awaited->record;
  const std::string tag = envelope::tag(id.text(), name_of(record.status));
  if (record.status == TaskStatus::failed) co_return answer(text_result(envelope::failed(record), false, tag));
  co_return answer(text_result(envelope::status(record, asked.clock.wall_now()), false, tag));
}

Task<Result<Outcome>> list(Asked asked) {
  ListQuery query;
  query.user_id = asked.owner;
  query.limit =
      static_cast<std::uint32_t>(std::clamp<std::uint64_t>(asked.request.limit.value_or(list_default), 1, list_most));
  if (!asked.request.tool_name.empty()) query.tool_name = asked.request.tool_name;
  if (!asked.request.status.empty()) {
    query.status = parse_status(asked.request.status);
    if (!query.status) {
      const Error error{errc::invalid_argument, "serve.builtin", "'status' is one of running, completed and failed"};
      co_return refusal(error, {});
    }
  }
  if (!asked.request.cursor.empty()) {
    auto after = TaskId::parse(asked.request.cursor);
    if (!after) {
      const Error error{errc::invalid_argument, "serve.builtin", "'cursor' is the next_cursor of the page before"};
      co_return refusal(error, {});
    }
    query.after = *after;
  }
  auto listed = co_await asked.manager.list(std::move(query));
  if (!listed) co_return refusal(listed.error(), {});
  co_return answer(text_result(envelope::list(*listed, asked.clock.wall_now()), false));
}

// The model picks among names: where a name leads is the configuration's.
Task<Result<Outcome>> redirect(Asked asked, TaskId id) {
  Redirect wanted{.destination = asked.request.destination};
  if (!asked.request.on.empty()) {
    const auto on = parse_redirect_on(asked.request.on);
    if (!on) {
      const Error error{errc::invalid_argument, "serve.builtin", "'on' is one of always, completed and failed"};
      co_return refusal(error, {});
    }
    wanted.on = *on;
  }
  if (auto set = co_await asked.manager.redirect(id, std::move(wanted), asked.owner); !set) {
    co_return asked.refuse(set.error());
  }
  auto record = co_await asked.manager.check(id);
  const bool ended = record && record->status != TaskStatus::running;
  std::string text;
  JsonWriter json(text);
  json.begin_object().field("task_id", id.text()).field("destination", asked.request.destination);
  json.field("status", ended ? "delivering" : "redirected");
  json.field("message", ended ? "The task has ended: its result is being delivered there now."
                              : "The result is delivered there when the task ends. There is no need to wait for it.");
  json.end_object();
  co_return answer(text_result(std::move(text), false, envelope::tag(id.text(), ended ? "delivering" : "redirected")));
}

void append_property(JsonWriter& json, std::string_view name, std::string_view type, std::string_view description) {
  json.key(name).begin_object().field("type", type).field("description", description).end_object();
}

void append_page_properties(JsonWriter& json) {
  append_property(json, "offset", "integer", "Of a long result: the character to start at. Default 0.");
  append_property(json, "limit", "integer", "Of a long result: how many characters to give at most.");
}

}  // namespace

BuiltinTools::BuiltinTools(TaskManager& manager, Clock& clock, const SessionOptions& options)
    : manager_(manager), clock_(clock), options_(options), names_(options.names) {}

void BuiltinTools::avoid(const std::set<std::string, std::less<>>& taken) {
  names_ = options_.names;
  const auto clashes = [&] {
    return taken.contains(names_.check) || taken.contains(names_.await) || taken.contains(names_.list) ||
           taken.contains(names_.cancel) || taken.contains(names_.redirect);
  };
  for (int n = 1; clashes(); ++n) {
    const std::string prefix = n == 1 ? "meantime_" : "meantime" + std::to_string(n) + "_";
    names_ = {.check = prefix + options_.names.check,
              .await = prefix + options_.names.await,
              .list = prefix + options_.names.list,
              .cancel = prefix + options_.names.cancel,
              .redirect = prefix + options_.names.redirect};
  }
}

std::optional<BuiltinTools::Kind> BuiltinTools::find(std::string_view name) const noexcept {
  if (name == names_.check) return Kind::check;
  if (name == names_.await) return Kind::await;
  if (name == names_.list) return Kind::list;
  if (name == names_.cancel) return Kind::cancel;
  if (name == names_.redirect && manager_.delivery() != nullptr) return Kind::redirect;
  return std::nullopt;
}

Milliseconds BuiltinTools::await_cap(const std::string& client) const {
  const auto found = options_.await_caps.find(client);
  return found == options_.await_caps.end() ? options_.await_cap : found->second;
}

std::vector<std::string> BuiltinTools::definitions(const std::string& owner, const std::string& client) const {
  const std::string cap = format_duration(await_cap(client));
  const std::string id = "The task_id from the answer of the tool that went to the background.";
  std::vector<std::string> all;
  const auto define = [&](const std::string& name, const std::string& title, const std::string& description,
                          const auto& properties, bool needs_id, bool destroys, bool reaches_out = false) {
    JsonWriter json(all.emplace_back());
    json.begin_object().field("name", name).field("title", title).field("description", description);
    json.key("inputSchema").begin_object().field("type", "object").key("properties").begin_object();
    if (needs_id) append_property(json, "task_id", "string", id);
    properties(json);
    json.end_object();
    if (needs_id) {
      json.key("required").begin_array().value("task_id");
      if (reaches_out) json.value("destination");
      json.end_array();
    }
    json.end_object().key("annotations").begin_object();
    json.field("readOnlyHint", !destroys && !reaches_out).field("destructiveHint", destroys);
    json.field("idempotentHint", !reaches_out).field("openWorldHint", reaches_out).end_object().end_object();
  };
  define(
      names_.check, "Look at a background task",
      "Looks once at a tool call that went on in the background (its answer had status \"running\" and a task_id). "
      "Ended: gives its result; a long result comes in pages, pass offset for the next one. Still running: says for "
      "how long and how far it is. Never call this in a loop to wait for the end: call " +
          names_.await + ".",
      [](JsonWriter& json) { append_page_properties(json); }, true, false);
  define(
      names_.await, "Wait for a background task",
      "Waits until a background task has ended and gives its result; returns at once when it has. This is the way to "
      "get a result that you need now: one call, no polling. It waits " +
          cap +
          " at most; an answer with status \"timeout\" means that the task is unhurt and still running: go on with "
          "other work, or call " +
          names_.await + " again with the same task_id.",
      [&](JsonWriter& json) {
        append_property(json, "timeout_seconds", "number", "How long to wait. Default and most: " + cap + ".");
        append_page_properties(json);
      },
      true, false);
  define(
      names_.list, "List background tasks",
      "Lists tool calls that went to the background, newest first, with task_id, tool_name, status and elapsed time. "
      "Use it to find a task_id again. To wait for one of them call " +
          names_.await + ".",
      [](JsonWriter& json) {
        json.key("status").begin_object().field("type", "string").key("enum").begin_array();
        json.value("running").value("completed").value("failed").end_array();
        json.field("description", "Only tasks in this state.").end_object();
        append_property(json, "tool_name", "string", "Only tasks of this tool.");
        append_property(json, "limit", "integer", "How many at most. Default 20, most 200.");
        append_property(json, "cursor", "string", "next_cursor of the page before.");
      },
      false, false);
  define(
      names_.cancel, "Cancel a background task",
      "Stops a background task whose result is no longer wanted. What it has done already is not undone. A task that "
      "has ended stays as it is.",
      [](JsonWriter&) {}, true, true);
  if (manager_.delivery() == nullptr) return all;
  const auto destinations = manager_.delivery()->names_for({.user_id = owner, .channel_id = {}, .platform = {}});
  if (destinations.empty()) return all;
  define(
      names_.redirect, "Deliver a background task's result",
      "Has the result of a background task delivered to a named destination (a chat channel, a webhook, mail) when it "
      "ends, or now when it has ended. Use it when somebody is to be told without you waiting: afterwards neither " +
          names_.await + " nor " + names_.check + " is needed.",
      [&destinations](JsonWriter& json) {
        json.key("destination").begin_object().field("type", "string").key("enum").begin_array();
        for (const std::string& each : destinations) json.value(each);
        json.end_array().field("description", "Where to.").end_object();
        json.key("on").begin_object().field("type", "string").key("enum").begin_array();
        json.value("always").value("completed").value("failed");
        json.end_array().field("description", "For which end. Default always.").end_object();
      },
      true, false, true);
  return all;
}

std::string BuiltinTools::instructions() const {
  const Milliseconds budget = options_.budget.value_or(manager_.options().budget);
  return "Tools that take longer than " + format_duration(budget) +
         " go on in the background: the answer then has status \"running\" and a task_id. To get the result call " +
         names_.await + " with that task_id, once, when you need it; do other work meanwhile. " + names_.check +
         " looks without waiting, " + names_.list + " finds lost task_ids, " + names_.cancel + " stops a task.";
}

Task<Result<Outcome>> BuiltinTools::call(Kind kind, Asker asker, mcp::JsonSpan arguments, OnProgress on_progress) {
  auto request = read_request(arguments);
  if (!request) return refused(std::move(request.error()), {});
  Asked asked{manager_,
              clock_,
              std::move(asker.owner),
              names_,
              options_.preview_chars,
              await_cap(asker.client),
              std::move(asker.missed),
              std::move(*request)};
  if (kind == Kind::list) return list(std::move(asked));
  if (asked.request.task_id.empty()) {
    return refused(
        bad("'task_id' is missing: it is in the answer of the tool that went to the background, and in " + names_.list)
            .error(),
        {});
  }
  auto id = TaskId::parse(asked.request.task_id);
  if (!id) {
    if (asked.missed) asked.missed();
    return refused({errc::not_found, "serve.builtin", {}}, asked.request.task_id);
  }
  switch (kind) {
    case Kind::await:
      return await_end(std::move(asked), *id, std::move(on_progress));
    case Kind::cancel:
      return cancel(std::move(asked), *id);
    case Kind::redirect:
      return redirect(std::move(asked), *id);
    default:
      return check(std::move(asked), *id);
  }
}

}  // namespace meantime::serve
