// SPDX-License-Identifier: MIT
// fault_proxy.hpp: stands between a client and a server and does to their connections what networks do.
// Threads: it moves bytes on a thread of its own; every member may be called from any other thread, and has taken
// effect when it returns.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "support/descriptor.hpp"

namespace meantime::test {

class FaultProxy {
 public:
  enum class Towards : std::uint8_t { server, client };
  enum class Cut : std::uint8_t {
    politely,  ///< FIN: the other end reads an end of file.
    rudely,    ///< RST: what is under way is lost, the other end reads "connection reset".
  };
  struct Counts {
    std::uint64_t accepted = 0;   ///< Connections from clients so far; they are numbered from 0 in this order.
    std::uint64_t open = 0;       ///< Of these, those whose client's end is open.
    std::uint64_t to_server = 0;  ///< Bytes handed on.
    std::uint64_t to_client = 0;
  };

  /// Passes connections to 127.0.0.1:`server_port` on. One that cannot be made cuts the client's (rudely).
  explicit FaultProxy(std::uint16_t server_port);
  /// Cuts what is open.
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

  /// Ends all faults below. Connections that were silenced stay silent, as bytes of theirs are lost.
  void pass();
  /// New connections are refused; open ones go on.
  void refuse();
  /// New connections go to another server (a failover); open ones go on.
  void redirect(std::uint16_t server_port);
  /// Ends open connections now: all of them, or one.
  void cut(Cut how, std::optional<std::uint64_t> connection = {});
  /// Half-open: open connections, and new ones, take bytes from both ends and hand none on, nor the end of either.
  void silence();
  /// Only this open connection.
  void silence(std::uint64_t connection);
  /// Bytes arrive that much later; order is kept. Zero: at once.
  void delay(Towards towards, std::chrono::milliseconds by);
  /// One byte at a time in both directions, with a pause between two.
  void drip(std::chrono::microseconds pause);
  /// The next `bytes` bytes of replies get through, on any one connection, or on this, and then it is reset. Once.
  void reset_reply_after(std::uint64_t bytes, std::optional<std::uint64_t> connection = {});
  /// What the server says next, on any one connection or on this, is replaced by `garbage`. Once.
  void garble_reply(std::string garbage, std::optional<std::uint64_t> connection = {});

  [[nodiscard]] Counts counts() const;
  /// What the client of a connection has sent, up to its first 1 MiB.
  [[nodiscard]] std::string sent(std::uint64_t connection) const;
  /// The newest open connection whose client has sent this text (as "SUBSCRIBE").
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view text) const;
  /// Waits until `condition` holds for the counts. False: not within half a minute.
  [[nodiscard]] bool wait_until(const std::function<bool(const Counts&)>& condition) const;
  /// Called on the proxy's thread at each change of the counts, so that a loop that waits can look: post to it. Null:
  /// nobody is called.
  void on_change(std::function<void()> call);

 private:
  class Pump;
  void apply(std::function<void(Pump&)> change) const;

  std::uint16_t port_ = 0;
  std::unique_ptr<Pump> pump_;
  std::thread thread_;
};

}  // namespace meantime::test
