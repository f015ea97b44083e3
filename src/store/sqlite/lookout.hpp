// SPDX-License-Identifier: MIT
// lookout.hpp: hears what other processes did and tells the listener: notices from their sockets, the operating
// system's word that one died, and a look at long intervals for what notices missed. Threads: the loop's.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "meantime/store.hpp"
#include "store/sqlite/job.hpp"
#include "store/sqlite/notices.hpp"
#include "store/sqlite/queries.hpp"
#include "store/sqlite/reader.hpp"
#include "store/sqlite/run_folder.hpp"

namespace meantime::store {

class Lookout : public std::enable_shared_from_this<Lookout> {
 public:
  Lookout(boost::asio::io_context& loop, Clock& clock, Milliseconds lease, const RunFolder& folder, Reader& reader,
          std::shared_ptr<Completions> completions);
  Lookout(const Lookout&) = delete;
  Lookout& operator=(const Lookout&) = delete;
  ~Lookout() = default;

  void listen(StoreListener* listener);
  void listen(OutboxListener* listener) { outbox_listener_ = listener; }
  void watch(const TaskId& task);
  void unwatch(const TaskId& task);
  /// Hears the socket of the folder that was joined.
  void hear_socket();
  /// Looks at those of `tasks` that are watched.
  void look_at(const std::vector<TaskId>& tasks);
  void tell_available(bool available, std::string_view detail);
  /// There may be something to deliver.
  void tell_due();
  /// Nothing is told after this.
  void stop();

 private:
  class LookJob;
  struct Guard {
    boost::asio::posix::stream_descriptor process;
  };

  void wait_for_notice();
  void receive();
  void handle(const Notice& notice);
  void look_at_all();
  void look_soon();
  void looked(const Result<Sighting>& seen);
  void check_workers(const std::vector<PeerRow>& workers);
  bool guard(const PeerRow& worker);
  void set_alarm();

  boost::asio::io_context& loop_;
  Clock& clock_;
  const Milliseconds look_interval_;
  const RunFolder& folder_;
  Reader& reader_;
  std::shared_ptr<Completions> completions_;
  StoreListener* listener_ = nullptr;
  OutboxListener* outbox_listener_ = nullptr;
  bool stopped_ = false;
  boost::asio::posix::stream_descriptor socket_;
  boost::unordered_flat_map<TaskId, std::uint32_t, std::hash<TaskId>> watches_;
  boost::unordered_flat_set<TaskId, std::hash<TaskId>> to_look_;
  boost::unordered_flat_set<TaskId, std::hash<TaskId>> cancels_told_;
  bool look_wanted_ = false;
  bool looking_ = false;
  std::map<std::string, Guard> guards_;
  std::unique_ptr<Alarm> alarm_;
};

}  // namespace meantime::store
