// SPDX-License-Identifier: MIT
// queries.hpp: every read of the tables.
// Threads: the reader's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "meantime/store.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/run_folder.hpp"

namespace meantime::store {

/// Another worker, as far as it matters whether it lives.
struct PeerRow {
  std::string name;
  std::int64_t pid = 0;
  std::string boot;
  std::int64_t lease_until_ms = 0;

  /// By its lease, or by the operating system's word.
  [[nodiscard]] bool is_dead(const RunFolder& folder, SteadyTime now) const {
    return lease_until_ms < std::chrono::duration_cast<Milliseconds>(now.time_since_epoch()).count() ||
           folder.is_dead(name, boot);
  }
};

/// What a look at watched tasks found.
struct Sighting {
  std::vector<TaskId> ended;
  std::vector<PeerRow> workers;  ///< Of others, whose tasks nobody has ended yet.
  std::vector<TaskId> cancels;   ///< Running tasks of this worker that somebody wants cancelled.
};

class Queries {
 public:
  Queries(std::unique_ptr<Database> db, std::string worker);

  Result<TaskRecord> find(const TaskId& task);
  Result<TextPage> read_result(const TaskId& task, std::uint64_t offset_chars, std::uint64_t limit_chars);
  Result<TaskList> list(const ListQuery& query);
  Result<std::string> read_output(const TaskId& task, std::uint64_t offset_bytes, std::uint64_t limit_bytes);
  Result<std::vector<TaskId>> cancel_requests();
  Result<std::vector<InputResponse>> input_responses(const TaskId& task);
  /// Whether a worker whose tasks nobody has ended yet is dead.
  Result<bool> any_dead(const RunFolder& folder, SteadyTime now);
  Result<Sighting> look(const std::vector<TaskId>& tasks);

  // delivery_queries.cpp
  Result<Delivery> find_delivery(const DeliveryId& id);
  Result<std::vector<std::string>> chunks(const DeliveryId& id);
  Result<DeliveryList> list_deliveries(const DeliveryQuery& query);
  Result<std::vector<DestinationLoad>> destinations(WallTime now);

  /// A read failed, or the file is another one now: better open it anew.
  [[nodiscard]] bool faulty() const noexcept { return faulty_ || !db_->still_in_place(); }

 private:
  std::vector<PeerRow> workers();
  [[nodiscard]] std::unexpected<Error> fault(std::string op);
  void add_remote_ids(std::int64_t d, Delivery& delivery);
  TaskRecord record(const Statement& row);
  std::vector<Redirect> redirects(std::int64_t n);
  std::vector<InputRequest> open_inputs(std::int64_t n);
  std::string pieces(std::int64_t n, std::uint64_t offset_chars, std::uint64_t end_char);
  Statement& list_statement(const ListQuery& query);

  std::unique_ptr<Database> db_;
  const std::string worker_;
  bool faulty_ = false;
  Statement find_;
  Statement result_head_;
  Statement result_body_;
  Statement pieces_;
  Statement output_head_;
  Statement output_;
  Statement cancels_;
  Statement status_;
  Statement workers_;
  Statement redirects_;
  Statement open_inputs_;
  Statement responses_;
  Statement place_;
  Statement place_of_gone_;
  std::map<unsigned, std::unique_ptr<Statement>> lists_;  // by which filters there are
};

}  // namespace meantime::store
