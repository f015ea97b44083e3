// SPDX-License-Identifier: MIT
// notices.hpp: datagrams by which processes tell each other what they have committed. A notice says where to look, no
// more: it may be lost, and the receiver looks into the database before it believes it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/task_id.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/run_folder.hpp"

namespace meantime::store {

enum class NoticeKind : char {
  ended = 'e',
  changed = 'p',
  cancel = 'c',
  redirect = 'r',
  answered = 'a',
  look = 'l',         ///< Notices were lost: look at all that you watch.
  due = 'd',          ///< There may be something to deliver.
  worker_gone = 'g',  ///< Somebody left running tasks behind.
};

/// A datagram, read.
struct Notice {
  NoticeKind kind = NoticeKind::look;
  std::vector<TaskId> tasks;
};
/// Anything that is not a notice is read as `look`.
[[nodiscard]] Notice parse_notice(std::string_view message);

/// The sending side. Threads: one.
class NoticeSender {
 public:
  explicit NoticeSender(const RunFolder& folder) : peers_(folder) {}

  void send(const Notices& notices);
  void send_worker_gone();
  /// Some peer's socket was full: call send_missed() soon.
  [[nodiscard]] bool missed() const noexcept { return !missed_.empty(); }
  void send_missed();

 private:
  void to_all(NoticeKind kind, const std::vector<TaskId>& tasks);
  void to_owners(NoticeKind kind, const std::vector<std::pair<std::string, TaskId>>& tasks);
  void to(const std::string& worker, std::string_view message);

  Peers peers_;
  std::set<std::string> missed_;
};

}  // namespace meantime::store
