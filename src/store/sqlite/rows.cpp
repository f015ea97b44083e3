// SPDX-License-Identifier: MIT
// rows.cpp: start, finish, progress, output, cancel, input. Dead workers and retention: upkeep.cpp.
#include "store/sqlite/rows.hpp"

#include "core/inputs.hpp"
#include "core/utf8.hpp"
#include "store/delivery_rules.hpp"
#include "store/messages.hpp"

namespace meantime::store {

namespace {

std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}
Blob blob(const TaskId& id) {
  return {id.raw()};
}

// An absent text takes no room in its row.
std::optional<std::string_view> unless(std::string_view text, std::string_view usual) {
  return text == usual ? std::nullopt : std::optional(text);
}

std::optional<Blob> inline_result(const TaskEnd& end) {
  if (end.result.empty() || end.result.size() > inline_result_bytes) return std::nullopt;
  return Blob{end.result};
}

std::uint64_t characters(const TaskEnd& end) {
  return utf8::count(end.result);
}

}  // namespace

Rows::Rows(Database& db, const RunFolder& folder, Milliseconds lease)
    : db_(db),
      folder_(folder),
      worker_(folder.worker()),
      lease_(lease),
      deliveries_(db, folder),
      insert_(db,
              "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created, key, rerun, arguments, "
              "attempt) VALUES(?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO NOTHING"),
      insert_ended_(db,
                    "INSERT INTO tasks(id, owner, tool, channel, platform, worker, created, key, rerun, status, "
                    "reason, ended, media, exit_code, cut, error, result_bytes, result_chars, result) "
                    "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO NOTHING"),
      by_key_(db, "SELECT id FROM tasks WHERE owner = ? AND key = ?"),
      number_(db, "SELECT n FROM tasks WHERE id = ?"),
      end_(db,
           "UPDATE tasks SET status=?, reason=?, ended=?, media=?, exit_code=?, cut=?, error=?, result_bytes=?, "
           "result_chars=?, result=?, arguments=NULL WHERE id=? AND status=0 AND attempt=? AND worker=?"),
      outcome_(db, "SELECT n, status, reason, ended, attempt, worker FROM tasks WHERE id = ?"),
      insert_piece_(db, "INSERT INTO pieces(n, first_char, text) VALUES(?,?,?)"),
      insert_late_(db, "INSERT OR IGNORE INTO late VALUES(?,?,?,?,?,?,?,?,?)"),
      mark_late_(db, "UPDATE tasks SET late = 1 WHERE n = ?"),
      current_run_(db, "SELECT n FROM tasks WHERE id=? AND status=0 AND attempt=? AND worker=?"),
      set_progress_(db,
                    "INSERT INTO live(n, value, total, message) VALUES(?,?,?,?) ON CONFLICT(n) DO UPDATE SET "
                    "value=excluded.value, total=excluded.total, message=excluded.message"),
      output_place_(db, "SELECT output_bytes, output_start FROM live WHERE n = ?"),
      add_output_(db, "INSERT INTO output(n, start, bytes) VALUES(?,?,?)"),
      set_output_(db,
                  "INSERT INTO live(n, output_bytes, output_start) VALUES(?,?,?) ON CONFLICT(n) DO UPDATE SET "
                  "output_bytes=excluded.output_bytes, output_start=excluded.output_start"),
      output_piece_(db, "SELECT max(start) FROM output WHERE n = ? AND start <= ?"),
      trim_output_(db, "DELETE FROM output WHERE n = ? AND start < ?"),
      cancel_(db, "UPDATE tasks SET cancel = 1 WHERE id = ? AND status = 0 RETURNING worker"),
      renew_(db,
             "INSERT INTO workers(name, pid, boot, lease_until) VALUES(?,?,?,?) ON CONFLICT(name) DO UPDATE SET "
             "lease_until = excluded.lease_until, reaped = 0"),
      running_where_(db, "SELECT n, status, worker FROM tasks WHERE id = ?"),
      replace_redirect_(db, "UPDATE redirects SET max_chars = ?, ends = ?, suppress = ? WHERE n = ? AND place = ?"),
      redirect_place_(db,
                      "SELECT place FROM redirects WHERE n = ? AND destination = ? AND platform = ? AND channel = ?"),
      count_redirects_(db, "SELECT count(*), coalesce(max(place), 0) FROM redirects WHERE n = ?"),
      insert_redirect_(db,
                       "INSERT INTO redirects(n, place, destination, platform, channel, max_chars, ends, suppress) "
                       "VALUES(?,?,?,?,?,?,?,?)"),
      inputs_(db, "SELECT key, method, params, response FROM inputs WHERE n = ? ORDER BY place"),
      insert_input_(db, "INSERT INTO inputs(n, key, place, method, params) VALUES(?,?,?,?,?)"),
      answer_(db,
              "UPDATE inputs SET response = ?, method = '', params = '' WHERE n = ? AND key = ? AND response IS NULL"),
      forget_inputs_(db, "DELETE FROM inputs WHERE n = ?") {}

