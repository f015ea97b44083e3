// SPDX-License-Identifier: MIT
#include "auth/loopback_consent.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "auth/gathering.hpp"
#include "auth/url.hpp"
#include "meantime/asio.hpp"

namespace meantime::auth {
namespace {

using boost::asio::ip::tcp;

constexpr std::size_t longest_request = 16U << 10U;
constexpr std::size_t most_connections = 16;
constexpr std::chrono::seconds request_limit{10};

// What the browser shows. It repeats nothing of the request.
std::string page(std::string_view status, std::string_view text) {
  std::string body = "<!doctype html><meta charset=utf-8><title>meantime</title><p>" + std::string(text) + "</p>\n";
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
         "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

class LoopbackConsent final : public Consent {
 public:
  LoopbackConsent(boost::asio::io_context& loop, LoopbackSettings settings,
                  std::function<void(const std::string&)> open)
      : loop_(loop), settings_(std::move(settings)), open_(std::move(open)) {}

  Result<std::string> redirect_uri(std::string_view last) override {
    if (!acceptor_) {
      std::uint16_t wanted = settings_.port;
      if (const auto before = parse_url(last); wanted == 0 && before && before->is_loopback()) wanted = before->port;
      auto problem = listen(wanted);
      if (problem && settings_.port == 0) problem = listen(0);
      if (problem) {
        return fail(errc::unavailable, "auth.consent",
                    "port " + std::to_string(wanted) + " of 127.0.0.1 cannot be listened on: " + problem.message());
      }
    }
    return uri();
  }

  Task<Result<std::string>> ask(std::string authorize_url) override {
    if (auto ready = redirect_uri({}); !ready) co_return std::unexpected(ready.error());
    answer_.reset();
    state_ = state_in(authorize_url);
    open_(authorize_url);
    {
      Gathering ended;
      TaskGroup tasks;  // when this coroutine goes, they go
      tasks.spawn(listen_for_redirect(ended));
      tasks.spawn(give_up_later(ended));
      if (!answer_) co_await ended.wait();
      // One of the tasks has woken us from inside itself: it must not be destroyed there.
      co_await boost::asio::post(loop_, await);
    }
    acceptor_.reset();
    co_return std::move(*answer_);
  }

 private:
  static std::string state_in(std::string_view url) {
    const auto fields = decode_form(url.substr(std::min(url.size(), url.find('?') + 1)));
    return fields ? std::string(only_field(*fields, "state").value_or("")) : std::string();
  }
  [[nodiscard]] std::string uri() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port()) + settings_.path;
  }

  boost::system::error_code listen(std::uint16_t port) {
    boost::system::error_code problem;
    auto acceptor = std::make_unique<tcp::acceptor>(loop_);
    const tcp::endpoint place(boost::asio::ip::address_v4::loopback(), port);
    acceptor->open(place.protocol(), problem);
    if (!problem) acceptor->set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem) acceptor->bind(place, problem);
    if (!problem) acceptor->listen(16, problem);
    if (!problem) acceptor_ = std::move(acceptor);
    return problem;
  }

  void end(Result<std::string> answer, Gathering& ended) {
    if (answer_) return;
    answer_ = std::move(answer);
    ended.wake_all();
  }

  Task<void> give_up_later(Gathering& ended) {
    boost::asio::steady_timer timer(loop_, settings_.limit);
    co_await timer.async_wait(await);
    end(fail(errc::timed_out, "auth.consent", "nobody agreed within the time: log in again"), ended);
  }

  // Browsers open connections ahead that stay silent, so several are served at once.
  Task<void> listen_for_redirect(Gathering& ended) {
    TaskGroup connections;
    while (!answer_) {
      auto [problem, socket] = co_await acceptor_->async_accept(await);
      if (problem) {
        end(fail(errc::unavailable, "auth.consent", "the redirect cannot be received: " + problem.message()), ended);
        co_return;
      }
      if (connections.size() < most_connections) connections.spawn(serve(std::move(socket), ended));
    }
  }

  Task<void> serve(tcp::socket accepted, Gathering& ended) {
    const auto socket = std::make_shared<tcp::socket>(std::move(accepted));
    boost::asio::steady_timer timer(loop_, request_limit);
    timer.async_wait([slow = std::weak_ptr(socket)](boost::system::error_code problem) {
      boost::system::error_code ignored;  // a socket that is closed already stays closed
      if (const auto open = slow.lock(); open && !problem) open->close(ignored);
    });
    std::string request;
    char piece[2048];
    while (!request.contains("\r\n\r\n")) {
      const auto [problem, size] = co_await socket->async_read_some(boost::asio::buffer(piece), await);
      if (problem || request.size() + size > longest_request) co_return;
      request.append(piece, size);
    }
    const std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
    const auto target_end = line.find(' ', 4);
    std::string_view target;
    if (line.starts_with("GET ") && target_end != std::string_view::npos) target = line.substr(4, target_end - 4);
    // Any page in the browser can send it here; only who knows the state ends the wait.
    const bool is_ours = target.substr(0, target.find('?')) == settings_.path && state_in(target) == state_;
    const auto text = is_ours ? page("200 OK", "You can close this window and go back to where you came from.")
                              : page("404 Not Found", "There is nothing here.");
    const std::string got = is_ours ? uri() + std::string(target.substr(settings_.path.size())) : std::string();
    co_await boost::asio::async_write(*socket, boost::asio::buffer(text), await);
    boost::system::error_code ignored;  // the browser may have closed first
    socket->shutdown(tcp::socket::shutdown_send, ignored);
    if (is_ours) end(got, ended);
  }

  boost::asio::io_context& loop_;
  LoopbackSettings settings_;
  std::function<void(const std::string&)> open_;
  std::unique_ptr<tcp::acceptor> acceptor_;
  std::string state_;
  std::optional<Result<std::string>> answer_;
};

}  // namespace

std::unique_ptr<Consent> make_loopback_consent(boost::asio::io_context& loop, LoopbackSettings settings,
                                               std::function<void(const std::string& url)> open) {
  return std::make_unique<LoopbackConsent>(loop, std::move(settings), std::move(open));
}

}  // namespace meantime::auth
