// SPDX-License-Identifier: MIT
#include "cli/run/front.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>

#include "cli/exit_code.hpp"
#include "cli/run/frames.hpp"
#include "cli/terminal.hpp"
#include "core/duration.hpp"

namespace meantime::cli {
namespace {

int number_in(std::string_view text) {
  int number = exit_code::failure;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::pair<std::string_view, std::string_view> first_line(std::string_view text) {
  const auto end = std::min(text.find('\n'), text.size());
  return {text.substr(0, end), end < text.size() ? text.substr(end + 1) : std::string_view{}};
}

class Front {
 public:
  Front(const RunArguments& arguments, int fd, int signal_fd) : arguments_(arguments), fd_(fd), signal_fd_(signal_fd) {}

  int run() {
    while (!exit_code_) {
      // One thing at a time: while somebody is slow to read our output, we are slow to read the supervisor's.
      if (unwritten_.empty()) {
        if (const auto piece = frames_.next()) {
          take(piece->kind, piece->bytes);
          continue;
        }
      }
      wait();
    }
    return *exit_code_;
  }

 private:
  void take(Frame kind, std::string_view bytes) {
    switch (kind) {
      case Frame::out:
      case Frame::err:
        unwritten_ = bytes;
        if (kind == Frame::out && !bytes.empty()) line_open_ = bytes.back() != '\n';
        unwritten_to_ = kind == Frame::out ? STDOUT_FILENO : STDERR_FILENO;
        return;
      case Frame::warning:
        complain(bytes);
        return;
      case Frame::done:
        exit_code_ = number_in(bytes);
        if (write_failed_ && exit_code_ == exit_code::ok) exit_code_ = exit_code::failure;
        return;
      case Frame::refused: {
        const auto [code, why] = first_line(bytes);
        complain(why);
        exit_code_ = number_in(code);
        return;
      }
      case Frame::backgrounded: {
        const auto [id, envelope] = first_line(bytes);
        show_task(std::string(id), std::string(envelope));
        exit_code_ = exit_code::still_running;
        return;
      }
    }
  }

  // The last line of standard output is always ours, whatever the command printed before.
  void show_task(const std::string& id, const std::string& envelope) {
    static_cast<void>(print((line_open_ ? "\n" : "") + (arguments_.quiet ? id : envelope) + "\n"));
    if (arguments_.quiet) return;
    const Paint paint(STDERR_FILENO);
    static_cast<void>(write_all(STDERR_FILENO, "meantime: not done after " + format_duration(arguments_.budget) +
                                                   ", goes on in the background: " + paint(Colour::bold, id) +
                                                   "\n  meantime await " + id + "\n  meantime output -f " + id +
                                                   "\n  meantime cancel " + id + "\n"));
  }

  void wait() {
    std::array<pollfd, 3> polled{{{signal_fd_, POLLIN, 0}, {fd_, POLLIN, 0}, {unwritten_to_, POLLOUT, 0}}};
    // The socket is looked at again once the output is out: its end and its bytes both wait there.
    if (unwritten_.empty()) {
      polled[2].fd = -1;
    } else {
      polled[1].fd = -1;
    }
    if (poll(polled.data(), polled.size(), -1) < 0) return;
    if (polled[0].revents != 0) pass_signal();
    if (polled[2].revents != 0) write_some();
    if (polled[1].revents != 0) receive();
  }

  void pass_signal() {
    signalfd_siginfo info{};
    if (read(signal_fd_, &info, sizeof info) != sizeof info) return;
    tell(static_cast<char>(info.ssi_signo));
  }

  void tell(char signal) { static_cast<void>(send(fd_, &signal, 1, MSG_NOSIGNAL)); }

  // No more at once than a pipe takes without blocking when it says it is ready: a signal must not wait behind it.
  void write_some() {
    const ssize_t written = write(unwritten_to_, unwritten_.data(), std::min<std::size_t>(unwritten_.size(), PIPE_BUF));
    if (written >= 0) {
      unwritten_.remove_prefix(static_cast<std::size_t>(written));
      return;
    }
    if (errno == EINTR || errno == EAGAIN) return;
    unwritten_ = {};
    if (errno != EPIPE) {
      if (!write_failed_) complain("cannot write the command's output: " + std::string(std::strerror(errno)));
      write_failed_ = true;
      return;
    }
    // As the command itself would be told that nobody reads any more.
    tell(static_cast<char>(SIGPIPE));
    exit_code_ = 128 + SIGPIPE;
  }

  void receive() {
    std::array<char, 64UL << 10U> bytes;
    const ssize_t count = read(fd_, bytes.data(), bytes.size());
    if (count > 0) {
      frames_.feed({bytes.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      complain("the supervisor of the command died; `meantime list` shows whether a task was recorded");
      exit_code_ = exit_code::failure;
    }
  }

  const RunArguments& arguments_;
  int fd_;
  int signal_fd_;
  FrameReader frames_;
  std::string_view unwritten_;  // inside frames_, which is not fed meanwhile
  int unwritten_to_ = -1;
  bool write_failed_ = false;
  bool line_open_ = false;
  std::optional<int> exit_code_;
};

}  // namespace

int stay_in_front(const RunArguments& arguments, int fd, int signal_fd) {
  return Front(arguments, fd, signal_fd).run();
}

}  // namespace meantime::cli
