// SPDX-License-Identifier: MIT
#include "redis/store_peer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <stdexcept>

#include "support/co_test.hpp"

namespace meantime::test {
namespace {

struct Pipe {
  Descriptor from;
  Descriptor to;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

StorePeer::StorePeer(boost::asio::io_context& loop, const PeerOptions& options) : loop_(loop), output_(loop) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  child_ = Child({STORE_PEER, std::to_string(options.port), std::to_string(options.lease.count()),
                  std::to_string(options.heartbeat.count())},
                 {.in = in.from.get(), .out = out.to.get(), .err = STDERR_FILENO});
  input_ = std::move(in.to);
  output_.assign(dup(out.from.get()));
  listen();
}

StorePeer::~StorePeer() {
  kill();
}

void StorePeer::listen() {
  buffer_.resize(buffer_.size() + 4'096);
  const auto room = boost::asio::buffer(buffer_.data() + buffer_.size() - 4'096, 4'096);
  output_.async_read_some(room, [this](boost::system::error_code ec, std::size_t got) {
    if (ec == boost::asio::error::operation_aborted) return;  // this object may be gone
    buffer_.resize(buffer_.size() - 4'096 + got);
    for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n')) {
      lines_.push_back(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
    }
    if (!ec) listen();
  });
}

void StorePeer::say(const std::string& line) const {
  const std::string text = line + "\n";
  if (write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("the peer takes no input");
  }
}

std::string StorePeer::hear(const std::string& beginning) {
  const auto it = [&] {
    return std::ranges::find_if(lines_, [&](const std::string& line) { return line.starts_with(beginning); });
  };
  run_until(loop_, [&] { return it() != lines_.end(); });
  const auto at = it();
  std::string rest = at->substr(beginning.size());
  if (rest.starts_with(' ')) rest.erase(0, 1);
  lines_.erase(at);
  return rest;
}

std::size_t StorePeer::unheard(const std::string& beginning) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [&](const std::string& line) { return line.starts_with(beginning); }));
}

TaskId StorePeer::call(const std::string& tool, const std::string& name) {
  say("call " + name + " " + tool + " " + name);
  hear("began " + name);
  const std::string answer = hear("called " + name);
  const auto id = TaskId::parse(answer.substr(0, answer.find(' ')));
  if (!id || !answer.ends_with(" stored")) throw std::runtime_error("the peer's call: " + answer);
  return *id;
}

void StorePeer::kill() {
  child_.kill();
}

int StorePeer::leave() {
  input_.close();
  return child_.wait(std::chrono::seconds(30)).value_or(-1);
}

}  // namespace meantime::test
