// SPDX-License-Identifier: MIT
#include "mcp/stdio_peer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <system_error>

#include "mcp/json_rpc.hpp"
#include "mcp/line_framer.hpp"
#include "meantime/asio.hpp"

namespace meantime::test {

struct StdioPeer::Pipes {
  explicit Pipes(boost::asio::io_context& loop) : to(loop), from(loop) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    session_in = in[0];
    session_out = out[1];
    to.assign(in[1]);
    from.assign(out[0]);
  }
  ~Pipes() {
    ::close(session_in);
    ::close(session_out);
  }
  int session_in = -1;
  int session_out = -1;
  boost::asio::posix::stream_descriptor to;
  boost::asio::posix::stream_descriptor from;
};

StdioPeer::StdioPeer()
    : store(make_memory_store(loop, clock)),
      manager(std::make_unique<TaskManager>(loop, ManagerPorts{clock, random, *store})),
      pipes_(std::make_unique<Pipes>(loop)) {
  reader_ = read();
}

StdioPeer::~StdioPeer() {
  if (session_) {
    if (!session_.done()) end();
    EXPECT_EQ(manager->running(), 0U);
    session_.reset();
  }
  reader_.reset();
  pipes_.reset();
  run(loop, store->close());
}

Task<void> StdioPeer::read() {
  mcp::LineFramer framer(std::size_t{256} << 20);
  for (;;) {
    const auto room = framer.prepare();
    const auto [error, got] =
        co_await pipes_->from.async_read_some(boost::asio::buffer(room.data(), room.size()), await);
    if (error) co_return;
    framer.commit(got);
    while (const auto line = framer.next()) lines_.emplace_back(line->text);
  }
}

void StdioPeer::wrap(serve::WrapOptions options) {
  options.session.handle_signals = false;
  session_ = serve::run_wrap(loop, *manager, clock, std::move(options), pipes_->session_in, pipes_->session_out);
}

void StdioPeer::serve(serve::ServeOptions options, bool handle_signals) {
  options.session.handle_signals = handle_signals;
  options.stdio = true;
  options.in_fd = pipes_->session_in;
  options.out_fd = pipes_->session_out;
  session_ = serve::run_serve(turns, *manager, clock, random, std::move(options));
}

namespace {
Task<void> write_all(boost::asio::posix::stream_descriptor& to, std::string bytes) {
  co_await boost::asio::async_write(to, boost::asio::buffer(bytes), await);
}
}  // namespace

void StdioPeer::send(std::string_view line) {
  run(loop, write_all(pipes_->to, std::string(line) + "\n"));
}

std::string StdioPeer::next() {
  run_until(loop, [&] { return !lines_.empty(); });
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

std::string StdioPeer::next_with_id(std::string_view id) {
  std::size_t looked_at = 0;
  std::string found;
  run_until(loop, [&] {
    for (; looked_at < lines_.size(); ++looked_at) {
      const auto message = mcp::read_message(lines_[looked_at]);
      if (!message || message->id.raw() != id) continue;
      found = lines_[looked_at];
      lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(looked_at));
      return true;
    }
    return false;
  });
  return found;
}

std::string StdioPeer::shake_hands(std::string_view revision, std::string_view client) {
  std::string answer = ask(R"({"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":")" +
                           std::string(revision) + R"(","capabilities":{},"clientInfo":{"name":")" +
                           std::string(client) + R"(","version":"1"}}})");
  send(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  return answer;
}

int StdioPeer::exit_code() {
  run_until(loop, [&] { return session_.done(); });
  return session_.take();
}

int StdioPeer::end() {
  boost::system::error_code ignored;
  pipes_->to.close(ignored);
  return exit_code();
}

std::string field(std::string_view object, std::string_view name) {
  const mcp::JsonSpan value = mcp::member(mcp::JsonSpan(object), name);
  return value.is_string() ? value.text() : std::string(value.raw());
}

std::string text_in(std::string_view answer) {
  std::string text;
  const mcp::JsonSpan error = mcp::member(mcp::JsonSpan(answer), "error");
  if (error) return mcp::member(error, "message").text();
  bool first = true;
  mcp::for_each_element(mcp::member(mcp::member(mcp::JsonSpan(answer), "result"), "content"), [&](mcp::JsonSpan block) {
    if (first) text = mcp::member(block, "text").text();
    first = false;
  });
  return text;
}

}  // namespace meantime::test
