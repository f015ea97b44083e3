// SPDX-License-Identifier: MIT
// worker_process.hpp: a crash_worker as a child of the test.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "crash/crash_protocol.hpp"

namespace meantime::test {

class WorkerProcess {
 public:
  using OnReport = std::function<void(char, const TaskId&)>;

  /// Reports arrive on the loop, and the rest of them in kill().
  WorkerProcess(boost::asio::io_context& loop, std::vector<std::string> arguments, OnReport on_report)
      : on_report_(std::move(on_report)), output_(loop) {
    std::array<int, 2> out{};
    std::array<int, 2> in{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(in.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    arguments.insert(arguments.begin(), CRASH_WORKER);
    std::vector<char*> argv;
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    const int failed = posix_spawn(&pid_, CRASH_WORKER, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(in[0]);
    input_ = in[1];
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    output_.assign(out[0]);
    if (failed != 0) throw std::runtime_error("the worker cannot be started");
    wait_for_reports();
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess() {
    kill();
    close(input_);
  }

  void signal(int number) const { ::kill(pid_, number); }
  void ask(char what) const {
    if (write(input_, &what, 1) != 1) throw std::runtime_error("the worker takes no input");
  }
  /// kill -9; then what it said before is read to the end.
  void kill() {
    if (pid_ <= 0) return;
    signal(SIGKILL);
    reap();
  }
  /// Waits for its own end; its exit code.
  int reap() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    read_reports();
    output_.close();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  void wait_for_reports() {
    output_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code ec) {
      if (ec) return;
      if (read_reports()) wait_for_reports();
    });
  }
  // False: there will be no more.
  bool read_reports() {
    for (;;) {
      std::array<char, 4'096> buffer{};
      const ssize_t got = read(output_.native_handle(), buffer.data(), buffer.size());
      if (got <= 0) return got < 0;
      held_.append(buffer.data(), static_cast<std::size_t>(got));
      std::size_t at = 0;
      for (; held_.size() - at >= Report::bytes; at += Report::bytes) {
        on_report_(held_[at], TaskId::from_bytes(std::string_view(held_).substr(at + 1, TaskId::bytes)));
      }
      held_.erase(0, at);
    }
  }

  OnReport on_report_;
  boost::asio::posix::stream_descriptor output_;
  pid_t pid_ = -1;
  int input_ = -1;
  std::string held_;
};

}  // namespace meantime::test
