// SPDX-License-Identifier: MIT
// delivery_rows.hpp: every change to the deliveries, each within the transaction that the writer has opened.
// Threads: the writer's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "meantime/outbox.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/run_folder.hpp"

namespace meantime::store {

/// The columns that read_delivery() reads, of `deliveries d`, `redirects r` and `tasks t`, joined.
extern const std::string_view delivery_columns;
/// What it is joined with.
extern const std::string_view delivery_tables;

class DeliveryRows {
 public:
  DeliveryRows(Database& db, const RunFolder& folder);

  /// The deliveries of a task that has just ended so. True: there is at least one.
  bool open_all(const TaskId& task, TaskStatus status, WallTime now);
  /// That of one redirect of a task that ended before.
  bool open(std::int64_t n, std::int64_t place, WallTime now);
  void forget(std::int64_t n);
  /// What `worker`, which is dead, held is due now. True: it held something.
  bool let_go(const std::string& worker, WallTime now);
  void pause(const std::string& destination, WallTime now, Milliseconds time, const std::string& why);

  Claimed claim(const ClaimQuery& query, WallTime now);
  Result<void> plan(const ClaimToken& claim, const std::vector<std::string>& chunks, WallTime now);
  Result<void> step(const ClaimToken& claim, const DeliveryStep& step, WallTime now);
  Result<void> replay(const DeliveryId& id, WallTime now);
  std::uint32_t suppress_read(const TaskId& task, WallTime now);

 private:
  struct Candidate {
    std::int64_t d = 0;
    std::int64_t due = 0;
  };

  std::optional<Delivery> read(const DeliveryId& id, std::int64_t& d);
  std::optional<Delivery> read(std::int64_t d);
  std::vector<std::string> remote_ids(std::int64_t d, std::uint32_t sent);
  void write(std::int64_t d, const Delivery& delivery, WallTime due);
  std::optional<std::string> next_channel(const std::string& destination, const std::string& after);
  std::optional<Candidate> candidate(const std::string& destination, const std::string& channel, WallTime now);
  void candidates_of(const std::string& destination, const ClaimQuery& query, WallTime now, Claimed& out,
                     std::vector<Candidate>& chosen);
  [[nodiscard]] bool is_held(const Delivery& delivery, const ClaimToken& claim) const;

  Database& db_;
  const RunFolder& folder_;
  const std::string& worker_;
  bool any_redirects_ = false;
  std::map<std::string, std::string> last_claimed_;  // of each destination: the next claim begins behind it

  Statement redirects_exist_;
  Statement insert_all_;
  Statement of_redirect_;
  Statement insert_;
  Statement by_id_;
  Statement by_number_;
  Statement remote_;
  Statement write_;
  Statement next_destination_;
  Statement next_channel_;
  Statement paused_;
  Statement busy_;
  Statement earliest_;
  Statement for_step_;
  Statement step_;
  Statement plan_;
  Statement put_chunk_;
  Statement put_remote_;
  Statement drop_payloads_;
  Statement drop_chunks_;
  Statement suppress_;
  Statement pause_;
  Statement resume_;
  Statement forget_chunks_;
  Statement forget_;
  Statement let_go_;
};

/// A row of delivery_columns, but for remote_ids.
[[nodiscard]] Delivery read_delivery(const Statement& row);

}  // namespace meantime::store
