// SPDX-License-Identifier: MIT
// client_thread.hpp: the thread that runs libcurl. Threads: start(), cancel() and resume() from anywhere.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
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
  void close_all() noexcept;
  void wake() const noexcept;
  void run();
  bool obey();
  void start_job(std::shared_ptr<Transfer> transfer);
  void end_job(std::unordered_map<Transfer*, std::unique_ptr<Job>>::iterator job);
  void wait_and_act();
  void end_finished();

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* thread, void* known) noexcept;
  static int on_timer(CURLM* multi, long milliseconds, void* thread) noexcept;

  CURLM* multi_;
  int epoll_;
  int wake_;
  std::mutex mutex_;
  std::vector<std::pair<Order, std::shared_ptr<Transfer>>> orders_;  // guarded by mutex_
  bool stop_ = false;                                                // guarded by mutex_
  std::unordered_map<Transfer*, std::unique_ptr<Job>> jobs_;         // the thread's, as what follows
  std::vector<CURL*> spare_;                                         // handles of jobs that ended, for the next ones
  std::optional<std::chrono::steady_clock::time_point> act_at_;      // libcurl wants to be called then
  std::thread thread_;                                               // last: it uses all of the above
};

}  // namespace meantime::http
