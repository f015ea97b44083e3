// SPDX-License-Identifier: MIT
#include "support/raw_redis.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

namespace meantime::test {
namespace {

using Clock = std::chrono::steady_clock;

// Reads one value from `at` on. Absent: there is not all of it yet, and `at` means nothing.
std::optional<RedisValue> parse(std::string_view bytes, std::size_t& at) {
  const auto line_end = bytes.find("\r\n", at);
  if (line_end == std::string_view::npos) return std::nullopt;
  const char type = bytes[at];
  const std::string_view line = bytes.substr(at + 1, line_end - at - 1);
  at = line_end + 2;
  RedisValue value;
  const auto number = [&] {
    std::int64_t read = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), read);
    if (error != std::errc() || end != line.data() + line.size()) throw RedisGone("no number: " + std::string(line));
    return read;
  };
  switch (type) {
    case '+':
    case '-':
      value.kind = type == '+' ? RedisValue::Kind::status : RedisValue::Kind::error;
      value.text = line;
      return value;
    case ':':
      value.kind = RedisValue::Kind::integer;
      value.number = number();
      return value;
    case '$': {
      const auto length = number();
      if (length < 0) return value;
      const auto size = static_cast<std::size_t>(length);
      if (bytes.size() < at + size + 2) return std::nullopt;
      value.kind = RedisValue::Kind::string;
      value.text = bytes.substr(at, size);
      if (bytes.substr(at + size, 2) != "\r\n") throw RedisGone("a string is longer than it says");
      at += size + 2;
      return value;
    }
    case '*': {
      const auto count = number();
      if (count < 0) return value;
      value.kind = RedisValue::Kind::array;
      for (std::int64_t i = 0; i < count; ++i) {
        auto item = parse(bytes, at);
        if (!item) return std::nullopt;
        value.items.push_back(std::move(*item));
      }
      return value;
    }
    default:
      throw RedisGone("this is no RESP2: " + std::string(bytes.substr(at - line.size() - 3, 40)));
  }
}

}  // namespace

std::string RedisValue::shown() const {
  switch (kind) {
    case Kind::null:
      return "(nil)";
    case Kind::integer:
      return "(integer) " + std::to_string(number);
    case Kind::string:
      return '"' + text + '"';
    case Kind::status:
      return text;
    case Kind::error:
      return "(error) " + text;
    case Kind::array:
      break;
  }
  std::string all = "[";
  for (const auto& item : items) all += (all.size() > 1 ? ", " : "") + item.shown();
  return all + "]";
}

std::string redis_command(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return bytes;
}

RawRedis RawRedis::tcp(std::uint16_t port, const std::string& address) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw RedisGone("no connection to " + address + ":" + std::to_string(port) + ": " + std::strerror(errno));
  }
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return RawRedis(std::move(socket));
}

RawRedis RawRedis::unix_socket(const std::string& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un to{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof to.sun_path) throw RedisGone("too long for a socket's name: " + path);
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw RedisGone("no connection to " + path + ": " + std::strerror(errno));
  }
  return RawRedis(std::move(socket));
}

RedisValue RawRedis::command(const Words& words) {
  send(redis_command(words));
  return answer();
}

RedisValue RawRedis::ask(const Words& words) {
  auto value = command(words);
  if (value.is_error()) throw std::runtime_error(words.at(0) + ": " + value.text);
  return value;
}

std::vector<RedisValue> RawRedis::pipeline(const std::vector<Words>& commands) {
  std::string bytes;
  for (const auto& words : commands) bytes += redis_command(words);
  send(bytes);
  std::vector<RedisValue> answers;
  for (std::size_t i = 0; i < commands.size(); ++i) answers.push_back(answer());
  return answers;
}

std::vector<std::string> RawRedis::keys(const std::string& pattern) {
  std::set<std::string> found;
  std::string cursor = "0";
  do {
    const auto page = ask({"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"});
    cursor = page.items.at(0).text;
    for (const auto& key : page.items.at(1).items) found.insert(key.text);
  } while (cursor != "0");
  return {found.begin(), found.end()};
}