std::optional<TaskId> Rows::held_key(const OwnedStart& start) {
  std::optional<TaskId> held;
  by_key_.open(start.caller.user_id, start.idempotency_key);
  if (by_key_.step()) held = TaskId::from_bytes(by_key_.bytes(0));
  by_key_.reset();
  return held;
}

Result<StartVerdict> Rows::insert(const OwnedStart& start, const TaskEnd* end) {
  const Caller& caller = start.caller;
  const auto key = unless(start.idempotency_key, "");
  if (end == nullptr) {
    insert_.run(blob(start.task_id), caller.user_id, start.tool_name, caller.channel_id, caller.platform, worker_,
                millis(start.created_at), key, start.rerun_if_lost, unless(start.arguments, ""), start.attempt);
  } else {
    insert_ended_.run(blob(start.task_id), caller.user_id, start.tool_name, caller.channel_id, caller.platform, worker_,
                      millis(start.created_at), key, start.rerun_if_lost, static_cast<int>(end->status),
                      static_cast<int>(end->reason), millis(end->ended_at), static_cast<int>(end->media_type),
                      end->exit_code, end->result_cut, unless(end->error, ""), end->result.size(), characters(*end),
                      inline_result(*end));
  }
  if (db_.ok() && db_.changes() == 0) return id_taken(start.task_id);
  return StartVerdict{};
}

Result<StartVerdict> Rows::start(const OwnedStart& start) {
  if (!start.idempotency_key.empty()) {
    if (auto held = held_key(start)) return StartVerdict{held};
  }
  auto started = insert(start, nullptr);
  if (!started || start.redirects.empty() || !db_.ok()) return started;
  const std::int64_t n = number_of(start.task_id);
  std::int64_t place = 0;
  for (const Redirect& each : start.redirects) insert_redirect(n, ++place, each);
  return started;
}

void Rows::insert_redirect(std::int64_t n, std::int64_t place, const Redirect& redirect) {
  insert_redirect_.run(n, place, redirect.destination, redirect.platform, redirect.channel_id, redirect.max_chars,
                       static_cast<int>(redirect.on), redirect.suppress_if_read);
}

// What is to be delivered of it is there in the same transaction.
void Rows::ended(const TaskId& task, TaskStatus status, WallTime at) {
  notices_.ended.push_back(task);
  if (deliveries_.open_all(task, status, at)) notices_.due = true;
}

std::optional<Result<StartVerdict>> Rows::start_ended(const OwnedStart& start, const TaskEnd& end) {
  if (!start.idempotency_key.empty() || start.attempt != 1 || !start.redirects.empty() ||
      end.result.size() > inline_result_bytes) {
    return std::nullopt;
  }
  auto started = insert(start, &end);
  if (started) notices_.ended.push_back(start.task_id);
  return started;
}

