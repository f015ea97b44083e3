// SPDX-License-Identifier: MIT
// own_adapter.cpp: results of slow tools brought to a place that meantime does not know: a notice board in the office,
// which takes a line over TCP and answers `OK <number>`, `BUSY <seconds>` or `NO <why>`. The adapter is one class;
// order, retries, taking over after a crash and giving up are the Deliverer's.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>

#include "meantime/asio.hpp"
#include "meantime/delivery.hpp"
#include "meantime/manager.hpp"
#include "meantime/memory_store.hpp"
#include "meantime/system_clock.hpp"

using boost::asio::ip::tcp;
using namespace std::chrono_literals;

class BoardAdapter final : public meantime::Adapter {
 public:
  BoardAdapter(boost::asio::io_context& io, tcp::endpoint board) : io_(io), board_(board) {}

  // The board throws away a line whose key it knows, whenever that comes.
  meantime::AdapterTraits traits() const noexcept override {
    return {.repeats = meantime::Repeats::noticed, .channels_at_once = 1, .between_messages = 100ms};
  }

  meantime::Result<void> check(const meantime::Redirect& redirect) const override {
    if (redirect.channel_id.find_first_of(" \r\n") == std::string::npos && !redirect.channel_id.empty()) return {};
    return meantime::fail(meantime::errc::invalid_argument, "board",
                          "The channel is the name of a board in one word, as 'kitchen'.");
  }

  // What is planned is kept in the store, and sent by whichever process comes to it.
  meantime::Result<std::vector<std::string>> plan(const meantime::Message& message) const override {
    constexpr std::size_t longest_line = 200;
    const meantime::TaskRecord& task = message.record;
    std::string all = task.tool_name + ": " + (task.error.empty() ? message.text : task.error);
    for (char& c : all) c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    std::vector<std::string> lines;
    while (!all.empty()) {
      std::size_t size = std::min(all.size(), longest_line);
      while (size < all.size() && (static_cast<unsigned char>(all[size]) & 0xC0U) == 0x80U) --size;  // whole characters
      lines.push_back(all.substr(0, size));
      all.erase(0, size);
    }
    return lines;
  }

  meantime::Task<meantime::SendAnswer> send(meantime::Outgoing message) override {
    tcp::socket socket(io_);
    if (auto wrong = co_await socket.async_connect(board_, meantime::await)) {
      co_return troubled(meantime::SendVerdict::retry_backoff, wrong.message());  // nothing was said yet
    }
    std::string line = "NOTE " + message.redirect.channel_id + ' ' + message.key + ' ';
    line.append(message.chunk).append("\n");
    auto [unsent, written] = co_await boost::asio::async_write(socket, boost::asio::buffer(line), meantime::await);
    std::string answer;
    auto [unread, size] = co_await boost::asio::async_read_until(socket, boost::asio::dynamic_buffer(answer, 1'024),
                                                                 '\n', meantime::await);
    if (unsent || unread) co_return troubled(meantime::SendVerdict::unknown, "the board broke off");

    answer.resize(size - 1);
    const std::string rest = answer.substr(std::min(answer.find(' ') + 1, answer.size()));
    if (answer.starts_with("OK ")) co_return meantime::SendAnswer{.remote_id = rest};
    if (answer.starts_with("BUSY ")) {
      co_return meantime::SendAnswer{.verdict = meantime::SendVerdict::retry_after,
                                     .after = std::chrono::seconds(std::atoi(rest.c_str())),
                                     .detail = "the board is busy"};
    }
    co_return troubled(meantime::SendVerdict::payload, rest);
  }

 private:
  static meantime::SendAnswer troubled(meantime::SendVerdict verdict, std::string why) {
    return {.verdict = verdict, .detail = "the board: " + std::move(why)};
  }

  boost::asio::io_context& io_;
  tcp::endpoint board_;
};

// The other side, so that this example runs by itself: busy once, then it takes what comes.
meantime::Task<void> board(tcp::acceptor& acceptor, int lines) {
  bool busy = true;
  for (int taken = 0; taken < lines;) {
    auto [refused, socket] = co_await acceptor.async_accept(meantime::await);
    std::string line;
    auto [unread, size] =
        co_await boost::asio::async_read_until(socket, boost::asio::dynamic_buffer(line), '\n', meantime::await);
    if (refused || unread) continue;
    const std::string answer = std::exchange(busy, false) ? "BUSY 0\n" : "OK " + std::to_string(++taken) + "\n";
    if (answer.starts_with("OK")) std::printf("%s", ("on the board: " + line.substr(line.rfind("crawl"))).c_str());
    co_await boost::asio::async_write(socket, boost::asio::buffer(answer), meantime::await);
  }
}

meantime::Task<meantime::ToolReturn> crawl(meantime::ToolContext& context) {
  co_await context.sleep(50ms);
  co_return meantime::ToolOutput("3 pages");
}

int main() {
  boost::asio::io_context io;
  meantime::SystemClock clock(io);
  meantime::SystemRandom random;
  auto store = meantime::make_memory_store(io, clock);
  tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});

  meantime::Deliverer deliverer({.loop = io, .clock = clock, .random = random, .store = *store});
  auto added = deliverer.add({.name = "office", .platform = "board", .channel_id = "kitchen"},
                             std::make_unique<BoardAdapter>(io, acceptor.local_endpoint()));
  if (!added) return std::printf("%s\n", added.error().detail.c_str()), 1;
  deliverer.start();

  meantime::TaskManager manager(io, {.clock = clock, .random = random, .store = *store, .delivery = &deliverer});
  (void)manager.add_tool({.name = "crawl", .coroutine = crawl});
  auto running = board(acceptor, 1);
  auto call =
      manager.call({.tool = "crawl", .arguments = {}, .budget = 10ms, .redirects = {{.destination = "office"}}});
  while (!running.done()) io.run_one();
  auto drained = deliverer.drain(1s);
  while (!drained.done()) io.run_one();
  std::printf("delivered\n");
}
