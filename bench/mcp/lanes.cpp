// SPDX-License-Identifier: MIT
#include "mcp/lanes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <stdexcept>

namespace meantime::bench {
namespace {

constexpr int patience_ms = 30'000;

// Where a chunked body ends; nothing: not yet.
std::optional<std::size_t> end_of_chunks(std::string_view text, std::size_t at) {
  for (;;) {
    const std::size_t line = text.find("\r\n", at);
    if (line == std::string_view::npos) return std::nullopt;
    const auto size = std::strtoul(std::string(text.substr(at, line - at)).c_str(), nullptr, 16);
    at = line + 2 + size + 2;
    if (at > text.size()) return std::nullopt;
    if (size == 0) return at;
  }
}

std::optional<std::size_t> content_length(std::string_view head) {
  for (const std::string_view name : {"Content-Length: ", "content-length: "}) {
    const std::size_t at = head.find(name);
    if (at != std::string_view::npos) return std::strtoul(head.data() + at + name.size(), nullptr, 10);
  }
  return std::nullopt;
}

bool is_chunked(std::string_view head) {
  return head.find("chunked\r\n") != std::string_view::npos;
}

// Where the answer at the beginning of `text` ends; nothing: not yet.
std::optional<std::size_t> end_of_answer(std::string_view text, std::size_t& head_size) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  head_size = end + 4;
  const std::string_view head = text.substr(0, head_size);
  if (is_chunked(head)) return end_of_chunks(text, head_size);
  const std::size_t whole = head_size + content_length(head).value_or(0);
  return text.size() >= whole ? std::optional(whole) : std::nullopt;
}

}  // namespace

std::chrono::nanoseconds steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port);
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) {
    ::close(socket);
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Lanes::Lanes(std::uint16_t port, std::size_t count)
    : port_(port), epoll_(::epoll_create1(EPOLL_CLOEXEC)), lanes_(count) {
  for (std::size_t i = 0; i < count; ++i) open(i);
}

Lanes::~Lanes() {
  for (const Lane& lane : lanes_) ::close(lane.socket);
  ::close(epoll_);
}

void Lanes::open(std::size_t index) {
  Lane& lane = lanes_[index];
  if (lane.socket >= 0) ::close(lane.socket);
  lane.socket = connect_to(port_);
  lane.in.clear();
  epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, lane.socket, &event);
}

void Lanes::send(Lane& lane) {
  lane.sent = steady_now();
  const std::string& bytes = lane.request.bytes;
  if (::send(lane.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the server does not take requests");
  }
}

// True: the answer is whole. It stays in the lane's buffer until the next request.
bool Lanes::read(std::size_t index, Reply& reply) {
  Lane& lane = lanes_[index];
  std::array<char, 16384> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
  const ssize_t got = ::recv(lane.socket, piece.data(), piece.size(), 0);
  if (got <= 0) throw std::runtime_error("the server closed a connection; before: " + lane.in.substr(0, 2000));
  lane.in.append(piece.data(), static_cast<std::size_t>(got));
  std::size_t head = 0;
  std::optional<std::size_t> end = end_of_answer(lane.in, head);
  if (!end && head > 0 && !lane.request.until.empty() && lane.in.find(lane.request.until, head) != std::string::npos) {
    end = lane.in.size();
  }
  if (!end) return false;
  reply.came = steady_now();
  reply.status = std::atoi(lane.in.c_str() + sizeof("HTTP/1.1"));
  reply.head = std::string_view(lane.in).substr(0, head);
  reply.body = std::string_view(lane.in).substr(head, *end - head);
  return true;
}

std::vector<double> Lanes::run(const Next& next) {
  std::vector<double> took;
  std::size_t open_lanes = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i].request.until.clear();
    if (!next(i, nullptr, lanes_[i].request)) continue;
    ++open_lanes;
    send(lanes_[i]);
  }
  std::vector<epoll_event> ready(lanes_.size());
  while (open_lanes > 0) {
    const int count = ::epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), patience_ms);
    if (count <= 0) throw std::runtime_error("no answer within 30 s");
    for (int i = 0; i < count; ++i) {
      const auto index = static_cast<std::size_t>(ready[static_cast<std::size_t>(i)].data.u64);
      Lane& lane = lanes_[index];
      Reply reply;
      if (!read(index, reply)) continue;
      took.push_back(std::chrono::duration<double, std::micro>(reply.came - lane.sent).count());
      const bool anew = !lane.request.until.empty();
      lane.request.until.clear();
      const bool more = next(index, &reply, lane.request);
      if (anew) {
        open(index);
      } else {
        lane.in.clear();
      }
      if (more) {
        send(lane);
      } else {
        --open_lanes;
      }
    }
  }
  return took;
}

Figures measure(const Process& server, Lanes& lanes, const Next& next, int calls) {
  const double server_before = server.cpu();
  const double own_before = own_cpu();
  const auto before = steady_now();
  std::vector<double> took = lanes.run(next);
  const double seconds = std::chrono::duration<double>(steady_now() - before).count();
  const double own = own_cpu() - own_before;
  const double of_server = server.cpu() - server_before;
  return {.per_second = calls / seconds,
          .server_us = of_server / calls * 1e6,
          .client_us = own / calls * 1e6,
          .p50_us = quantile(took, 0.5),
          .p99_us = quantile(std::move(took), 0.99)};
}

double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

double median(const std::vector<double>& values) {
  return quantile(values, 0.5);
}

Figures median(const std::vector<Figures>& rounds) {
  const auto of = [&](double Figures::* member) {
    std::vector<double> values;
    for (const Figures& each : rounds) values.push_back(each.*member);
    return median(values);
  };
  return {.per_second = of(&Figures::per_second),
          .server_us = of(&Figures::server_us),
          .client_us = of(&Figures::client_us),
          .p50_us = of(&Figures::p50_us),
          .p99_us = of(&Figures::p99_us)};
}

}  // namespace meantime::bench