void RawRedis::subscribe(const Words& channels) {
  confirm("SUBSCRIBE", channels);
}
void RawRedis::subscribe_pattern(const Words& patterns) {
  confirm("PSUBSCRIBE", patterns);
}

void RawRedis::confirm(const std::string& verb, const Words& names) {
  Words words{verb};
  words.insert(words.end(), names.begin(), names.end());
  send(redis_command(words));
  for (std::size_t confirmed = 0; confirmed < names.size();) {
    const auto value = answer();
    if (value.is_error()) throw std::runtime_error(verb + ": " + value.text);
    if (value.items.at(0).text == "message") {
      early_.push_back({value.items.at(1).text, value.items.at(2).text});
    } else if (value.items[0].text == "pmessage") {
      early_.push_back({value.items.at(2).text, value.items.at(3).text});
    } else {
      ++confirmed;
    }
  }
}

std::optional<RedisMessage> RawRedis::next_message(Milliseconds limit) {
  if (!early_.empty()) {
    auto first = std::move(early_.front());
    early_.erase(early_.begin());
    return first;
  }
  const auto value = receive(limit);
  if (!value) return std::nullopt;
  if (value->items.size() == 3 && value->items[0].text == "message") {
    return RedisMessage{value->items[1].text, value->items[2].text};
  }
  if (value->items.size() == 4 && value->items[0].text == "pmessage") {
    return RedisMessage{value->items[2].text, value->items[3].text};
  }
  throw std::runtime_error("no message: " + value->shown());
}

void RawRedis::send(std::string_view bytes) {
  const auto give_up_at = Clock::now() + limit_;
  while (!bytes.empty()) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw RedisGone(std::string("the connection is cut: ") + std::strerror(errno));
    // A server that answers before it reads on must be read, or both wait for ever.
    pollfd ready{socket_.get(), POLLIN | POLLOUT, 0};
    const auto left = std::chrono::ceil<Milliseconds>(give_up_at - Clock::now()).count();
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) == 0) throw RedisGone("the server takes no more bytes");
    if ((ready.revents & POLLIN) != 0) fill(give_up_at);
  }
}

RedisValue RawRedis::answer() {
  auto value = receive(limit_);
  if (!value) throw RedisGone("the server is silent");
  return std::move(*value);
}

std::optional<RedisValue> RawRedis::receive(Milliseconds limit) {
  const auto give_up_at = Clock::now() + limit;
  for (;;) {
    std::size_t at = read_;
    auto value = read_ == unread_.size() ? std::nullopt : parse(unread_, at);
    if (value) {
      read_ = at;
      return value;
    }
    if (!fill(give_up_at)) return std::nullopt;
  }
}

std::string RawRedis::receive_bytes(std::size_t count) {
  const auto give_up_at = Clock::now() + limit_;
  while (unread_.size() - read_ < count) {
    if (!fill(give_up_at)) throw RedisGone("the server has said only: " + unread_.substr(read_));
  }
  auto bytes = unread_.substr(read_, count);
  read_ += count;
  return bytes;
}

bool RawRedis::fill(Clock::time_point give_up_at) {
  for (;;) {
    pollfd ready{socket_.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<Milliseconds>(give_up_at - Clock::now()).count();
    const int count = poll(&ready, 1, static_cast<int>(left > 0 ? left : 0));
    if (count == 0) return false;
    if (count < 0) continue;
    unread_.erase(0, std::exchange(read_, 0));
    const auto before = unread_.size();
    constexpr std::size_t piece = 1UL << 18;
    unread_.resize(before + piece);
    const auto read = ::recv(socket_.get(), unread_.data() + before, piece, 0);
    unread_.resize(before + (read > 0 ? static_cast<std::size_t>(read) : 0));
    if (read > 0) return true;
    if (read < 0 && errno == EINTR) continue;
    throw RedisGone(read == 0 ? "the server closed the connection"
                              : std::string("the connection is cut: ") + std::strerror(errno));
  }
}

}  // namespace meantime::test
