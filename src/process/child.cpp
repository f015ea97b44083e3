// SPDX-License-Identifier: MIT
// child.cpp: Child on an io_context. The exit is heard through a pidfd. An ended program is not reaped before its Child
// goes: the zombie keeps the group's number taken, so that a signal to the group can never reach a stranger.
#include "process/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "meantime/asio.hpp"

namespace meantime::process {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_bytes = 64UL * 1024;  // a pipe's own size
constexpr int reads_before_a_turn = 16;          // then others on the loop get theirs
constexpr int reap_at_exit_ms = 1'000;           // a killed process that is not gone by then hangs in the kernel

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// One of the three streams: our end, when there is one, and the child's.
struct Ends {
  Fd ours;
  Fd childs;
};

std::unexpected<Error> stream_error(const char* what) {
  const int error = errno;
  return fail(errc::unavailable, "process.start",
              std::string("cannot make ") + what + " for a program: " + std::generic_category().message(error) +
                  (error == EMFILE || error == ENFILE ? " (raise the limit of open files: ulimit -n)" : ""));
}

Result<Ends> open_ends(const Stream& stream, bool is_input) {
  switch (stream.kind) {
    case Stream::Kind::null: {
      Fd null(::open("/dev/null", (is_input ? O_RDONLY : O_WRONLY) | O_CLOEXEC));
      if (null.get() < 0) return stream_error("/dev/null");
      return Ends{Fd(), std::move(null)};
    }
    case Stream::Kind::pipe: {
      int pair[2];
      if (::pipe2(pair, O_CLOEXEC) != 0) return stream_error("a pipe");
      Ends ends{Fd(pair[is_input ? 1 : 0]), Fd(pair[is_input ? 0 : 1])};
      if (::fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK) != 0) return stream_error("a pipe");
      return ends;
    }
    case Stream::Kind::fd: {
      Fd copy(::fcntl(stream.fd, F_DUPFD_CLOEXEC, 3));
      if (copy.get() < 0) return stream_error("a copy of a descriptor");
      return Ends{Fd(), std::move(copy)};
    }
    case Stream::Kind::text: {
      Fd file(::memfd_create("meantime-stdin", MFD_CLOEXEC));
      if (file.get() < 0) return stream_error("a file in memory");
      for (std::string_view rest = stream.text; !rest.empty();) {
        const ssize_t written = ::write(file.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return stream_error("a file in memory");
        rest.remove_prefix(static_cast<std::size_t>(written));
      }
      if (::lseek(file.get(), 0, SEEK_SET) != 0) return stream_error("a file in memory");
      return Ends{Fd(), std::move(file)};
    }
    case Stream::Kind::with_stdout:
      break;
  }
  return Ends{};
}

// write(2) without the signal that a broken pipe raises, whatever the host program does with SIGPIPE.
ssize_t write_quietly(int fd, std::string_view bytes) {
  sigset_t pipe_signal;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    const timespec now{};
    while (sigtimedwait(&pipe_signal, nullptr, &now) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace

std::string ExitStatus::text() const {
  if (code) return "exit code " + std::to_string(*code);
  if (signal == 0) return "ended, but another part of this process took its exit code";
  const char* name = sigabbrev_np(signal);
  return "killed by signal " + std::to_string(signal) + (name != nullptr ? " (" + std::string(name) + ")" : "") +
         (core_dumped ? ", core dumped" : "");
}

// Shared with the operations in flight, so that a Child may be destroyed under them.
struct Child::State {
  struct Source {
    explicit Source(asio::io_context& loop) : fd(loop) {}
    asio::posix::stream_descriptor fd;
    std::unique_ptr<char[]> buffer;
    int reads_in_a_row = 0;
    bool emptied = false;  // the last read took all there was
  };

  State(asio::io_context& loop, Clock& its_clock)
      : clock(its_clock), pidfd(loop), in(loop), out(loop), err(loop), changed(loop, SteadyTime::max()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!abandoned || reaped || !pidfd.is_open()) return;
    // The loop is gone and the watch with it: the killed program is waited for here.
    pollfd waited{pidfd.native_handle(), POLLIN, 0};
    ::poll(&waited, 1, reap_at_exit_ms);
    reap();
  }

  Clock& clock;
  pid_t pid = -1;
  asio::posix::stream_descriptor pidfd;
  asio::posix::stream_descriptor in;
  Source out;
  Source err;
  asio::steady_timer changed;  // never expires: cancelling it wakes all who wait for the end
  std::optional<ExitStatus> status;
  bool sigpipe_is_ignored = false;
  bool abandoned = false;  // its Child is gone
  bool reaped = false;

  static void watch(std::shared_ptr<State> state) {
    auto& pidfd = state->pidfd;
    pidfd.async_wait(asio::posix::descriptor_base::wait_read, [state = std::move(state)](boost::system::error_code ec) {
      if (ec) return;
      if (!state->hear_end()) watch(state);
    });
  }

  bool hear_end() {
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.native_handle()), &info, WEXITED | WNOWAIT | WNOHANG) == 0) {
      if (info.si_pid == 0) return false;
      status.emplace();
      if (info.si_code == CLD_EXITED) {
        status->code = info.si_status;
      } else {
        status->signal = info.si_status;
        status->core_dumped = info.si_code == CLD_DUMPED;
      }
    } else {
      if (errno == EINTR) return false;
      status.emplace();  // the host ignores SIGCHLD, or waits for any child
      reaped = true;
    }
    changed.cancel();
    if (abandoned) reap();
    return true;
  }

  void signal_group(int signal) const noexcept {
    if (!reaped) ::kill(-pid, signal);
  }

  void reap() noexcept {
    if (reaped) return;
    signal_group(SIGKILL);  // what is left of the group, before its number is free
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.native_handle()), &info, WEXITED | WNOHANG) == 0 &&
        info.si_pid == 0) {
      return;
    }
    reaped = true;
  }

  void close_streams() {
    boost::system::error_code ignored;  // closing a pipe of ours tells nothing that could be mended
    for (auto* stream : {&in, &out.fd, &err.fd}) {
      if (stream->is_open()) stream->close(ignored);
    }
  }

  void abandon() {
    abandoned = true;
    close_streams();
    signal_group(SIGKILL);
    if (status) reap();
    changed.cancel();
  }

  void release() {
    close_streams();
    boost::system::error_code ignored;
    pidfd.close(ignored);
    changed.cancel();
  }

  static Task<std::string_view> read(std::shared_ptr<State> state, Source& source) {
    if (!source.buffer) source.buffer = std::make_unique_for_overwrite<char[]>(read_bytes);
    while (source.fd.is_open()) {
      if (!source.emptied && ++source.reads_in_a_row <= reads_before_a_turn) {
        const ssize_t got = ::read(source.fd.native_handle(), source.buffer.get(), read_bytes);
        if (got > 0) {
          source.emptied = static_cast<std::size_t>(got) < read_bytes;
          co_return std::string_view(source.buffer.get(), static_cast<std::size_t>(got));
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
          boost::system::error_code ignored;
          source.fd.close(ignored);
          break;
        }
      }
      source.reads_in_a_row = 0;
      source.emptied = false;
      const auto ec = co_await source.fd.async_wait(asio::posix::descriptor_base::wait_read, await);
      if (ec) break;
    }
    co_return std::string_view();
  }

  static Task<Result<void>> write(std::shared_ptr<State> state, std::string_view bytes) {
    while (!bytes.empty()) {
      if (!state->in.is_open()) {
        co_return fail(errc::unavailable, "process.write", "the program's standard input is closed");
      }
      const ssize_t written = state->sigpipe_is_ignored ? ::write(state->in.native_handle(), bytes.data(), bytes.size())
                                                        : write_quietly(state->in.native_handle(), bytes);
      if (written >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        co_return fail(errc::unavailable, "process.write",
                       "the program no longer reads its standard input: " + std::generic_category().message(errno));
      }
      const auto ec = co_await state->in.async_wait(asio::posix::descriptor_base::wait_write, await);
      if (ec) co_return fail(errc::unavailable, "process.write", "the program's standard input was closed");
    }
    co_return Result<void>();
  }

  [[nodiscard]] bool over() const { return status || abandoned || !pidfd.is_open(); }

  static Task<ExitStatus> wait(std::shared_ptr<State> state) {
    while (!state->over()) co_await state->changed.async_wait(await);
    co_return state->status.value_or(ExitStatus{});
  }

  static Task<void> wait_at_most(std::shared_ptr<State> state, Milliseconds limit) {
    bool late = false;
    const auto alarm = state->clock.make_alarm([&late, changed = &state->changed] {
      late = true;
      changed->cancel();
    });
    alarm->set(state->clock.now() + limit);
    while (!state->over() && !late) co_await state->changed.async_wait(await);
  }

  static Task<ExitStatus> terminate(std::shared_ptr<State> state, Milliseconds after_term, Milliseconds after_close) {
    if (!state->over() && after_close > Milliseconds(0)) {
      boost::system::error_code ignored;
      if (state->in.is_open()) state->in.close(ignored);
      co_await wait_at_most(state, after_close);
    }
    if (!state->over() && after_term > Milliseconds(0)) {
      state->signal_group(SIGTERM);
      state->signal_group(SIGCONT);  // a stopped process would sleep through it
      co_await wait_at_most(state, after_term);
    }
    if (state->pidfd.is_open()) state->signal_group(SIGKILL);
    co_return co_await wait(state);
  }
};

