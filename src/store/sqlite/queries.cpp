// SPDX-License-Identifier: MIT
#include "store/sqlite/queries.hpp"

#include <limits>

#include "core/utf8.hpp"
#include "store/messages.hpp"

namespace meantime::store {
namespace {

// `result` is never among them. Long errors are: they are capped where they arise.
constexpr std::string_view record_columns =
    "t.n, t.id, t.owner, t.tool, t.channel, t.platform, t.worker, t.attempt, t.status, t.reason, t.cancel, t.late, "
    "t.cut, t.created, t.ended, t.key, t.media, t.exit_code, t.result_bytes, t.result_chars, t.error, "
    "l.value, l.total, l.message, l.output_bytes, l.output_start, EXISTS(SELECT 1 FROM redirects r WHERE r.n = t.n), "
    "t.status = 0 AND EXISTS(SELECT 1 FROM inputs i WHERE i.n = t.n) ";

WallTime wall(std::int64_t millis) {
  return WallTime(Milliseconds(millis));
}
Blob blob(const TaskId& id) {
  return {id.raw()};
}

enum Filter : unsigned {
  by_owner = 1,
  by_tool = 2,
  created_after = 4,
  created_before = 8,
  status_shift = 4,  // two bits: 0 any, else status + 1
};

}  // namespace

Queries::Queries(std::unique_ptr<Database> db, std::string worker)
    : db_(std::move(db)),
      worker_(std::move(worker)),
      find_(*db_,
            "SELECT " + std::string(record_columns) + "FROM tasks t LEFT JOIN live l ON l.n = t.n WHERE t.id = ?"),
      result_head_(*db_, "SELECT n, result_bytes, result_chars, result IS NULL FROM tasks WHERE id = ?"),
      result_body_(*db_, "SELECT result FROM tasks WHERE n = ?"),
      pieces_(*db_,
              "SELECT first_char, text FROM pieces WHERE n = ?1 AND first_char < ?3 AND first_char >= coalesce("
              "(SELECT max(first_char) FROM pieces WHERE n = ?1 AND first_char <= ?2), 0) ORDER BY first_char, rowid"),
      output_head_(*db_,
                   "SELECT t.n, l.output_bytes, l.output_start FROM tasks t LEFT JOIN live l ON l.n = t.n "
                   "WHERE t.id = ?"),
      output_(*db_,
              "SELECT start, bytes FROM output WHERE n = ?1 AND start < ?3 AND start >= coalesce("
              "(SELECT max(start) FROM output WHERE n = ?1 AND start <= ?2), 0) ORDER BY start"),
      cancels_(*db_, "SELECT id FROM tasks INDEXED BY tasks_cancel WHERE worker = ? AND cancel = 1 AND status = 0"),
      status_(*db_, "SELECT status FROM tasks WHERE id = ?"),
      workers_(*db_, "SELECT name, pid, boot, lease_until FROM workers WHERE reaped = 0 AND name <> ?"),
      redirects_(*db_,
                 "SELECT destination, channel, platform, max_chars, ends, suppress FROM redirects WHERE n = ? "
                 "ORDER BY place"),
      open_inputs_(*db_, "SELECT key, method, params FROM inputs WHERE n = ? AND response IS NULL ORDER BY place"),
      responses_(*db_,
                 "SELECT i.key, i.response FROM tasks t JOIN inputs i ON i.n = t.n WHERE t.id = ? AND t.status = 0 AND "
                 "i.response IS NOT NULL ORDER BY i.place"),
      place_(*db_, "SELECT n FROM tasks WHERE id = ?"),
      place_of_gone_(*db_, "SELECT n + 1 FROM tasks WHERE id < ? ORDER BY id DESC LIMIT 1") {}

std::unexpected<Error> Queries::fault(std::string op) {
  Error error = db_->fault(std::move(op));
  db_->roll_back();
  faulty_ = true;
  return std::unexpected(std::move(error));
}

std::vector<Redirect> Queries::redirects(std::int64_t n) {
  std::vector<Redirect> found;
  redirects_.open(n);
  while (redirects_.step()) {
    found.push_back({.destination = redirects_.text(0),
                     .channel_id = redirects_.text(1),
                     .platform = redirects_.text(2),
                     .max_chars = static_cast<std::uint32_t>(redirects_.integer(3)),
                     .on = static_cast<RedirectOn>(redirects_.integer(4)),
                     .suppress_if_read = redirects_.integer(5) != 0});
  }
  redirects_.reset();
  return found;
}

std::vector<InputRequest> Queries::open_inputs(std::int64_t n) {
  std::vector<InputRequest> found;
  open_inputs_.open(n);
  while (open_inputs_.step()) found.push_back({open_inputs_.text(0), open_inputs_.text(1), open_inputs_.text(2)});
  open_inputs_.reset();
  return found;
}

TaskRecord Queries::record(const Statement& row) {
  TaskRecord out{.task_id = TaskId::from_bytes(row.bytes(1)),
                 .tool_name = row.text(3),
                 .status = static_cast<TaskStatus>(row.integer(8)),
                 .reason = static_cast<EndReason>(row.integer(9)),
                 .created_at = wall(row.integer(13)),
                 .caller = {row.text(2), row.text(4), row.text(5)},
                 .error = row.text(20),
                 .media_type = static_cast<MediaType>(row.integer(16)),
                 .result_bytes = row.natural(18),
                 .result_chars = row.natural(19),
                 .output_bytes = row.natural(24),
                 .output_start = row.natural(25),
                 .result_cut = row.integer(12) != 0,
                 .worker = row.text(6),
                 .attempt = static_cast<std::uint32_t>(row.integer(7)),
                 .cancel_requested = row.integer(10) != 0,
                 .late_result = row.integer(11) != 0,
                 .idempotency_key = row.text(15)};
  if (!row.null(14)) out.ended_at = wall(row.integer(14));
  if (!row.null(17)) out.exit_code = static_cast<int>(row.integer(17));
  if (!row.null(21)) {
    out.progress = Progress{.value = row.real(21), .message = row.text(23)};
    if (!row.null(22)) out.progress->total = row.real(22);
  }
  if (row.integer(26) != 0) out.redirects = redirects(row.integer(0));
  if (row.integer(27) != 0) out.input_requests = open_inputs(row.integer(0));
  return out;
}

Result<TaskRecord> Queries::find(const TaskId& task) {
  find_.open(blob(task));
  std::optional<TaskRecord> found;
  if (find_.step()) found = record(find_);
  find_.reset();
  if (!db_->ok()) return fault("store.find");
  if (!found) return no_such_task("store.find", task);
  return std::move(*found);
}

Result<TextPage> Queries::read_result(const TaskId& task, std::uint64_t offset_chars, std::uint64_t limit_chars) {
  // One read transaction: retention must not take the pieces away in between.
  db_->run("BEGIN");
  TextPage page{.offset = offset_chars};
  result_head_.open(blob(task));
  const bool known = result_head_.step();
  std::int64_t n = 0;
  bool in_pieces = false;
  if (known) {
    n = result_head_.integer(0);
    page.total_bytes = result_head_.natural(1);
    page.total_chars = result_head_.natural(2);
    in_pieces = result_head_.integer(3) != 0 && page.total_bytes > 0;
  }
  result_head_.reset();
  // Bytes that are no UTF-8 may hold no character at all.
  if (known && (offset_chars < page.total_chars || (offset_chars == 0 && page.total_bytes > 0))) {
    const bool to_end = limit_chars == 0 || limit_chars > page.total_chars - offset_chars;
    const std::uint64_t end_char = to_end ? page.total_chars : offset_chars + limit_chars;
    if (in_pieces) {
      page.text = pieces(n, offset_chars, end_char);
    } else {
      result_body_.open(n);
      if (result_body_.step()) {
        const std::string_view all = result_body_.bytes(0);
        const std::size_t from = utf8::byte_offset(all, offset_chars);
        const std::size_t end = to_end ? all.size() : from + utf8::byte_offset(all.substr(from), limit_chars);
        page.text = all.substr(offset_chars == 0 ? 0 : from, end - (offset_chars == 0 ? 0 : from));
      }
      result_body_.reset();
    }
  }
  db_->run("COMMIT");
  if (!db_->ok()) return fault("store.read_result");
  if (!known) return no_such_task("store.read_result", task);
  return page;
}

std::string Queries::pieces(std::int64_t n, std::uint64_t offset_chars, std::uint64_t end_char) {
  std::string out;
  pieces_.open(n, offset_chars, end_char);
  while (pieces_.step()) {
    std::uint64_t first = pieces_.natural(0);
    std::string_view text = pieces_.bytes(1);
    if (first < offset_chars) {
      text.remove_prefix(utf8::byte_offset(text, offset_chars - first));
      first = offset_chars;
    }
    // Counting costs a pass over the piece: only the last one can reach past the end.
    if (end_char - first < text.size()) text = text.substr(0, utf8::byte_offset(text, end_char - first));
    out += text;
  }
  pieces_.reset();
  return out;
}

Result<std::string> Queries::read_output(const TaskId& task, std::uint64_t offset_bytes, std::uint64_t limit_bytes) {
  db_->run("BEGIN");
  std::string out;
  output_head_.open(blob(task));
  const bool known = output_head_.step();
  const std::int64_t n = known ? output_head_.integer(0) : 0;
  const std::uint64_t from = known ? std::max(offset_bytes, output_head_.natural(2)) : 0;
  const std::uint64_t total = known ? output_head_.natural(1) : 0;
  output_head_.reset();
  if (from < total) {
    const std::uint64_t end = limit_bytes < total - from ? from + limit_bytes : total;
    output_.open(n, from, end);
    while (output_.step()) {
      std::uint64_t start = output_.natural(0);
      std::string_view bytes = output_.bytes(1);
      if (start < from) {
        bytes.remove_prefix(std::min<std::uint64_t>(from - start, bytes.size()));
        start = from;
      }
      out += bytes.substr(0, static_cast<std::size_t>(end - start));
    }
    output_.reset();
  }
  db_->run("COMMIT");
  if (!db_->ok()) return fault("store.read_output");
  if (!known) return no_such_task("store.read_output", task);
  return out;
}

// Each set of filters has a statement of its own, so that each uses the index made for it.
Statement& Queries::list_statement(const ListQuery& query) {
  unsigned kind = 0;
  if (query.user_id) kind |= by_owner;
  if (query.tool_name) kind |= by_tool;
  if (query.created_after) kind |= created_after;
  if (query.created_before) kind |= created_before;
  if (query.status) kind |= (static_cast<unsigned>(*query.status) + 1) << status_shift;
  std::unique_ptr<Statement>& statement = lists_[kind];
  if (statement) return *statement;
  std::string where = "n < ?1";
  if (query.user_id) where += " AND owner = ?2";
  if (query.tool_name) where += " AND tool = ?3";
  if (query.created_after) where += " AND created >= ?4";
  if (query.created_before) where += " AND created < ?5";
  // Written out, not bound: the index of running tasks is found only so.
  if (query.status) where += " AND status = " + std::to_string(static_cast<int>(*query.status));
  const bool running = query.status == TaskStatus::running;
  const std::string index = running ? " INDEXED BY tasks_running" : query.user_id ? " INDEXED BY tasks_owner" : "";
  // The page is chosen by number alone and only then read, so that a sort, where there is one, moves no texts.
  statement = std::make_unique<Statement>(
      *db_, "SELECT " + std::string(record_columns) + "FROM tasks t LEFT JOIN live l ON l.n = t.n WHERE t.n IN (" +
                "SELECT n FROM tasks" + index + " WHERE " + where + " ORDER BY n DESC LIMIT ?6) ORDER BY t.n DESC");
  return *statement;
}

Result<TaskList> Queries::list(const ListQuery& query) {
  if (auto ok = check_list_limit(query); !ok) return std::unexpected(ok.error());
  std::int64_t below = std::numeric_limits<std::int64_t>::max();
  if (query.after) {
    place_.open(blob(*query.after));
    const bool there = place_.step();
    if (there) below = place_.integer(0);
    place_.reset();
    if (!there) {
      // Retention took the cursor away meanwhile; ids sort by time, so its place can still be found.
      place_of_gone_.open(blob(*query.after));
      below = place_of_gone_.step() ? place_of_gone_.integer(0) : 0;
      place_of_gone_.reset();
    }
  }
  const auto millis = [](const std::optional<WallTime>& time) {
    return time ? std::optional(time->time_since_epoch().count()) : std::nullopt;
  };
  TaskList page;
  Statement& statement = list_statement(query);
  statement.open(below, query.user_id, query.tool_name, millis(query.created_after), millis(query.created_before),
                 query.limit + 1);
  while (statement.step()) page.tasks.push_back(record(statement));
  statement.reset();
  if (!db_->ok()) return fault("store.list");
  if (page.tasks.size() > query.limit) {
    page.tasks.pop_back();
    page.next = page.tasks.back().task_id;
  }
  return page;
}

Result<std::vector<TaskId>> Queries::cancel_requests() {
  std::vector<TaskId> out;
  cancels_.open(worker_);
  while (cancels_.step()) out.push_back(TaskId::from_bytes(cancels_.bytes(0)));
  cancels_.reset();
  if (!db_->ok()) return fault("store.cancel_requests");
  return out;
}

Result<std::vector<InputResponse>> Queries::input_responses(const TaskId& task) {
  std::vector<InputResponse> out;
  responses_.open(blob(task));
  while (responses_.step()) out.push_back({responses_.text(0), responses_.text(1)});
  responses_.reset();
  bool known = !out.empty();
  if (!known) {
    place_.open(blob(task));
    known = place_.step();
    place_.reset();
  }
  if (!db_->ok()) return fault("store.input_responses");
  if (!known) return no_such_task("store.input_responses", task);
  return out;
}

std::vector<PeerRow> Queries::workers() {
  std::vector<PeerRow> found;
  workers_.open(worker_);
  while (workers_.step()) {
    found.push_back({.name = workers_.text(0),
                     .pid = workers_.integer(1),
                     .boot = workers_.text(2),
                     .lease_until_ms = workers_.integer(3)});
  }
  workers_.reset();
  return found;
}

Result<bool> Queries::any_dead(const RunFolder& folder, SteadyTime now) {
  const auto found = workers();
  if (!db_->ok()) return fault("store.reap_lost");
  return std::ranges::any_of(found, [&](const PeerRow& each) { return each.is_dead(folder, now); });
}

Result<Sighting> Queries::look(const std::vector<TaskId>& tasks) {
  Sighting found;
  for (const TaskId& task : tasks) {
    status_.open(blob(task));
    if (status_.step() && status_.integer(0) != static_cast<int>(TaskStatus::running)) found.ended.push_back(task);
    status_.reset();
  }
  found.workers = workers();
  auto cancels = cancel_requests();
  if (!cancels || !db_->ok()) return cancels ? fault("store.look") : std::unexpected(cancels.error());
  found.cancels = std::move(*cancels);
  return found;
}

}  // namespace meantime::store
