// SPDX-License-Identifier: MIT
// original_peer.hpp: original_peer.py as another process. Blocking.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/child.hpp"

namespace meantime::test {

class OriginalPeer {
 public:
  /// On the server at 127.0.0.1:`port`. `compact`: writes the shortest JSON, as other JSON modules do.
  explicit OriginalPeer(std::uint16_t port, bool compact = false);
  /// Lets it end by itself; one that does not is killed.
  ~OriginalPeer();

  /// S20, S21. Errors: here and below, throws std::runtime_error when it does not answer.
  void start(const std::string& task_id, const std::string& tool_name = "crawl", const std::string& user_id = "ann",
             const std::string& channel_id = "C42", const std::string& platform = "matrix",
             double created_at = 1'790'000'000.25);
  void complete(const std::string& task_id, const std::string& result, const std::string& user_id = "ann");
  void fail(const std::string& task_id, const std::string& error, const std::string& user_id = "ann");

  /// What the original's callers read. Absent user: may ask for any task.
  std::string get_result(const std::string& task_id, std::optional<std::string> user_id = {});
  /// Returns when it has subscribed (true), or has its answer without (false); await_text() gives the answer.
  bool begin_await(const std::string& task_id, double timeout = 60, std::optional<std::string> user_id = {});
  std::string await_text();

  /// Ends it, and waits until it has.
  void end();

 private:
  void ask(const boost::json::object& request) const;
  boost::json::object answer();

  Descriptor requests_, answers_;
  std::string unread_;
  std::optional<std::string> early_;  // the answer of an await that never had to wait
  Child child_;
};

}  // namespace meantime::test