Result<FinishVerdict> Rows::finish(const RunToken& run, const TaskEnd& end) {
  end_.run(static_cast<int>(end.status), static_cast<int>(end.reason), millis(end.ended_at),
           static_cast<int>(end.media_type), end.exit_code, end.result_cut, unless(end.error, ""), end.result.size(),
           characters(end), inline_result(end), blob(run.task_id), run.attempt, worker_of(run));
  if (!db_.ok()) return FinishVerdict{};  // the batch is undone and refused as a whole
  if (db_.changes() == 0) return finish_late(run, end);
  if (end.result.size() > inline_result_bytes) {
    write_pieces(number_of(run.task_id), end.result);
  }
  if (asked_.contains(run.task_id)) end_inputs(run.task_id);
  ended(run.task_id, end.status, end.ended_at);
  return FinishVerdict{};
}

std::int64_t Rows::number_of(const TaskId& task) {
  number_.open(blob(task));
  const std::int64_t n = number_.step() ? number_.integer(0) : 0;
  number_.reset();
  return n;
}

// What a caller answered is nobody's business any more.
void Rows::end_inputs(const TaskId& task) {
  forget_inputs_.run(number_of(task));
  asked_and_ended_.push_back(task);
}

void Rows::write_pieces(std::int64_t n, std::string_view text) {
  std::uint64_t first_char = 0;
  while (!text.empty() && db_.ok()) {
    std::size_t length = utf8::cut_length(text, piece_bytes);
    // Bytes that are no UTF-8 may have no place to cut: any place is as good then.
    if (length + 4 < std::min(piece_bytes, text.size())) length = std::min(piece_bytes, text.size());
    const std::string_view piece = text.substr(0, length);
    insert_piece_.run(n, first_char, Blob{piece});
    first_char += utf8::count(piece);
    text.remove_prefix(length);
  }
}

Result<FinishVerdict> Rows::finish_late(const RunToken& run, const TaskEnd& end) {
  outcome_.open(blob(run.task_id));
  if (!outcome_.step()) {
    outcome_.reset();
    return no_such_task("store.finish", run.task_id);
  }
  const std::int64_t n = outcome_.integer(0);
  // The same end once more, because its first answer did not arrive, is no second outcome.
  const bool again = outcome_.integer(1) == static_cast<int>(end.status) &&
                     outcome_.integer(2) == static_cast<int>(end.reason) && !outcome_.null(3) &&
                     outcome_.integer(3) == millis(end.ended_at) && outcome_.integer(4) == run.attempt &&
                     outcome_.bytes(5) == worker_of(run);
  outcome_.reset();
  if (again) return FinishVerdict{};
  insert_late_.run(n, worker_of(run), run.attempt, static_cast<int>(end.status), static_cast<int>(end.reason),
                   millis(end.ended_at), static_cast<int>(end.media_type), end.error, Blob{end.result});
  mark_late_.run(n);
  return FinishVerdict{.stored = false};
}

// Output goes away in whole pieces: where the one begins that holds byte `at`.
std::uint64_t Rows::piece_at(std::int64_t n, std::uint64_t at) {
  output_piece_.open(n, at);
  const std::uint64_t start = output_piece_.step() ? output_piece_.natural(0) : 0;
  output_piece_.reset();
  return start;
}

void Rows::update_live(const LiveUpdate& update) {
  current_run_.open(blob(update.run.task_id), update.run.attempt, worker_);  // only a live worker speaks of progress
  const std::int64_t n = current_run_.step() ? current_run_.integer(0) : 0;
  current_run_.reset();
  if (n == 0) return;  // it ended, or another worker runs it now: no longer of interest
  if (update.progress) {
    set_progress_.run(n, update.progress->value, update.progress->total, update.progress->message);
  }
  if (!update.output.empty()) {
    output_place_.open(n);
    const bool any = output_place_.step();
    std::uint64_t end = any ? output_place_.natural(0) : 0;
    std::uint64_t start = any ? output_place_.natural(1) : 0;
    output_place_.reset();
    end += update.skipped;
    add_output_.run(n, end, Blob{update.output});
    const std::uint64_t keep_from = update.skipped > 0 ? end : 0;
    end += update.output.size();
    // Cut back only when twice the cap is there, so that not each write deletes something.
    if (end - start > 2 * max_output_bytes || keep_from > 0) {
      start = piece_at(n, std::max(keep_from, end - std::min(end, max_output_bytes)));
      trim_output_.run(n, start);
    }
    set_output_.run(n, end, start);
  }
  notices_.changed.push_back(update.run.task_id);
}

