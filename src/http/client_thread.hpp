// SPDX-License-Identifier: MIT
// client_thread.hpp: the thread that runs libcurl. Threads: start(), cancel() and resume() from anywhere.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/transfer.hpp"

namespace meantime::http {

class ClientThread {
 public:
  ClientThread();
  ClientThread(const ClientThread&) = delete;
  ClientThread& operator=(const ClientThread&) = delete;
  /// Ends the thread and waits for it. Transfers under way get their end: cancelled.
  ~ClientThread();

  void start(std::shared_ptr<Transfer> transfer) { tell(Order::start, std::move(transfer)); }
  void cancel(std::shared_ptr<Transfer> transfer) { tell(Order::cancel, std::move(transfer)); }
  /// The reader has caught up.
  void resume(std::shared_ptr<Transfer> transfer) { tell(Order::resume, std::move(transfer)); }

 private:
  class Job;
  enum class Order : unsigned char { start, cancel, resume };

  void tell(Order order, std::shared_ptr<Transfer> transfer);
  void run();
  bool obey();
  void end_finished();

  CURLM* multi_;
  std::mutex mutex_;
  std::vector<std::pair<Order, std::shared_ptr<Transfer>>> orders_;  // guarded by mutex_
  bool stop_ = false;                                                // guarded by mutex_
  std::unordered_map<Transfer*, std::unique_ptr<Job>> jobs_;         // the thread's
  std::thread thread_;                                               // last: it uses all of the above
};

}  // namespace meantime::http
