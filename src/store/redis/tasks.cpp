// SPDX-License-Identifier: MIT
// tasks.cpp: what changes a task, each as one script.
#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "store/delivery_rules.hpp"
#include "store/messages.hpp"
#include "store/redis/large_results.hpp"
#include "store/redis/redis_store.hpp"
#include "store/redis/server_errors.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::size_t not_written = 1'000'000;        // fields of chunks that stand in no hash
constexpr std::size_t off_loop_bytes = 256UL << 10U;  // S23, F28

std::int64_t seconds(Milliseconds time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

}  // namespace

Task<Result<StartVerdict>> RedisStore::start(const TaskStart& start) {
  const TaskId id = start.task_id;
  const std::string owner = keys_.owner(start.caller->user_id);
  const std::string tool = keys_.tool(start.tool_name);
  // Not in one expression: both are to be marked as renewed.
  const bool owner_due = touch(owner);
  const bool tool_due = touch(tool);
  const bool keyed = !start.idempotency_key.empty();
  ScriptCall call(Script::start);
  call.key(keys_.task(id)).key(keys_.counter()).key(owner).key(tool).key(keys_.running(worker_)).key(keys_.workers());
  call.key(keys_.skew());
  call.key(keyed ? keys_.idempotency(start.caller->user_id, start.idempotency_key) : keys_.task(id));
  call.arg(id.text()).arg(worker_).arg(seconds(running_expiry));
  call.arg(index_expiry_s()).arg(owner_due || tool_due ? "1" : "0").arg(options_.lease.count());
  call.arg(doubtful_.contains(id) ? "1" : "0").arg(keyed ? "1" : "0");
  const auto since = clock_.wall_now() - start.created_at;
  const bool odd = since > usual_behind || since < -usual_ahead || clock_is_odd_;
  call.arg(odd ? std::to_string(start.created_at.time_since_epoch().count()) : std::string());
  call.arg(id.raw()).arg(keys_.blocks());
  add_start(call, start, worker_);
  const SteadyTime until = clock_.now() + options_.command_timeout;
  auto reply = co_await run(call, "store.start", Link::Resend::no);
  while (!reply) {
    doubtful_.insert(id);
    if (!Link::interrupted(reply.error())) co_return std::unexpected(std::move(reply.error()));
    if (clock_.now() >= until) {
      co_return std::unexpected(unavailable_of(reply.error(), "store.start", options_.place()));
    }
    call.change_arg(7, "1");  // it may be there
    reply = co_await run(call, "store.start", Link::Resend::no);
  }
  doubtful_.erase(id);
  const ReplyView verdict = reply->view();
  const std::string_view word = verdict[0].text();
  if (word == "taken") {
    if (verdict[1].text() == worker_) running_.insert(id);
    co_return id_taken(id);
  }
  if (word == "joined") {
    auto joined = TaskId::parse(verdict[1].text());
    if (!joined) co_return std::unexpected(out_of_step("store.start"));
    co_return StartVerdict{*joined};
  }
  if (word != "ok") co_return std::unexpected(out_of_step("store.start"));
  registered_ = true;
  running_.insert(id);
  co_return StartVerdict{};
}

Task<Result<KeptResult>> RedisStore::keep_large(RunToken run, TaskEnd& end) {
  if (end.result.size() > options_.max_result_bytes) {
    end.result = utf8::head_and_tail(std::move(end.result), options_.max_result_bytes, end.result_cut);
  }
  const std::string key = keys_.chunks(run.task_id, run.attempt);
  // What a decided task has in its chunks stays: this end is then the same once more, or a late one.
  Request look;
  look.push("HGET", keys_.task(run.task_id), "status");
  auto status = co_await ask(std::move(look), "store.finish", "T");
  if (!status) co_return std::unexpected(std::move(status.error()));
  if (status->front().view().text() != name_of(TaskStatus::running)) co_return KeptResult{.chunk_fields = not_written};
  const auto chunks = co_await pool_.run("", [text = std::string_view(end.result)] { return cut_into_chunks(text); });
  // They have an expiry from the first on, also on a server that lost the first: nothing stays.
  constexpr std::string_view unfinished_expiry_s = "3600";
  std::uint64_t chars = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    Request request;
    request.push("HSET", key, std::to_string(i), std::string_view(end.result).substr(chunks[i].at, chunks[i].bytes));
    request.push("EXPIRE", key, unfinished_expiry_s);
    if (auto written = co_await ask(std::move(request), "store.finish", "I"); !written) {
      co_return std::unexpected(std::move(written.error()));
    }
    chars += chunks[i].chars;
  }
  Request sizes;
  sizes.push("HSET", key, chunk_sizes_field, sizes_text(chunks));
  sizes.push("EXPIRE", key, unfinished_expiry_s);
  if (auto written = co_await ask(std::move(sizes), "store.finish", "I"); !written) {
    co_return std::unexpected(std::move(written.error()));
  }
  co_return KeptResult{.text = large_note(end.result.size()),
                       .chunk_fields = chunks.size() + 1,
                       .bytes = end.result.size(),
                       .chars = chars};
}

