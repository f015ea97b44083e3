// SPDX-License-Identifier: MIT
// idle.cpp: what a connection costs that is kept open at the MCP door of `meantime serve`, after one call.
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

#include "mcp/benchmarks.hpp"
#include "mcp/gateway_program.hpp"

namespace meantime::bench {
namespace {

std::size_t room_for_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur - 100;
}

void call_once(int socket, const std::string& request) {
  std::array<char, 4096> answer{};
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()) ||
      ::recv(socket, answer.data(), answer.size(), 0) <= 0 ||
      std::string_view(answer.data()).find("\"result\"") == std::string_view::npos) {
    throw std::runtime_error(std::string("no answer but: ") + answer.data());
  }
}

}  // namespace

void idle_connections(const Places& places) {
  const std::size_t many = std::min<std::size_t>(places.small ? 300 : 10'000, room_for_files());
  const Folder folder;
  const auto server = start_gateway(places, folder, "[http.limits]\nconnections = 20000\nidle = \"10m\"\n");
  Lanes lanes(server->port(), 16);
  Calls plan(lanes, true, Family::y2026, "echo", "{}");
  (void)lanes.run(plan.next(2'000));
  const double before = server->resident_mb();
  Speech speech(Family::y2026, false);
  std::vector<int> sockets;
  std::string request;
  for (std::size_t i = 0; i < many; ++i) {
    sockets.push_back(connect_to(server->port()));
    speech.call(request, "echo", "{}");
    call_once(sockets.back(), request);
  }
  const double after = server->resident_mb();
  std::printf("%zu idle connections at the MCP door, each called once: %.2f KB each (%.1f MB before, %.1f MB after)\n",
              many, (after - before) * 1024 / static_cast<double>(many), before, after);
  for (const int socket : sockets) ::close(socket);
}

}  // namespace meantime::bench
