// SPDX-License-Identifier: MIT
#include "redis/bare_redis.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace meantime::bench {
namespace {

// Whole answers at the front of `bytes`: how many, and how long they are. Only what scripts and HSET answer.
std::pair<std::size_t, std::size_t> whole_answers(const std::string& bytes) {
  std::size_t count = 0;
  std::size_t at = 0;
  std::size_t open = 0;  // values still missing of the answer under way
  std::size_t whole = 0;
  while (at < bytes.size()) {
    const std::size_t end = bytes.find("\r\n", at);
    if (end == std::string::npos) break;
    const char kind = bytes[at];
    const long size = std::strtol(bytes.c_str() + at + 1, nullptr, 10);
    std::size_t next = end + 2;
    if (kind == '$' && size >= 0) next += static_cast<std::size_t>(size) + 2;
    if (next > bytes.size()) break;
    at = next;
    if (open != 0) --open;
    if (kind == '*' && size > 0) open += static_cast<std::size_t>(size);
    if (kind == '-') throw std::runtime_error("the server refused: " + bytes.substr(at, 80));
    if (open == 0) {
      ++count;
      whole = at;
    }
  }
  return {count, whole};
}

}  // namespace

double bare_commands_per_second(std::uint16_t port, const std::vector<std::string>& commands, std::size_t depth) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port);
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0 ||
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    throw std::runtime_error("cannot connect");
  }
  std::string out;
  std::string in;
  std::array<char, 65'536> piece{};
  const auto from = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < commands.size();) {
    out.clear();
    std::size_t waiting = 0;
    for (; waiting < depth && i < commands.size(); ++i, ++waiting) out += commands[i];
    for (std::size_t sent = 0; sent < out.size();) {
      const ssize_t n = ::send(socket, out.data() + sent, out.size() - sent, 0);
      if (n <= 0) throw std::runtime_error("cannot send");
      sent += static_cast<std::size_t>(n);
    }
    while (waiting != 0) {
      const ssize_t n = ::recv(socket, piece.data(), piece.size(), 0);
      if (n <= 0) throw std::runtime_error("cannot receive");
      in.append(piece.data(), static_cast<std::size_t>(n));
      const auto [count, size] = whole_answers(in);
      in.erase(0, size);
      waiting -= count;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
  ::close(socket);
  return static_cast<double>(commands.size()) / took.count();
}

double redis_benchmark(std::uint16_t port, std::uint64_t requests, const std::vector<std::string>& command) {
  std::string line =
      "redis-benchmark -p " + std::to_string(port) + " -c 1 -P 64 -r 1000000 --csv -n " + std::to_string(requests);
  for (const std::string& word : command) line += " '" + word + "'";
  FILE* out = popen((line + " 2>/dev/null").c_str(), "r");
  if (out == nullptr) return 0;
  std::string text;
  std::array<char, 4'096> piece{};
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), out)) text.append(piece.data(), n);
  pclose(out);
  // The last line: "what","requests a second",...
  const auto last = text.rfind("\",\"", text.rfind('\n', text.size() - 2) == std::string::npos ? 0 : text.size());
  if (last == std::string::npos) return 0;
  const auto row = text.rfind('\n', text.size() - 2);
  const auto first = text.find("\",\"", row == std::string::npos ? 0 : row);
  return first == std::string::npos ? 0 : std::strtod(text.c_str() + first + 3, nullptr);
}

}  // namespace meantime::bench