Task<Result<FinishVerdict>> RedisStore::finish(RunToken run, TaskEnd end) {
  const std::string worker(run.worker.empty() ? std::string_view(worker_) : run.worker);
  run.worker = worker;
  const TaskId id = run.task_id;
  running_.erase(id);
  for (;;) {
    KeptResult kept;
    if (end.result.size() > inline_limit) {
      auto large = co_await keep_large(run, end);
      if (!large) co_return std::unexpected(std::move(large.error()));
      kept = std::move(*large);
    } else {
      kept = {.text = end.result, .bytes = end.result.size(), .chars = utf8::count(end.result)};
    }
    std::string legacy;
    if (options_.legacy_results) {
      std::string owner;
      if (auto record = co_await find(id)) owner = std::move(record->caller.user_id);
      auto write = [&] { return legacy_text(id, owner, end); };
      if (end.result.size() + end.error.size() > off_loop_bytes) {
        legacy = co_await pool_.run("", [&] { return write(); });
      } else {
        legacy = write();
      }
    }
    // The older form has no owner's length limit and no idempotency key; both are in the task's own hash.
    ScriptCall call(Script::finish);
    call.key(keys_.task(id)).key(keys_.running(worker)).key(keys_.failed()).key(keys_.ours());
    call.key(keys_.legacy(id)).key(keys_.cancels(worker)).key(keys_.chunks(id, run.attempt)).key(keys_.output(id));
    call.key(keys_.inputs(id));
    call.arg(id.text()).arg(worker).arg(run.attempt).arg(finished_expiry_s()).arg(name_of(end.status));
    call.arg(keys_.done(id)).arg(end.ended_at.time_since_epoch().count()).arg(legacy).arg(kept.chunk_fields);
    call.arg(open_expiry_s()).arg(read_grace.count());
    add_end(call, end, kept);
    auto reply = co_await this->run(call, "store.finish");
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    const std::string_view word = reply->view().text();
    if (word == "chunks") continue;  // they expired, or the server lost them
    if (word != "ok" && word != "late" && word != "gone") co_return std::unexpected(out_of_step("store.finish"));
    output_totals_.erase(id);
    if (word == "ok") co_return FinishVerdict{true};
    if (kept.chunk_fields != 0 && kept.chunk_fields != not_written) {
      Request remove;
      remove.push("DEL", keys_.chunks(id, run.attempt));
      commands_.tell(std::move(remove));
    }
    if (word == "late") {
      ScriptCall beside(Script::late);
      beside.key(keys_.task(id)).arg(late_text(end));
      if (auto stored = co_await this->run(beside, "store.finish"); !stored) {
        co_return std::unexpected(std::move(stored.error()));
      }
      co_return FinishVerdict{false};
    }
    co_return no_such_task("store.finish", id);
  }
}

Task<Result<void>> RedisStore::set_progress(RunToken run, Progress progress) {
  ScriptCall call(Script::progress);
  call.key(keys_.task(run.task_id)).arg(worker_).arg(run.attempt).arg(progress_text(progress));
  call.arg(keys_.changed(run.task_id));
  auto reply = co_await this->run(call, "store.set_progress");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  if (reply->view().integer() < 0) co_return no_such_task("store.set_progress", run.task_id);
  co_return Result<void>{};
}

Task<Result<void>> RedisStore::append_output(RunToken run, std::string bytes) {
  const TaskId id = run.task_id;
  // What this worker began it knows the length of; of a task taken over the server says it.
  auto known = output_totals_.find(id);
  std::int64_t at = -1;
  if (known != output_totals_.end()) {
    at = known->second;
  } else if (run.attempt == 1) {
    at = 0;
  }
  const auto call_with = [&](std::string_view piece) {
    ScriptCall call(Script::output);
    call.key(keys_.task(id)).key(keys_.output(id)).arg(worker_).arg(run.attempt).arg(piece).arg(at);
    call.arg(max_output_bytes).arg(seconds(running_expiry)).arg(keys_.changed(id));
    return call;
  };
  if (at < 0) {
    auto total = co_await this->run(call_with(""), "store.append_output");
    if (!total) co_return std::unexpected(std::move(total.error()));
    at = std::max<std::int64_t>(total->view().integer(), 0);
  }
  // Counted before the answer, so that the next piece follows this one however long that takes.
  output_totals_[id] = at + static_cast<std::int64_t>(bytes.size());
  auto reply = co_await this->run(call_with(bytes), "store.append_output");
  if (!reply) {
    output_totals_[id] = -1;  // it may be there, or not
    co_return std::unexpected(std::move(reply.error()));
  }
  if (reply->view().integer() < 0) {
    output_totals_.erase(id);
    co_return no_such_task("store.append_output", id);
  }
  co_return Result<void>{};
}

Task<Result<void>> RedisStore::request_cancel(TaskId task) {
  ScriptCall call(Script::cancel);
  call.key(keys_.task(task)).arg(task.text()).arg(keys_.ours()).arg(index_expiry_s());
  auto reply = co_await run(call, "store.request_cancel");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const std::string_view word = reply->view().text();
  if (word == "gone") co_return no_such_task("store.request_cancel", task);
  if (word == "final") co_return already_ended(task);
  if (word == "foreign") {
    co_return fail(errc::invalid_argument, "store.request_cancel",
                   "Task '" + task.text() + "' runs in a program that cannot be asked to cancel it.");
  }
  if (word != "ok") co_return std::unexpected(out_of_step("store.request_cancel"));
  co_return Result<void>{};
}

Task<Result<void>> RedisStore::add_redirect(TaskId task, Redirect redirect) {
  ScriptCall call(Script::redirect);
  call.key(keys_.task(task)).arg(task.text()).arg(keys_.ours()).arg(redirect.destination).arg(redirect.platform);
  call.arg(redirect.channel_id).arg(redirect.max_chars).arg(name_of(redirect.on)).arg(max_redirects).arg(worker_);
  call.arg(name_call()).arg(redirect.suppress_if_read ? "1" : "0").arg(open_expiry_s()).arg(read_grace.count());
  auto reply = co_await run(call, "store.add_redirect");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  const std::string_view word = reply->view().text();
  if (word == "gone") co_return no_such_task("store.add_redirect", task);
  if (word == "full") co_return too_many_redirects(task);
  if (word != "ok") co_return std::unexpected(out_of_step("store.add_redirect"));
  co_return Result<void>{};
}

}  // namespace meantime::store::redis