Result<Child> Child::start(asio::io_context& loop, Clock& clock, ChildOptions options) {
  if (options.argv.empty()) {
    return fail(errc::invalid_argument, "process.start", "the command is empty: name a program");
  }
  for (const auto& text : options.argv) {
    if (text.find('\0') != std::string::npos) {
      return fail(
          errc::invalid_argument, "process.start",
          "an argument of '" + options.argv[0] + "' holds a zero byte, which no argument can: pass it by stdin");
    }
  }
  Launch what;
  if (options.program.empty()) {
    Result<std::string> found = find_program(options.argv[0]);
    if (options.argv[0].find('/') != std::string::npos) found = options.argv[0];  // launch() says what is wrong with it
    if (!found) return std::unexpected(std::move(found).error());
    what.program = std::move(*found);
  } else {
    what.program = std::move(options.program);
  }
  Result<Ends> in = open_ends(options.in, true);
  if (!in) return std::unexpected(std::move(in).error());
  Result<Ends> out = open_ends(options.out, false);
  if (!out) return std::unexpected(std::move(out).error());
  Result<Ends> err = open_ends(options.err, false);
  if (!err) return std::unexpected(std::move(err).error());

  what.argv = std::move(options.argv);
  what.environment = options.environment ? std::move(*options.environment) : own_environment();
  what.folder = std::move(options.folder);
  what.standard[0] = in->childs.get();
  what.standard[1] = out->childs.get();
  what.standard[2] = options.err.kind == Stream::Kind::with_stdout ? out->childs.get() : err->childs.get();
  what.new_session = options.new_session;
  what.die_with_parent = options.die_with_parent;
  what.no_new_privileges = options.no_new_privileges;
  what.limits = options.limits;

  auto state = std::make_shared<State>(loop, clock);
  const Result<Launched> launched = launch(what);
  if (!launched) return std::unexpected(launched.error());
  state->pid = launched->pid;
  state->sigpipe_is_ignored = options.sigpipe_is_ignored;
  state->pidfd.assign(launched->pidfd);
  if (in->ours.get() >= 0) state->in.assign(in->ours.release());
  if (out->ours.get() >= 0) state->out.fd.assign(out->ours.release());
  if (err->ours.get() >= 0) state->err.fd.assign(err->ours.release());
  State::watch(state);
  return Child(std::move(state));
}

Child::Child(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Child::Child(Child&&) noexcept = default;
Child& Child::operator=(Child&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Child::~Child() {
  if (state_) state_->abandon();
}

pid_t Child::pid() const noexcept {
  return state_->pid;
}
Task<std::string_view> Child::read_out() {
  return State::read(state_, state_->out);
}
Task<std::string_view> Child::read_err() {
  return State::read(state_, state_->err);
}
Task<Result<void>> Child::write(std::string_view bytes) {
  return State::write(state_, bytes);
}
void Child::close_in() {
  boost::system::error_code ignored;
  if (state_->in.is_open()) state_->in.close(ignored);
}
Task<ExitStatus> Child::wait() {
  return State::wait(state_);
}
std::optional<ExitStatus> Child::status() const noexcept {
  return state_->status;
}
void Child::signal(int signal) noexcept {
  state_->signal_group(signal);
}
Task<ExitStatus> Child::terminate(Milliseconds after_term, Milliseconds after_close) {
  return State::terminate(state_, after_term, after_close);
}
void Child::release() noexcept {
  state_->release();
  state_.reset();
}

}  // namespace meantime::process