Result<void> Rows::request_cancel(const TaskId& task) {
  std::optional<std::string> runs_it;
  cancel_.open(blob(task));
  while (cancel_.step()) runs_it = cancel_.text(0);
  cancel_.reset();
  if (runs_it) {
    notices_.cancels.emplace_back(std::move(*runs_it), task);
    return {};
  }
  if (number_of(task) == 0) return no_such_task("store.request_cancel", task);
  return already_ended(task);
}

Result<void> Rows::add_redirect(const TaskId& task, const Redirect& redirect, WallTime now) {
  running_where_.open(blob(task));
  const bool known = running_where_.step();
  const std::int64_t n = known ? running_where_.integer(0) : 0;
  const auto status = known ? static_cast<TaskStatus>(running_where_.integer(1)) : TaskStatus::running;
  std::string runs_it = known ? running_where_.text(2) : std::string();
  running_where_.reset();
  if (!known) return no_such_task("store.add_redirect", task);
  redirect_place_.open(n, redirect.destination, redirect.platform, redirect.channel_id);
  std::int64_t place = redirect_place_.step() ? redirect_place_.integer(0) : 0;
  redirect_place_.reset();
  if (place != 0) {
    replace_redirect_.run(redirect.max_chars, static_cast<int>(redirect.on), redirect.suppress_if_read, n, place);
  } else {
    count_redirects_.open(n);
    const bool counted = count_redirects_.step();
    const std::uint64_t count = counted ? count_redirects_.natural(0) : 0;
    place = counted ? count_redirects_.integer(1) + 1 : 1;
    count_redirects_.reset();
    if (count >= max_redirects) return too_many_redirects(task);
    insert_redirect(n, place, redirect);
  }
  if (status == TaskStatus::running) {
    notices_.redirects.emplace_back(std::move(runs_it), task);
  } else if (is_for(redirect, status) && deliveries_.open(n, place, now)) {
    notices_.due = true;
  }
  return {};
}

Result<void> Rows::ask_input(const RunToken& run, std::vector<InputRequest> requests) {
  current_run_.open(blob(run.task_id), run.attempt, worker_);
  const std::int64_t n = current_run_.step() ? current_run_.integer(0) : 0;
  current_run_.reset();
  if (n == 0) {
    if (number_of(run.task_id) == 0) return no_such_task("store.ask_input", run.task_id);
    return run_is_over(run.task_id);
  }
  std::vector<AskedInput> asked;
  inputs_.open(n);
  while (inputs_.step()) {
    AskedInput each{{inputs_.text(0), inputs_.text(1), inputs_.text(2)}, std::nullopt};
    if (!inputs_.null(3)) each.response.emplace();  // what it says does not matter here
    asked.push_back(std::move(each));
  }
  inputs_.reset();
  const std::size_t before = asked.size();
  if (auto added = add_inputs(asked, std::move(requests)); !added) return added;
  for (std::size_t place = before; place < asked.size(); ++place) {
    const InputRequest& request = asked[place].request;
    insert_input_.run(n, request.key, place, request.method, request.params);
  }
  asked_.insert(run.task_id);
  notices_.changed.push_back(run.task_id);
  return {};
}

Result<std::uint32_t> Rows::answer_input(const TaskId& task, const std::vector<InputResponse>& responses) {
  running_where_.open(blob(task));
  const bool known = running_where_.step();
  const std::int64_t n = known ? running_where_.integer(0) : 0;
  const bool running = known && running_where_.integer(1) == static_cast<int>(TaskStatus::running);
  std::string runs_it = known ? running_where_.text(2) : std::string();
  running_where_.reset();
  if (!known) return no_such_task("store.answer_input", task);
  if (!running) return 0;
  std::uint32_t answered = 0;
  for (const InputResponse& response : responses) {
    answer_.run(response.result, n, response.key);
    if (db_.ok() && db_.changes() == 1) ++answered;
  }
  if (answered > 0) {
    notices_.answers.emplace_back(std::move(runs_it), task);
    notices_.changed.push_back(task);
  }
  return answered;
}

}  // namespace meantime::store
