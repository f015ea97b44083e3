// SPDX-License-Identifier: MIT
#include "support/raw_peer.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "support/co_test.hpp"

namespace meantime::test {
namespace {

[[noreturn]] void give_up(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

RawPeer::RawPeer(boost::asio::io_context& loop, std::uint16_t port)
    : loop_(loop), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port);
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) give_up("connect");
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
}

RawPeer::RawPeer(boost::asio::io_context& loop, const std::string& path)
    : loop_(loop), socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  path.copy(place.sun_path, sizeof place.sun_path - 1);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) give_up("connect");
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
}

// Reads what is there. False when nothing was.
bool RawPeer::pump() {
  char bytes[64UL << 10U];
  const ssize_t got = ended_ ? 0 : ::recv(socket_.get(), bytes, sizeof bytes, 0);
  if (got > 0) received_.append(bytes, static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
  return got > 0;
}

void RawPeer::await(auto condition) {
  const auto give_up_at = std::chrono::steady_clock::now() + give_up_after;
  while (!condition()) {
    run_ready(loop_);
    if (condition() || pump()) continue;
    // Both sides stand still: until one of them moves there is nothing to do.
    pollfd mine{socket_.get(), POLLIN, 0};
    ::poll(&mine, ended_ ? 0 : 1, 1);
    if (std::chrono::steady_clock::now() >= give_up_at) throw std::runtime_error("the test waited in vain");
  }
}

std::size_t RawPeer::try_send(std::string_view bytes) {
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void RawPeer::send(std::string_view bytes) {
  await([&] {
    bytes.remove_prefix(try_send(bytes));
    return bytes.empty();
  });
}

std::string RawPeer::receive(std::size_t bytes) {
  await([&] { return received_.size() >= bytes || ended_; });
  if (received_.size() < bytes) throw std::runtime_error("the other side closed after: " + received_);
  std::string taken = received_.substr(0, bytes);
  received_.erase(0, bytes);
  return taken;
}

std::string RawPeer::receive_until(std::string_view text) {
  await([&] { return received_.find(text) != received_.npos || ended_; });
  const auto at = received_.find(text);
  if (at == received_.npos) throw std::runtime_error("the other side closed after: " + received_);
  return receive(at + text.size());
}

std::string RawPeer::receive_all() {
  await([&] { return ended_; });
  return std::exchange(received_, {});
}

std::string RawPeer::receive_answer() {
  std::string answer = receive_until("\r\n\r\n");
  if (const auto at = answer.find("Content-Length: "); at != answer.npos) {
    answer += receive(std::stoul(answer.substr(at + 16)));
  } else if (answer.find("Transfer-Encoding: chunked") != answer.npos) {
    answer += receive_until("0\r\n\r\n");
  }
  return answer;
}

bool RawPeer::is_closed() {
  run_ready(loop_);
  while (pump()) {
  }
  return ended_;
}

void RawPeer::end_sending() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void RawPeer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.close();
}

void RawPeer::set_receive_buffer(int bytes) {
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

}  // namespace meantime::test
