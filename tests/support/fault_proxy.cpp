// SPDX-License-Identifier: MIT
#include "support/fault_proxy.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <future>
#include <stdexcept>
#include <vector>

#include "support/free_port.hpp"

namespace meantime::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_held = 1UL << 20;  // bytes of one direction under way, before its sender has to wait
constexpr std::size_t most_remembered = 1UL << 20;

// One direction of a connection.
struct Flow {
  struct Piece {
    Clock::time_point due;
    std::string bytes;
  };
  std::deque<Piece> pieces;
  std::size_t held = 0;
  std::size_t written = 0;         // of the first piece
  Clock::time_point not_before{};  // the next byte of one that drips
  bool ended = false;              // the sender will send no more
  bool closed = false;             // and the receiver was told

  [[nodiscard]] Clock::time_point due() const {
    return pieces.empty() ? Clock::time_point::max() : std::max(pieces.front().due, not_before);
  }
};

struct Link {
  std::uint64_t number = 0;
  Descriptor client, server;
  Flow up, down;
  bool silent = false;     // swallows all
  bool finishing = false;  // both were told of the end; waits for theirs
};

void reset(Descriptor& socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  if (socket) setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket.close();
}

void send_at_once(const Descriptor& socket) {
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

// All of it on the proxy's thread, but what says otherwise.
class FaultProxy::Pump {
 public:
  Pump(Descriptor listener, std::uint16_t server_port)
      : listener_(std::move(listener)), server_port_(server_port), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_ || listen(listener_.get(), SOMAXCONN) != 0) throw std::runtime_error("the proxy cannot listen");
  }

  void run() {
    while (!leaving_) {
      wait();
      accept_all();  // first: what a client takes for open is cut with the rest
      do_changes();
      for (auto& link : links_) serve(*link);
      settle();
    }
    for (auto& link : links_) drop(*link);
  }

  // Forgets what is closed, shows the counts, and wakes who waits for them.
  void settle() {
    std::erase_if(links_, [](const auto& link) { return !link->client && !link->server; });
    publish();
  }

  // Any thread.
  void post(std::function<void()> change) {
    {
      const std::lock_guard lock(mutex_);
      changes_.push_back(std::move(change));
    }
    const std::uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof one) != sizeof one) throw std::runtime_error("the proxy cannot be woken");
  }

  // Any thread.
  Counts shown() const {
    const std::lock_guard lock(mutex_);
    return shown_;
  }

  // Any thread but the proxy's.
  bool wait_until(const std::function<bool(const Counts&)>& condition) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return condition(shown_); });
  }

  void leave() { leaving_ = true; }

  void listen_again() {
    if (!listening_ && listen(listener_.get(), SOMAXCONN) != 0) throw std::runtime_error("the proxy cannot listen");
    listening_ = true;
    delays_ = {};
    drip_.reset();
    silent_ = false;
    reset_after_.reset();
    garbage_.reset();
    for (auto& link : links_) {
      if (!link->client) link->server.close();
    }
  }
  void refuse(std::uint16_t port) {
    if (!listening_) return;
    // Bound, so that the port stays ours, but deaf.
    listener_.close();
    listener_ = bound_socket(port);
    if (!listener_) throw std::runtime_error("the proxy lost its port");
    listening_ = false;
  }
  void redirect(std::uint16_t server_port) { server_port_ = server_port; }
  void cut(Cut how, std::optional<std::uint64_t> number) {
    for (auto& link : links_) {
      if (number && link->number != *number) continue;
      if (how == Cut::rudely || link->finishing) {
        drop(*link);
        continue;
      }
      link->finishing = link->silent = true;
      if (link->client) shutdown(link->client.get(), SHUT_WR);
      if (link->server) shutdown(link->server.get(), SHUT_WR);
    }
  }
  void silence(std::optional<std::uint64_t> number) {
    if (!number) silent_ = true;
    for (auto& link : links_) {
      if (!number || link->number == *number) link->silent = true;
    }
  }
  void delay(Towards towards, std::chrono::milliseconds by) { delays_.at(static_cast<std::size_t>(towards)) = by; }
  void drip(std::chrono::microseconds pause) { drip_ = pause; }
  void reset_reply_after(std::uint64_t bytes, std::optional<std::uint64_t> number) {
    reset_after_ = bytes;
    reset_on_ = number;
  }
  void garble_reply(std::string garbage, std::optional<std::uint64_t> number) {
    garbage_ = std::move(garbage);
    garbage_on_ = number;
  }
  void on_change(std::function<void()> call) { on_change_ = std::move(call); }

  std::string sent(std::uint64_t number) const { return number < sent_.size() ? *sent_[number] : std::string(); }
  std::optional<std::uint64_t> find(std::string_view text) const {
    for (auto link = links_.rbegin(); link != links_.rend(); ++link) {
      if ((*link)->client && sent_[(*link)->number]->find(text) != std::string::npos) return (*link)->number;
    }
    return std::nullopt;
  }

 private:
  void wait() {
    std::vector<pollfd> events{{wake_.get(), POLLIN, 0}};
    if (listening_) events.push_back({listener_.get(), POLLIN, 0});
    const auto now = Clock::now();
    auto next = Clock::time_point::max();
    const auto interest = [&](const Descriptor& socket, const Flow& in, const Flow& out) {
      short wanted = 0;
      if (!in.ended && in.held < most_held) wanted |= POLLIN;
      if (out.due() <= now) {
        wanted |= POLLOUT;
      } else {
        next = std::min(next, out.due());
      }
      // One of which nothing is wanted is left out: poll would never tire of telling that it is closed.
      if (socket && wanted != 0) events.push_back({socket.get(), wanted, 0});
    };
    for (const auto& link : links_) {
      interest(link->client, link->up, link->down);
      interest(link->server, link->down, link->up);
    }
    timespec limit{};
    if (next != Clock::time_point::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(next - now).count();
      limit = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    }
    ppoll(events.data(), events.size(), next == Clock::time_point::max() ? nullptr : &limit, nullptr);
  }

  void do_changes() {
    std::uint64_t count = 0;
    if (read(wake_.get(), &count, sizeof count) != sizeof count) return;
    std::vector<std::function<void()>> changes;
    {
      const std::lock_guard lock(mutex_);
      changes.swap(changes_);
    }
    for (auto& change : changes) change();
  }

  void accept_all() {
    while (listening_) {
      Descriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client) return;
      auto link = std::make_unique<Link>();
      link->number = now_.accepted++;
      link->silent = silent_;
      sent_.push_back(std::make_unique<std::string>());
      send_at_once(client);
      link->client = std::move(client);
      if (!silent_ && !connect(*link)) {
        drop(*link);
        continue;
      }
      links_.push_back(std::move(link));
    }
  }

  bool connect(Link& link) const {
    link.server = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in to{
        .sin_family = AF_INET, .sin_port = htons(server_port_), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    // On this machine it is there at once, or refused.
    if (::connect(link.server.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return false;
    send_at_once(link.server);
    return true;
  }

  void serve(Link& link) {
    take(link, link.client, link.up, Towards::server);
    take(link, link.server, link.down, Towards::client);
    give(link, link.server, link.up, Towards::server);
    give(link, link.client, link.down, Towards::client);
    if (link.silent) {
      // The server never hears of a client that went, unless both were told of the end.
      if (link.up.ended) link.client.close();
      if (link.finishing && (link.down.ended || !link.client)) link.server.close();
    } else if (link.up.closed && link.down.closed) {
      link.client.close();
      link.server.close();
    }
  }

  void take(Link& link, Descriptor& from, Flow& flow, Towards towards) {
    std::array<char, 1UL << 16> bytes{};
    while (from && !flow.ended && flow.held < most_held) {
      const auto count = recv(from.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0 && !link.silent) return drop(link);
      if (count <= 0) {
        flow.ended = true;
        return;
      }
      const std::string_view read(bytes.data(), static_cast<std::size_t>(count));
      if (towards == Towards::server) {
        auto& sent = *sent_[link.number];
        sent += read.substr(0, most_remembered - std::min(most_remembered, sent.size()));
      }
      if (link.silent) continue;
      const auto due = Clock::now() + delays_.at(static_cast<std::size_t>(towards));
      std::string piece(read);
      if (towards == Towards::client && garbage_ && (!garbage_on_ || *garbage_on_ == link.number)) {
        piece = std::move(*garbage_);
        garbage_.reset();
      }
      flow.held += piece.size();
      // Never before what came earlier, also when the delay was made shorter.
      flow.pieces.push_back({flow.pieces.empty() ? due : std::max(due, flow.pieces.back().due), std::move(piece)});
    }
  }

  void give(Link& link, Descriptor& to, Flow& flow, Towards towards) {
    if (link.silent) {
      flow.pieces.clear();
      flow.held = flow.written = 0;
      return;
    }
    while (to && flow.due() <= Clock::now()) {
      auto& piece = flow.pieces.front();
      auto bytes = std::string_view(piece.bytes).substr(flow.written);
      if (drip_) bytes = bytes.substr(0, 1);
      const bool to_be_reset = towards == Towards::client && reset_after_ && (!reset_on_ || *reset_on_ == link.number);
      if (to_be_reset) bytes = bytes.substr(0, *reset_after_);
      const auto count = bytes.empty() ? 0 : send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count < 0) return drop(link);
      (towards == Towards::server ? now_.to_server : now_.to_client) += static_cast<std::uint64_t>(count);
      flow.held -= static_cast<std::size_t>(count);
      flow.written += static_cast<std::size_t>(count);
      if (to_be_reset && (*reset_after_ -= static_cast<std::uint64_t>(count)) == 0) {
        reset_after_.reset();
        return drop(link);
      }
      if (flow.written == piece.bytes.size()) {
        flow.pieces.pop_front();
        flow.written = 0;
      }
      if (drip_) {
        flow.not_before = Clock::now() + *drip_;
        return;
      }
      flow.not_before = {};
    }
    if (to && flow.ended && flow.pieces.empty() && !flow.closed) {
      shutdown(to.get(), SHUT_WR);
      flow.closed = true;
    }
  }

  static void drop(Link& link) {
    reset(link.client);
    reset(link.server);
  }

  void publish() {
    now_.open = static_cast<std::uint64_t>(
        std::ranges::count_if(links_, [](const auto& link) { return static_cast<bool>(link->client); }));
    {
      const std::lock_guard lock(mutex_);
      if (shown_.accepted == now_.accepted && shown_.open == now_.open && shown_.to_server == now_.to_server &&
          shown_.to_client == now_.to_client) {
        return;
      }
      shown_ = now_;
    }
    changed_.notify_all();
    if (on_change_) on_change_();
  }

  Descriptor listener_;
  std::uint16_t server_port_;
  Descriptor wake_;
  bool listening_ = true;
  bool leaving_ = false;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<std::string>> sent_;  // by number
  std::array<std::chrono::milliseconds, 2> delays_{};
  std::optional<std::chrono::microseconds> drip_;
  bool silent_ = false;
  std::optional<std::uint64_t> reset_after_, reset_on_;
  std::optional<std::string> garbage_;
  std::optional<std::uint64_t> garbage_on_;
  std::function<void()> on_change_;
  Counts now_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::function<void()>> changes_;  // guarded by mutex_
  Counts shown_;                                // guarded by mutex_
};

FaultProxy::FaultProxy(std::uint16_t server_port) {
  Descriptor listener;
  while (!listener) {
    port_ = free_port();
    listener = bound_socket(port_);
  }
  pump_ = std::make_unique<Pump>(std::move(listener), server_port);
  thread_ = std::thread([this] { pump_->run(); });
}

FaultProxy::~FaultProxy() {
  pump_->post([this] { pump_->leave(); });
  thread_.join();
}

void FaultProxy::apply(std::function<void(Pump&)> change) const {
  std::promise<void> done;
  pump_->post([&] {
    try {
      change(*pump_);
      pump_->settle();
      done.set_value();
    } catch (const std::exception&) {
      done.set_exception(std::current_exception());
    }
  });
  done.get_future().get();
}

void FaultProxy::pass() {
  apply([](Pump& pump) { pump.listen_again(); });
}
void FaultProxy::refuse() {
  apply([this](Pump& pump) { pump.refuse(port_); });
}
void FaultProxy::redirect(std::uint16_t server_port) {
  apply([server_port](Pump& pump) { pump.redirect(server_port); });
}
void FaultProxy::cut(Cut how, std::optional<std::uint64_t> connection) {
  apply([&](Pump& pump) { pump.cut(how, connection); });
}
void FaultProxy::silence() {
  apply([](Pump& pump) { pump.silence({}); });
}
void FaultProxy::silence(std::uint64_t connection) {
  apply([connection](Pump& pump) { pump.silence(connection); });
}
void FaultProxy::delay(Towards towards, std::chrono::milliseconds by) {
  apply([&](Pump& pump) { pump.delay(towards, by); });
}
void FaultProxy::drip(std::chrono::microseconds pause) {
  apply([pause](Pump& pump) { pump.drip(pause); });
}
void FaultProxy::reset_reply_after(std::uint64_t bytes, std::optional<std::uint64_t> connection) {
  apply([&](Pump& pump) { pump.reset_reply_after(bytes, connection); });
}
void FaultProxy::garble_reply(std::string garbage, std::optional<std::uint64_t> connection) {
  apply([&](Pump& pump) { pump.garble_reply(std::move(garbage), connection); });
}
void FaultProxy::on_change(std::function<void()> call) {
  apply([&](Pump& pump) { pump.on_change(std::move(call)); });
}
FaultProxy::Counts FaultProxy::counts() const {
  return pump_->shown();
}
std::string FaultProxy::sent(std::uint64_t connection) const {
  std::string bytes;
  apply([&](const Pump& pump) { bytes = pump.sent(connection); });
  return bytes;
}
std::optional<std::uint64_t> FaultProxy::find(std::string_view text) const {
  std::optional<std::uint64_t> found;
  apply([&](const Pump& pump) { found = pump.find(text); });
  return found;
}
bool FaultProxy::wait_until(const std::function<bool(const Counts&)>& condition) const {
  return pump_->wait_until(condition);
}

}  // namespace meantime::test
