// SPDX-License-Identifier: MIT
#include "redis/original_peer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace meantime::test {
namespace {

constexpr std::chrono::seconds answer_limit{60};

boost::json::object with_user(boost::json::object request, const std::optional<std::string>& user_id) {
  if (user_id) request["user_id"] = *user_id;
  return request;
}

}  // namespace

OriginalPeer::OriginalPeer(std::uint16_t port, bool compact) {
  std::array<int, 2> in{}, out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const Descriptor its_in(in[0]), its_out(out[1]);
  requests_ = Descriptor(in[1]);
  answers_ = Descriptor(out[0]);
  std::vector<std::string> arguments{MEANTIME_PYTHON, ORIGINAL_PEER, "--port", std::to_string(port)};
  if (compact) arguments.emplace_back("--compact");
  child_ = Child(arguments, {.in = its_in.get(), .out = its_out.get(), .err = STDERR_FILENO});
}

OriginalPeer::~OriginalPeer() {
  requests_.close();
  if (child_) child_.wait(std::chrono::seconds(5));
}

void OriginalPeer::start(const std::string& task_id, const std::string& tool_name, const std::string& user_id,
                         const std::string& channel_id, const std::string& platform, double created_at) {
  ask({{"do", "start"},
       {"task_id", task_id},
       {"tool_name", tool_name},
       {"user_id", user_id},
       {"channel_id", channel_id},
       {"platform", platform},
       {"created_at", created_at}});
  answer();
}

void OriginalPeer::complete(const std::string& task_id, const std::string& result, const std::string& user_id) {
  ask({{"do", "finish"}, {"task_id", task_id}, {"user_id", user_id}, {"result", result}});
  answer();
}

void OriginalPeer::fail(const std::string& task_id, const std::string& error, const std::string& user_id) {
  ask({{"do", "finish"}, {"task_id", task_id}, {"user_id", user_id}, {"error", error}});
  answer();
}

std::string OriginalPeer::get_result(const std::string& task_id, std::optional<std::string> user_id) {
  ask(with_user({{"do", "get_result"}, {"task_id", task_id}}, user_id));
  return std::string(answer().at("text").as_string());
}

bool OriginalPeer::begin_await(const std::string& task_id, double timeout, std::optional<std::string> user_id) {
  ask(with_user({{"do", "await_result"}, {"task_id", task_id}, {"timeout", timeout}}, user_id));
  const auto first = answer();
  if (first.contains("waiting")) return true;
  early_ = std::string(first.at("text").as_string());
  return false;
}

std::string OriginalPeer::await_text() {
  if (early_) return *std::exchange(early_, std::nullopt);
  return std::string(answer().at("text").as_string());
}

void OriginalPeer::end() {
  requests_.close();
  if (!child_.wait(answer_limit)) throw std::runtime_error("the original's peer does not end");
}

void OriginalPeer::ask(const boost::json::object& request) const {
  const auto line = boost::json::serialize(request) + "\n";
  std::string_view left = line;
  while (!left.empty()) {
    const auto written = write(requests_.get(), left.data(), left.size());
    if (written <= 0) throw std::runtime_error("the original's peer hears nothing");
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

boost::json::object OriginalPeer::answer() {
  for (;;) {
    if (const auto end = unread_.find('\n'); end != std::string::npos) {
      auto object = boost::json::parse(std::string_view(unread_).substr(0, end)).as_object();
      unread_.erase(0, end + 1);
      return object;
    }
    pollfd ready{answers_.get(), POLLIN, 0};
    constexpr std::chrono::milliseconds limit = answer_limit;
    std::array<char, 1UL << 16> bytes{};
    const auto count =
        poll(&ready, 1, static_cast<int>(limit.count())) > 0 ? read(answers_.get(), bytes.data(), bytes.size()) : -1;
    if (count <= 0) throw std::runtime_error("the original's peer does not answer");
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace meantime::test
