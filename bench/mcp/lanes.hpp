// SPDX-License-Identifier: MIT
// lanes.hpp: the load: kept-alive HTTP/1.1 connections, on each one request at a time. As light as can be: what it
// costs itself is said beside each figure, and it shares the machine with what it measures.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/process.hpp"

namespace meantime::bench {

struct Reply {
  int status = 0;
  std::string_view head;
  std::string_view body;            ///< A chunked one as it came, with its frames.
  std::chrono::nanoseconds came{};  ///< Of the steady clock, which all processes share.
};

struct Request {
  std::string bytes;
  /// The answer is a stream without an end: it is taken when it has this text, and the connection is made anew.
  std::string until;
};

/// Gives the next request of a lane, into the one that it sent last, or false: the lane is at its end. The reply is
/// that to its last request; null at first.
using Next = std::function<bool(std::size_t lane, const Reply* reply, Request& request)>;

class Lanes {
 public:
  Lanes(std::uint16_t port, std::size_t count);
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;
  ~Lanes();

  /// Runs all lanes to their ends. Gives how long each request took to its answer, in microseconds.
  std::vector<double> run(const Next& next);

 private:
  struct Lane {
    int socket = -1;
    Request request;
    std::string in;
    std::chrono::nanoseconds sent{};
  };
  void open(std::size_t index);
  void send(Lane& lane);
  [[nodiscard]] bool read(std::size_t index, Reply& reply);

  std::uint16_t port_;
  int epoll_;
  std::vector<Lane> lanes_;
};

[[nodiscard]] std::chrono::nanoseconds steady_now();
/// A connected socket with Nagle's algorithm off.
[[nodiscard]] int connect_to(std::uint16_t port);

/// What a run cost and brought.
struct Figures {
  double per_second = 0;
  double server_us = 0;  ///< Processor time of the server, a call.
  double client_us = 0;  ///< The same of this process.
  double p50_us = 0;
  double p99_us = 0;
};

/// Runs the lanes; `calls`: by how many the costs are divided.
[[nodiscard]] Figures measure(const Process& server, Lanes& lanes, const Next& next, int calls);

[[nodiscard]] double quantile(std::vector<double> values, double part);
[[nodiscard]] double median(const std::vector<double>& values);
/// The median of each figure.
[[nodiscard]] Figures median(const std::vector<Figures>& rounds);

}  // namespace meantime::bench
