// SPDX-License-Identifier: MIT
// delivery_queries.cpp: every read of the deliveries.
#include <limits>

#include "store/delivery_rules.hpp"
#include "store/sqlite/delivery_rows.hpp"
#include "store/sqlite/queries.hpp"

namespace meantime::store {
namespace {

constexpr std::int64_t newest = std::numeric_limits<std::int64_t>::max();

std::string select_where(std::string_view condition) {
  return "SELECT " + std::string(delivery_columns) + std::string(delivery_tables) + "WHERE " + std::string(condition);
}

// The states as SQL: 0, 3, 5.
std::string list_of(const std::vector<DeliveryState>& states) {
  std::string text;
  for (const DeliveryState each : states) text += (text.empty() ? "" : ", ") + std::to_string(static_cast<int>(each));
  return text;
}

}  // namespace

void Queries::add_remote_ids(std::int64_t d, Delivery& delivery) {
  delivery.remote_ids.resize(delivery.sent);
  Statement remote(*db_, "SELECT k, remote FROM delivery_chunks WHERE d = ? AND remote IS NOT NULL");
  remote.open(d);
  while (remote.step()) {
    const std::uint64_t k = remote.natural(0);
    if (k >= 1 && k <= delivery.sent) delivery.remote_ids[k - 1] = remote.text(1);
  }
  remote.reset();
}

Result<Delivery> Queries::find_delivery(const DeliveryId& id) {
  Statement statement(*db_, select_where("t.id = ? AND d.place = ?"));
  std::optional<Delivery> found;
  statement.open(Blob{id.task_id.raw()}, id.place);
  if (statement.step()) {
    found = read_delivery(statement);
    add_remote_ids(statement.integer(0), *found);
  }
  statement.reset();
  if (!db_->ok()) return fault("outbox.find_delivery");
  if (!found) return no_such_delivery("outbox.find_delivery", id);
  return std::move(*found);
}

Result<std::vector<std::string>> Queries::chunks(const DeliveryId& id) {
  auto delivery = find_delivery(id);
  if (!delivery) return std::unexpected(std::move(delivery.error()));
  Statement statement(
      *db_,
      "SELECT c.payload FROM tasks t JOIN deliveries d ON d.n = t.n JOIN delivery_chunks c ON c.d = d.d "
      "WHERE t.id = ? AND d.place = ? AND c.payload IS NOT NULL ORDER BY c.k");
  std::vector<std::string> texts;
  statement.open(Blob{id.task_id.raw()}, id.place);
  while (statement.step()) texts.push_back(statement.text(0));
  statement.reset();
  if (!db_->ok()) return fault("outbox.chunks");
  return texts;
}

Result<DeliveryList> Queries::list_deliveries(const DeliveryQuery& query) {
  const auto before = check_delivery_query(query);
  if (!before) return std::unexpected(before.error());
  std::string condition = "d.d < ?1";
  if (query.task_id) condition += " AND d.n = (SELECT n FROM tasks WHERE id = ?2)";
  if (query.owner) condition += " AND t.owner = ?3";
  if (!query.destination.empty()) condition += " AND d.destination = ?4";
  if (!query.states.empty()) condition += " AND d.state IN (" + list_of(query.states) + ")";
  // All parameters are named once, so that each has its place whatever is asked for.
  condition += " AND (?2 IS NULL OR 1) AND (?3 IS NULL OR 1) AND (?4 IS NULL OR 1) ORDER BY d.d DESC LIMIT ?5";
  Statement statement(*db_, select_where(condition));
  std::optional<Blob> task;
  if (query.task_id) task = Blob{query.task_id->raw()};
  statement.open(*before == 0 ? newest : static_cast<std::int64_t>(*before), task, query.owner, query.destination,
                 query.limit + 1);
  DeliveryList page;
  std::int64_t last = 0;
  while (statement.step()) {
    if (page.deliveries.size() == query.limit) {
      page.next_cursor = std::to_string(last);
      break;
    }
    last = statement.integer(0);
    page.deliveries.push_back(read_delivery(statement));
    add_remote_ids(last, page.deliveries.back());
  }
  statement.reset();
  if (!db_->ok()) return fault("outbox.list_deliveries");
  return page;
}

Result<std::vector<DestinationLoad>> Queries::destinations(WallTime now) {
  Statement statement(
      *db_,
      "SELECT name, sum(waiting), sum(sending), sum(failed), max(until), max(why) FROM ("
      "SELECT destination AS name, state = 0 AS waiting, state = 1 AS sending, state >= 4 AS failed, "
      "NULL AS until, NULL AS why FROM deliveries UNION ALL "
      "SELECT destination, 0, 0, 0, until, why FROM pauses WHERE until > ?) GROUP BY name ORDER BY name");
  static_assert(static_cast<int>(DeliveryState::partial) == 4 && static_cast<int>(DeliveryState::dead) == 5);
  std::vector<DestinationLoad> loads;
  statement.open(now.time_since_epoch().count());
  while (statement.step()) {
    DestinationLoad& load = loads.emplace_back(DestinationLoad{.name = statement.text(0),
                                                               .waiting = statement.natural(1),
                                                               .sending = statement.natural(2),
                                                               .failed = statement.natural(3)});
    if (statement.null(4)) continue;
    load.paused_until = WallTime(Milliseconds(statement.integer(4)));
    load.why = statement.text(5);
  }
  statement.reset();
  if (!db_->ok()) return fault("outbox.destinations");
  return loads;
}

}  // namespace meantime::store
