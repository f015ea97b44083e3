// SPDX-License-Identifier: MIT
#include "http/client_thread.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <tuple>

#include "http/client_job.hpp"

namespace meantime::http {
namespace {

constexpr long kept_connections = 256;  // as many as a Deliverer has under way
constexpr std::size_t most_spare = 256;
constexpr long kept_for_seconds = 60;  // shorter than most servers keep theirs

CURLM* make_multi() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) throw std::runtime_error("libcurl cannot be used");
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kept_connections);
  return multi;
}

}  // namespace

ClientThread::ClientThread()
    : multi_(make_multi()), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  if (epoll_ < 0 || wake_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    const int why = errno;
    close_all();
    throw std::system_error(why, std::generic_category(), "the HTTP client cannot wait for sockets");
  }
  // Its own poll() would look at all sockets each time that one of them has something.
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &ClientThread::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, static_cast<void*>(this));
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &ClientThread::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, static_cast<void*>(this));
  thread_ = std::thread([this] { run(); });
}

ClientThread::~ClientThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake();
  thread_.join();
  close_all();
}

void ClientThread::close_all() noexcept {
  for (CURL* easy : spare_) curl_easy_cleanup(easy);
  curl_multi_cleanup(multi_);  // tells on_socket of each connection that it closes
  if (wake_ >= 0) ::close(wake_);
  if (epoll_ >= 0) ::close(epoll_);
}

void ClientThread::tell(Order order, std::shared_ptr<Transfer> transfer) {
  {
    const std::lock_guard lock(mutex_);
    orders_.emplace_back(order, std::move(transfer));
    if (orders_.size() > 1) return;  // it has been woken
  }
  wake();
}

void ClientThread::wake() const noexcept {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the thread is awake.
  std::ignore = ::write(wake_, &one, sizeof one);
}

int ClientThread::on_socket(CURL*, curl_socket_t socket, int what, void* thread, void*) noexcept {
  const ClientThread& self = *static_cast<ClientThread*>(thread);
  epoll_event event{};
  event.data.fd = socket;
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(self.epoll_, EPOLL_CTL_DEL, socket, &event);  // a closed one is gone already
    return 0;
  }
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  // Libcurl may close a socket and get its number again: what stands in the set is the kernel's to say.
  if (::epoll_ctl(self.epoll_, EPOLL_CTL_MOD, socket, &event) == 0) return 0;
  return ::epoll_ctl(self.epoll_, EPOLL_CTL_ADD, socket, &event) == 0 ? 0 : -1;
}

int ClientThread::on_timer(CURLM*, long milliseconds, void* thread) noexcept {
  ClientThread& self = *static_cast<ClientThread*>(thread);
  self.act_at_.reset();
  if (milliseconds >= 0) self.act_at_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  return 0;
}

void ClientThread::run() {
  while (obey()) {
    wait_and_act();
    end_finished();
  }
  while (!jobs_.empty()) {
    Transfer& transfer = *jobs_.begin()->first;
    const std::shared_ptr<Transfer> kept = transfer.shared_from_this();
    end_job(jobs_.begin());
    transfer.put_end(fail(errc::cancelled, "http.client", "the client was closed"));
  }
}

void ClientThread::wait_and_act() {
  using std::chrono::steady_clock;
  int wait_ms = -1;
  if (act_at_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*act_at_ - steady_clock::now()).count();
    wait_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  std::array<epoll_event, 64> events{};
  const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
  int running = 0;
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wake_) {
      std::uint64_t count = 0;
      std::ignore = ::read(wake_, &count, sizeof count);
      continue;
    }
    int what = 0;
    if ((event.events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    // It looks itself: what broke may still be read to its end, and a kept connection that broke is tried again.
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) what = 0;
    curl_multi_socket_action(multi_, event.data.fd, what, &running);
  }
  if (act_at_ && *act_at_ <= steady_clock::now()) {
    act_at_.reset();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

void ClientThread::start_job(std::shared_ptr<Transfer> transfer) {
  // Making a handle costs more than using one again, which forgets all options of its last request.
  CURL* easy = nullptr;
  if (spare_.empty()) {
    easy = curl_easy_init();
  } else {
    easy = spare_.back();
    spare_.pop_back();
  }
  auto job = std::make_unique<Job>(transfer, easy);
  if (easy != nullptr) {
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kept_for_seconds);
    if (curl_multi_add_handle(multi_, easy) == CURLM_OK) {
      jobs_.emplace(transfer.get(), std::move(job));
      return;
    }
    job.reset();
    curl_easy_cleanup(easy);
  }
  transfer->put_end(fail(errc::unavailable, "http.client", "libcurl takes no more requests: out of memory?"));
}

void ClientThread::end_job(std::unordered_map<Transfer*, std::unique_ptr<Job>>::iterator job) {
  CURL* easy = job->second->easy();
  curl_multi_remove_handle(multi_, easy);
  jobs_.erase(job);
  if (spare_.size() < most_spare) {
    spare_.push_back(easy);
  } else {
    curl_easy_cleanup(easy);
  }
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
      start_job(std::move(transfer));
    } else if (at == jobs_.end()) {
      continue;  // it has ended in the meantime
    } else if (order == Order::cancel) {
      end_job(at);
    } else {
      curl_easy_pause(at->second->easy(), CURLPAUSE_CONT);
      act_at_ = std::chrono::steady_clock::now();
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
    end_job(at);
  }
}

}  // namespace meantime::http
