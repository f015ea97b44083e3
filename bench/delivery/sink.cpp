// SPDX-License-Identifier: MIT
#include "delivery/sink.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <map>
#include <stdexcept>
#include <string_view>

namespace meantime::bench {
namespace {

constexpr std::string_view mark = "moment=";
constexpr std::string_view length_name = "Content-Length: ";
constexpr std::string_view answer = "HTTP/1.1 204 No Content\r\n\r\n";

std::int64_t number_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  std::int64_t number = -1;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), number);
  }
  return number;
}

// What one connection has sent and was not answered yet.
class Peer {
 public:
  // False: it is gone.
  bool serve(int fd, Arrivals& arrivals) {
    std::array<char, 64UL << 10U> piece;
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0) return false;
    unread_.append(piece.data(), static_cast<std::size_t>(got));
    std::string answers;
    while (take_request(arrivals)) answers += answer;
    return answers.empty() || ::send(fd, answers.data(), answers.size(), MSG_NOSIGNAL) > 0;
  }

 private:
  bool take_request(Arrivals& arrivals) {
    const std::size_t head = unread_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::int64_t length = number_after(std::string_view(unread_).substr(0, head), length_name);
    const std::size_t size = head + 4 + (length > 0 ? static_cast<std::size_t>(length) : 0);
    if (unread_.size() < size) return false;
    const std::int64_t sent = number_after(std::string_view(unread_).substr(head, size - head), mark);
    if (sent >= 0) {
      const std::uint64_t place = arrivals.timed.load(std::memory_order_relaxed);
      if (place < Arrivals::most) {
        arrivals.delay_us[place].store((moment() - sent) / 1'000, std::memory_order_relaxed);
        arrivals.timed.store(place + 1, std::memory_order_release);
      }
    }
    arrivals.requests.fetch_add(1, std::memory_order_release);
    unread_.erase(0, size);
    return true;
  }

  std::string unread_;
};

int listen_here(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 1'024) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the sink cannot listen");
  }
  port = ntohs(address.sin_port);
  return fd;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) throw std::runtime_error("the sink cannot watch");
}

[[noreturn]] void serve(int tell_port, Arrivals& arrivals) {
  std::uint16_t port = 0;
  const int listener = listen_here(port);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  if (::write(tell_port, &port, sizeof port) != sizeof port) ::_exit(1);
  std::map<int, Peer> peers;
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int ready = ::epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) continue;
        const int now = 1;
        ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
        watch(epoll, peer);
      } else if (!peers[fd].serve(fd, arrivals)) {
        peers.erase(fd);
        ::close(fd);
      }
    }
  }
}

Arrivals* shared() {
  // Untouched pages cost nothing.
  void* at = ::mmap(nullptr, sizeof(Arrivals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::runtime_error("no shared memory");
  return static_cast<Arrivals*>(at);
}

}  // namespace

std::int64_t moment() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string moment_mark(std::int64_t at) {
  return std::string(mark) + std::to_string(at) + '.';
}

void Sink::Unmap::operator()(Arrivals* shared) const noexcept {
  ::munmap(shared, sizeof(Arrivals));
}

Sink::Sink() : arrivals_(shared()) {
  process_ = std::make_unique<Process>([this](int tell_port) { serve(tell_port, *arrivals_); });
}

void Sink::forget() const {
  arrivals_->requests.store(0);
  arrivals_->timed.store(0);
}

}  // namespace meantime::bench
