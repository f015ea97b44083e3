// SPDX-License-Identifier: MIT
#include "store/sqlite/delivery_rows.hpp"

#include <algorithm>

#include "store/delivery_rules.hpp"

namespace meantime::store {
namespace {

constexpr std::string_view open_states = "d.state <= 1";  // waiting, sending
// As the index deliveries_busy has it, and is_half_sent().
constexpr std::string_view busy_states =
    "d.state <= 1 AND (d.state = 1 OR ((d.sent > 0 OR (d.doubt = 1 AND d.chunks > 1)) AND d.sent < d.chunks))";
static_assert(static_cast<int>(DeliveryState::sending) == 1);

std::int64_t millis(WallTime time) {
  return time.time_since_epoch().count();
}
WallTime wall(std::int64_t millis) {
  return WallTime(Milliseconds(millis));
}
std::int64_t state(DeliveryState of) {
  return static_cast<std::int64_t>(of);
}
Blob blob(const TaskId& id) {
  return {id.raw()};
}
std::uint32_t number(const Statement& row, int column) {
  return static_cast<std::uint32_t>(row.integer(column));
}

std::string select_where(std::string_view condition) {
  return "SELECT " + std::string(delivery_columns) + std::string(delivery_tables) + "WHERE " + std::string(condition);
}

}  // namespace

const std::string_view delivery_columns =
    "d.d, t.id, d.place, t.owner, t.tool, d.destination, d.channel, r.platform, r.max_chars, r.ends, r.suppress, "
    "d.state, d.created, d.due, d.ended, d.worker, d.claim, d.round, d.attempts, d.failures, d.chunks, d.sent, "
    "d.repeated, d.doubt, d.error, d.stepped ";
const std::string_view delivery_tables =
    "FROM deliveries d JOIN redirects r ON r.n = d.n AND r.place = d.place JOIN tasks t ON t.n = d.n ";

Delivery read_delivery(const Statement& row) {
  Delivery out{.id = {TaskId::from_bytes(row.bytes(1)), number(row, 2)},
               .owner = row.text(3),
               .tool_name = row.text(4),
               .redirect = {.destination = row.text(5),
                            .channel_id = row.text(6),
                            .platform = row.text(7),
                            .max_chars = number(row, 8),
                            .on = static_cast<RedirectOn>(row.integer(9)),
                            .suppress_if_read = row.integer(10) != 0},
               .state = static_cast<DeliveryState>(row.integer(11)),
               .created_at = wall(row.integer(12)),
               .due_at = wall(row.integer(13)),
               .worker = row.text(15),
               .claim = number(row, 16),
               .round = number(row, 17),
               .attempts = number(row, 18),
               .failures = number(row, 19),
               .chunks = number(row, 20),
               .sent = number(row, 21),
               .repeated = number(row, 22),
               .in_doubt = row.integer(23) != 0,
               .error = row.text(24)};
  if (!row.null(14)) out.ended_at = wall(row.integer(14));
  if (!row.null(25)) out.stepped_at = wall(row.integer(25));
  return out;
}

DeliveryRows::DeliveryRows(Database& db, const RunFolder& folder)
    : db_(db),
      folder_(folder),
      worker_(folder.worker()),
      redirects_exist_(db, "SELECT 1 FROM redirects LIMIT 1"),
      insert_all_(db,
                  "INSERT INTO deliveries(n, place, destination, channel, due, created) "
                  "SELECT r.n, r.place, r.destination, r.channel, ?1 + r.suppress * ?2, ?1 FROM tasks t "
                  "JOIN redirects r ON r.n = t.n WHERE t.id = ?3 AND (r.ends = 0 OR r.ends = ?4) ORDER BY r.place"),
      of_redirect_(db, "SELECT d FROM deliveries WHERE n = ? AND place = ?"),
      insert_(db,
              "INSERT INTO deliveries(n, place, destination, channel, due, created) SELECT n, place, destination, "
              "channel, ?3 + suppress * ?4, ?3 FROM redirects WHERE n = ?1 AND place = ?2"),
      by_id_(db, select_where("t.id = ? AND d.place = ?")),
      by_number_(db, select_where("d.d = ?")),
      remote_(db, "SELECT k, remote FROM delivery_chunks WHERE d = ? AND remote IS NOT NULL ORDER BY k"),
      write_(db,
             "UPDATE deliveries SET state=?, created=?, due=?, ended=?, worker=?, claim=?, round=?, attempts=?, "
             "failures=?, "
             "chunks=?, sent=?, repeated=?, doubt=?, error=?, stepped=? WHERE d=?"),
      next_destination_(db, "SELECT d.destination FROM deliveries d WHERE " + std::string(open_states) +
                                " AND d.destination > ? ORDER BY d.destination LIMIT 1"),
      next_channel_(db, "SELECT d.channel FROM deliveries d WHERE " + std::string(open_states) +
                            " AND d.destination = ? AND d.channel > ? ORDER BY d.channel LIMIT 1"),
      paused_(db, "SELECT until FROM pauses WHERE destination = ?"),
      busy_(db, "SELECT d.d, d.due, d.state, d.worker FROM deliveries d INDEXED BY deliveries_busy WHERE " +
                    std::string(busy_states) +
                    " AND d.destination = ? AND d.channel = ? "
                    "ORDER BY d.state DESC LIMIT 1"),  // one that is replayed from its middle waits for what is held
      earliest_(db, "SELECT d.d, d.due FROM deliveries d WHERE " + std::string(open_states) +
                        " AND d.destination = ? AND d.channel = ? ORDER BY d.due, d.d LIMIT 1"),
      for_step_(db,
                "SELECT d, state, worker, claim, attempts, failures, sent, repeated, error FROM deliveries WHERE "
                "n = (SELECT n FROM tasks WHERE id = ?) AND place = ?"),
      step_(db,
            "UPDATE deliveries SET state=?, due=?, ended=?, attempts=?, failures=?, sent=?, repeated=?, doubt=?, "
            "error=?, stepped=? WHERE d=?"),
      plan_(db,
            "UPDATE deliveries SET chunks = ?, stepped = ? WHERE n = (SELECT n FROM tasks WHERE id = ?) AND place = ? "
            "AND state = 1 AND claim = ? AND worker = ? RETURNING d"),
      put_chunk_(db, "INSERT OR REPLACE INTO delivery_chunks(d, k, payload) VALUES(?,?,?)"),
      put_remote_(db,
                  "INSERT INTO delivery_chunks(d, k, remote) VALUES(?,?,?) ON CONFLICT(d, k) DO UPDATE SET "
                  "remote = excluded.remote"),
      drop_payloads_(db, "UPDATE delivery_chunks SET payload = NULL WHERE d = ?"),
      drop_chunks_(db, "DELETE FROM delivery_chunks WHERE d = ?"),
      suppress_(db,
                "UPDATE deliveries SET state = ?, ended = ? WHERE state = 0 AND attempts = 0 AND round = 1 AND n = "
                "(SELECT n FROM tasks WHERE id = ?) AND EXISTS(SELECT 1 FROM redirects r WHERE r.n = deliveries.n AND "
                "r.place = deliveries.place AND r.suppress = 1)"),
      pause_(db, "INSERT OR REPLACE INTO pauses(destination, until, why) VALUES(?,?,?)"),
      resume_(db, "DELETE FROM pauses WHERE destination = ?"),
      forget_chunks_(db, "DELETE FROM delivery_chunks WHERE d IN (SELECT d FROM deliveries WHERE n = ?)"),
      forget_(db, "DELETE FROM deliveries WHERE n = ?"),
      let_go_(db, "UPDATE deliveries AS d INDEXED BY deliveries_busy SET due = ?2 WHERE " + std::string(busy_states) +
                      " AND d.state = 1 AND d.worker = ?1 AND d.due > ?2") {}

// Most tasks are redirected nowhere, and most stores know no redirect at all: that is to cost nothing.
bool DeliveryRows::open_all(const TaskId& task, TaskStatus status, WallTime now) {
  if (!any_redirects_) {
    redirects_exist_.open();
    any_redirects_ = redirects_exist_.step();
    redirects_exist_.reset();
    if (!any_redirects_) return false;
  }
  static_assert(static_cast<int>(RedirectOn::completed) == static_cast<int>(TaskStatus::completed) &&
                static_cast<int>(RedirectOn::failed) == static_cast<int>(TaskStatus::failed));
  insert_all_.run(millis(now), read_grace.count(), blob(task), static_cast<int>(status));
  return db_.ok() && db_.changes() > 0;
}

bool DeliveryRows::open(std::int64_t n, std::int64_t place, WallTime now) {
  of_redirect_.open(n, place);
  const std::int64_t d = of_redirect_.step() ? of_redirect_.integer(0) : 0;
  of_redirect_.reset();
  if (d == 0) {
    insert_.run(n, place, millis(now), read_grace.count());
    return true;
  }
  auto delivery = read(d);
  if (!delivery || is_open(delivery->state)) return false;
  begin_again(*delivery, Again::from_the_beginning, now);
  drop_chunks_.run(d);
  write(d, *delivery, now + (delivery->redirect.suppress_if_read ? read_grace : Milliseconds(0)));
  return true;
}

void DeliveryRows::forget(std::int64_t n) {
  forget_chunks_.run(n);
  forget_.run(n);
}

bool DeliveryRows::let_go(const std::string& worker, WallTime now) {
  let_go_.run(worker, millis(now));
  return db_.changes() > 0;
}

void DeliveryRows::pause(const std::string& destination, WallTime now, Milliseconds time, const std::string& why) {
  if (time <= Milliseconds(0)) {
    resume_.run(destination);
  } else {
    pause_.run(destination, millis(now + time), why);
  }
}

std::vector<std::string> DeliveryRows::remote_ids(std::int64_t d, std::uint32_t sent) {
  std::vector<std::string> ids(sent);
  remote_.open(d);
  while (remote_.step()) {
    const std::uint64_t k = remote_.natural(0);
    if (k >= 1 && k <= sent) ids[k - 1] = remote_.text(1);
  }
  remote_.reset();
  return ids;
}

std::optional<Delivery> DeliveryRows::read(const DeliveryId& id, std::int64_t& d) {
  std::optional<Delivery> found;
  by_id_.open(blob(id.task_id), id.place);
  if (by_id_.step()) {
    d = by_id_.integer(0);
    found = read_delivery(by_id_);
  }
  by_id_.reset();
  if (found) found->remote_ids = remote_ids(d, found->sent);
  return found;
}

std::optional<Delivery> DeliveryRows::read(std::int64_t d) {
  std::optional<Delivery> found;
  by_number_.open(d);
  if (by_number_.step()) found = read_delivery(by_number_);
  by_number_.reset();
  if (found) found->remote_ids = remote_ids(d, found->sent);
  return found;
}

void DeliveryRows::write(std::int64_t d, const Delivery& it, WallTime due) {
  const auto ended = it.ended_at ? std::optional(millis(*it.ended_at)) : std::nullopt;
  const auto stepped = it.stepped_at ? std::optional(millis(*it.stepped_at)) : std::nullopt;
  write_.run(state(it.state), millis(it.created_at), millis(due), ended, it.worker, it.claim, it.round, it.attempts,
             it.failures, it.chunks, it.sent, it.repeated, it.in_doubt, it.error, stepped, d);
}

std::optional<std::string> DeliveryRows::next_channel(const std::string& destination, const std::string& after) {
  std::optional<std::string> next;
  next_channel_.open(destination, after);
  if (next_channel_.step()) next = next_channel_.text(0);
  next_channel_.reset();
  return next;
}

// The one that is held or half sent goes before all others of its channel. What a killed process held is due at once.
std::optional<DeliveryRows::Candidate> DeliveryRows::candidate(const std::string& destination,
                                                               const std::string& channel, WallTime now) {
  std::optional<Candidate> found;
  busy_.open(destination, channel);
  if (busy_.step()) {
    found = Candidate{busy_.integer(0), busy_.integer(1)};
    const bool held_by_another = busy_.integer(2) == state(DeliveryState::sending) && busy_.text(3) != worker_;
    if (found->due > millis(now) && held_by_another && folder_.was_killed(busy_.text(3))) found->due = millis(now);
  }
  busy_.reset();
  if (found) return found;
  earliest_.open(destination, channel);
  if (earliest_.step()) found = Candidate{earliest_.integer(0), earliest_.integer(1)};
  earliest_.reset();
  return found;
}

void DeliveryRows::candidates_of(const std::string& destination, const ClaimQuery& query, WallTime now, Claimed& out,
                                 std::vector<Candidate>& chosen) {
  std::string& last = last_claimed_[destination];
  const std::string began = last;
  std::uint32_t taken = 0;
  bool around = false;
  // Each channel has its turn, however many deliveries wait in another. A channel may have no name.
  const auto take = [&](const std::string& channel) {
    const auto next = candidate(destination, channel, now);
    if (!next) return true;
    if (next->due > millis(now)) {
      const Milliseconds left(next->due - millis(now));
      out.next_in = std::min(out.next_in.value_or(left), left);
      return true;
    }
    if (taken == query.of_one_destination || chosen.size() == query.limit) {
      out.next_in = Milliseconds(0);
      return false;
    }
    chosen.push_back(*next);
    last = channel;
    ++taken;
    return true;
  };
  for (std::string channel = began;;) {
    auto next = next_channel(destination, channel);
    if (!next && !around) {
      around = true;
      if (!take("")) return;
      if (began.empty()) return;
      next = next_channel(destination, "");
    }
    if (!next || (around && *next > began)) return;
    if (!take(*next)) return;
    channel = std::move(*next);
  }
}

Claimed DeliveryRows::claim(const ClaimQuery& query, WallTime now) {
  Claimed out;
  std::vector<std::string_view> known(query.destinations.begin(), query.destinations.end());
  if (!std::ranges::is_sorted(known)) std::ranges::sort(known);
  std::vector<Candidate> chosen;
  for (std::string destination;;) {
    next_destination_.open(destination);
    const bool any = next_destination_.step();
    if (any) destination = next_destination_.text(0);
    next_destination_.reset();
    if (!any || !db_.ok()) break;
    if (!std::ranges::binary_search(known, std::string_view(destination))) continue;
    paused_.open(destination);
    const std::int64_t until = paused_.step() ? paused_.integer(0) : 0;
    paused_.reset();
    if (until > millis(now)) {
      const Milliseconds left(until - millis(now));
      out.next_in = std::min(out.next_in.value_or(left), left);
      continue;
    }
    candidates_of(destination, query, now, out, chosen);
  }
  std::ranges::sort(chosen, {}, [](const Candidate& each) { return std::pair(each.due, each.d); });
  for (const Candidate& each : chosen) {
    auto delivery = read(each.d);
    if (!delivery) continue;
    take(*delivery, worker_);
    delivery->due_at = now + query.hold;
    write(each.d, *delivery, delivery->due_at);
    out.deliveries.push_back(std::move(*delivery));
  }
  return out;
}

bool DeliveryRows::is_held(const Delivery& delivery, const ClaimToken& claim) const {
  return delivery.state == DeliveryState::sending && delivery.claim == claim.claim && delivery.worker == worker_;
}

Result<void> DeliveryRows::plan(const ClaimToken& claim, const std::vector<std::string>& chunks, WallTime now) {
  std::int64_t d = 0;
  plan_.open(chunks.size(), millis(now), blob(claim.id.task_id), claim.id.place, claim.claim, worker_);
  bool held_here = false;
  while (plan_.step()) {
    held_here = true;
    d = plan_.integer(0);
  }
  plan_.reset();
  if (!held_here) {
    return read(claim.id, d) ? claim_is_over("outbox.plan", claim.id) : no_such_delivery("outbox.plan", claim.id);
  }
  drop_chunks_.run(d);
  for (std::size_t k = 0; k < chunks.size(); ++k) put_chunk_.run(d, k + 1, Blob{chunks[k]});
  return {};
}

// Only what a step changes is read and written: of each delivery there are several.
Result<void> DeliveryRows::step(const ClaimToken& claim, const DeliveryStep& step, WallTime now) {
  constexpr auto op = "outbox.step";
  for_step_.open(blob(claim.id.task_id), claim.id.place);
  const bool known = for_step_.step();
  std::int64_t d = 0;
  Delivery it;
  if (known) {
    d = for_step_.integer(0);
    it.state = static_cast<DeliveryState>(for_step_.integer(1));
    it.worker = for_step_.text(2);
    it.claim = number(for_step_, 3);
    it.attempts = number(for_step_, 4);
    it.failures = number(for_step_, 5);
    it.sent = number(for_step_, 6);
    it.repeated = number(for_step_, 7);
    it.error = for_step_.text(8);
  }
  for_step_.reset();
  if (!known) return no_such_delivery(op, claim.id);
  if (!is_held(it, claim)) return claim_is_over(op, claim.id);
  if (step.remote_id && step.sent > it.sent) put_remote_.run(d, step.sent, *step.remote_id);
  apply(step, it);
  WallTime due = now;
  if (step.state == DeliveryState::sending) due = now + step.hold;
  if (step.state == DeliveryState::waiting) due = now + step.again_in;
  const auto ended = is_open(step.state) ? std::nullopt : std::optional(millis(now));
  step_.run(state(it.state), millis(due), ended, it.attempts, it.failures, it.sent, it.repeated, it.in_doubt, it.error,
            millis(now), d);
  if (step.state == DeliveryState::delivered) drop_payloads_.run(d);
  return {};
}

Result<void> DeliveryRows::replay(const DeliveryId& id, WallTime now) {
  std::int64_t d = 0;
  auto delivery = read(id, d);
  if (!delivery) return no_such_delivery("outbox.replay", id);
  if (is_open(delivery->state)) return still_open(id);
  const bool partial = delivery->state == DeliveryState::partial;
  begin_again(*delivery, partial ? Again::from_what_is_left : Again::from_the_beginning, now);
  if (!partial) drop_chunks_.run(d);
  write(d, *delivery, now);
  return {};
}

std::uint32_t DeliveryRows::suppress_read(const TaskId& task, WallTime now) {
  suppress_.run(state(DeliveryState::suppressed), millis(now), blob(task));
  return db_.ok() ? static_cast<std::uint32_t>(db_.changes()) : 0;
}

}  // namespace meantime::store
