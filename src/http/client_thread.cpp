// SPDX-License-Identifier: MIT
#include "http/client_thread.hpp"

#include <stdexcept>

#include "http/client_job.hpp"

namespace meantime::http {
namespace {

constexpr long kept_connections = 64;
constexpr long kept_for_seconds = 60;  // shorter than most servers keep theirs

CURLM* make_multi() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) throw std::runtime_error("libcurl cannot be used");
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kept_connections);
  return multi;
}

}  // namespace

ClientThread::ClientThread() : multi_(make_multi()), thread_([this] { run(); }) {}

ClientThread::~ClientThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  curl_multi_cleanup(multi_);
}

void ClientThread::tell(Order order, std::shared_ptr<Transfer> transfer) {
  {
    const std::lock_guard lock(mutex_);
    orders_.emplace_back(order, std::move(transfer));
    if (orders_.size() > 1) return;  // it has been woken
  }
  curl_multi_wakeup(multi_);
}

void ClientThread::run() {
  constexpr int longest_ms = 60'000;
  while (obey()) {
    int running = 0;
    curl_multi_perform(multi_, &running);
    end_finished();
    curl_multi_poll(multi_, nullptr, 0, longest_ms, nullptr);
  }
  for (auto& [transfer, job] : jobs_) {
    curl_multi_remove_handle(multi_, job->easy());
    transfer->put_end(fail(errc::cancelled, "http.client", "the client was closed"));
  }
  jobs_.clear();
}

// Carries out what was told. False at the end of it all.
bool ClientThread::obey() {
  std::vector<std::pair<Order, std::shared_ptr<Transfer>>> orders;
  bool stop = false;
  {
    const std::lock_guard lock(mutex_);
    orders.swap(orders_);
    stop = stop_;
  }
  for (auto& [order, transfer] : orders) {
    const auto at = jobs_.find(transfer.get());
    if (order == Order::start) {
      auto job = std::make_unique<Job>(transfer);
      if (job->easy() == nullptr || curl_multi_add_handle(multi_, job->easy()) != CURLM_OK) {
        transfer->put_end(fail(errc::unavailable, "http.client", "libcurl takes no more requests: out of memory?"));
      } else {
        curl_easy_setopt(job->easy(), CURLOPT_MAXAGE_CONN, kept_for_seconds);
        jobs_.emplace(transfer.get(), std::move(job));
      }
    } else if (at == jobs_.end()) {
      continue;  // it has ended in the meantime
    } else if (order == Order::cancel) {
      curl_multi_remove_handle(multi_, at->second->easy());
      jobs_.erase(at);
    } else {
      curl_easy_pause(at->second->easy(), CURLPAUSE_CONT);
    }
  }
  return !stop;
}

void ClientThread::end_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    void* transfer = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    const auto at = jobs_.find(static_cast<Transfer*>(transfer));
    at->second->finish(code);
    curl_multi_remove_handle(multi_, easy);
    jobs_.erase(at);
  }
}

}  // namespace meantime::http
