// SPDX-License-Identifier: MIT
#include "serve/stdio.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>

#include "engine/wake.hpp"
#include "meantime/asio.hpp"

namespace meantime::serve {
namespace {

namespace asio = boost::asio;

constexpr std::size_t unread_bytes = std::size_t{16} << 20;  // answers; a client that takes none is not read either
constexpr int reads_before_a_turn = 16;
constexpr Milliseconds last_requests{30'000};  // may stay open after the last task ended: longer than await_task waits
constexpr Milliseconds last_answers{2'000};    // to be taken, before the end
constexpr int signal_exit = 128;

// What run_stdio waits for; each event sets its flag and wakes it.
struct Events {
  explicit Events(asio::io_context& loop) : wake(loop) {}
  Wake wake;
  bool client_gone = false;
  bool drained = false;
  bool late = false;
  bool closed = false;
  int signals = 0;
  int last_signal = 0;
};

Task<void> read_lines(StdioClient& client, mcp::LineFramer& framer, Session& session, LineWriter& out,
                      asio::io_context& loop, Events& events) {
  for (int in_a_row = 0;;) {
    session.begin_batch();
    while (const auto line = framer.next()) session.on_line(*line);
    session.end_batch();
    co_await out.wait_below(unread_bytes);
    const std::size_t got = co_await client.read(framer.prepare());
    if (got == 0) break;
    framer.commit(got);
    if (++in_a_row % reads_before_a_turn == 0) co_await asio::post(loop, await);
  }
  if (const auto line = framer.rest()) session.on_line(*line);
  events.client_gone = true;
  events.wake.notify();
}

Task<void> hear_signals(asio::signal_set& signals, Events& events) {
  for (;;) {
    const auto [error, signal] = co_await signals.async_wait(await);
    if (error) co_return;
    ++events.signals;
    events.last_signal = signal;
    events.wake.notify();
  }
}

Task<void> drain(TaskManager& manager, Milliseconds grace, Events& events) {
  co_await manager.drain(grace);
  events.drained = true;
  events.wake.notify();
}

Task<void> close(Session& session, Events& events) {
  co_await session.close();
  events.closed = true;
  events.wake.notify();
}

}  // namespace

StdioClient::Descriptor::Descriptor(asio::io_context& loop, int its_fd) : fd(loop) {
  const int copy = ::fcntl(its_fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "cannot use the client's streams");
  flags = ::fcntl(copy, F_GETFL);
  fd.assign(copy);
  ::fcntl(copy, F_SETFL, flags | O_NONBLOCK);
}

StdioClient::StdioClient(asio::io_context& loop, int in_fd, int out_fd) : in_(loop, in_fd), out_(loop, out_fd) {}

StdioClient::~StdioClient() {
  // The mode belongs to the open file, which a terminal shares with the shell.
  ::fcntl(out_.fd.native_handle(), F_SETFL, out_.flags);
  ::fcntl(in_.fd.native_handle(), F_SETFL, in_.flags);
}

Task<std::size_t> StdioClient::read(std::span<char> room) {
  // After a read that did not fill its room there is nothing more: the wait says at once when that was wrong.
  if (std::exchange(emptied_, false)) {
    const auto error = co_await in_.fd.async_wait(asio::posix::descriptor_base::wait_read, await);
    if (error == asio::error::operation_aborted) co_return 0;  // others: a file that cannot be waited for can be read
  }
  for (;;) {
    const ssize_t got = ::read(in_.fd.native_handle(), room.data(), room.size());
    if (got >= 0) {
      emptied_ = got > 0 && static_cast<std::size_t>(got) < room.size();
      co_return static_cast<std::size_t>(got);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return 0;
    const auto error = co_await in_.fd.async_wait(asio::posix::descriptor_base::wait_read, await);
    if (error) co_return 0;
  }
}

Task<Result<void>> StdioClient::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(out_.fd.native_handle(), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    const int why = errno;
    if (why == EAGAIN) {
      const auto error = co_await out_.fd.async_wait(asio::posix::descriptor_base::wait_write, await);
      if (!error) continue;
    }
    co_return fail(errc::unavailable, "stdio.write",
                   "the client no longer reads: " + std::generic_category().message(why));
  }
  co_return Result<void>();
}

Task<int> run_stdio(asio::io_context& loop, TaskManager& manager, Clock& clock, const SessionOptions& options,
                    Session& session, StdioClient& client, LineWriter& out, mcp::LineFramer framer) {
  Events events(loop);
  out.on_failure([&events] {
    events.client_gone = true;
    events.wake.notify();
  });
  session.on_idle([&events] { events.wake.notify(); });
  struct Listening {
    Session& session;
    LineWriter& out;
    ~Listening() {
      session.on_idle({});
      out.on_failure({});
    }
  } listening{session, out};
  std::optional<asio::signal_set> signals;
  Task<void> listener;
  if (options.handle_signals) {
    signals.emplace(loop, SIGTERM, SIGINT);
    listener = hear_signals(*signals, events);
  }
  Task<void> reader = read_lines(client, framer, session, out, loop, events);
  while (!events.client_gone && events.signals == 0) co_await events.wake.wait();

  // What still runs may go on for a while when the client just left, and briefly when a signal came.
  const int before = events.signals;
  const Milliseconds grace = before > 0 ? options.drain_grace : options.linger;
  const auto alarm = clock.make_alarm([&events] {
    events.late = true;
    events.wake.notify();
  });
  Task<void> draining = drain(manager, grace, events);
  Task<void> hastened;
  const int forced_at = 2;
  bool counting = false;
  while (!events.drained || (events.signals == 0 && session.busy() && !events.late && !out.failed())) {
    if (events.signals >= forced_at) co_return signal_exit + events.last_signal;
    if (events.signals > before && !hastened) hastened = drain(manager, options.drain_grace, events);
    co_await events.wake.wait();
    if (events.drained && !std::exchange(counting, true)) alarm->set(clock.now() + std::min(grace, last_requests));
  }
  reader.reset();
  Task<void> closing = close(session, events);
  while (!events.closed) {
    if (events.signals >= forced_at) co_return signal_exit + events.last_signal;
    co_await events.wake.wait();
  }
  co_await out.drain(clock, last_answers);
  co_return 0;
}

void log_to_stderr(std::string_view text) {
  std::string line = "meantime: ";
  line += text;
  line += '\n';
  // Best effort: there is nobody else to tell.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace meantime::serve
