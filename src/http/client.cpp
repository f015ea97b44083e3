// SPDX-License-Identifier: MIT
#include "http/client.hpp"

#include <algorithm>

#include "http/client_thread.hpp"
#include "http/request.hpp"
#include "http/transfer.hpp"

namespace meantime::http {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.contains(c);
  });
}

Result<void> check(const ClientRequest& request) {
  const auto wrong = [](std::string what) { return fail(errc::invalid_argument, "http.client", std::move(what)); };
  if (!is_token(request.method)) return wrong("'" + request.method + "' is no HTTP method");
  if (!request.url.starts_with("http://") && !request.url.starts_with("https://"))
    return wrong("the URL must begin with http:// or https://");
  if (request.url.find('\0') != request.url.npos) return wrong("the URL has a zero byte");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return wrong("'" + name + "' is no name for a header");
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      return wrong("the value of the header '" + name + "' must be one line");
    if (equal_names(name, "content-length") || equal_names(name, "transfer-encoding"))
      return wrong("the header '" + name + "' follows from the body: leave it out");
  }
  if (request.addresses == Addresses::public_only && !request.unix_socket.empty())
    return wrong("a unix socket is not a public address");
  return {};
}

}  // namespace

std::optional<std::string_view> ResponseHead::header(std::string_view lower_case_name) const noexcept {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return std::nullopt;
}

// Lives as long as the client or one of its exchanges; the thread as long as the client.
class Client::Impl {
 public:
  explicit Impl(Loop& loop) : loop_(loop) {}

  // One exchange under way; ends it when it is given up.
  class Exchange {
   public:
    Exchange(std::shared_ptr<Impl> impl, std::shared_ptr<Transfer> transfer)
        : impl_(std::move(impl)), transfer_(std::move(transfer)) {}
    Exchange(Exchange&&) noexcept = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    Exchange& operator=(Exchange&&) = delete;
    ~Exchange() {
      if (!transfer_ || transfer_->ended()) return;
      transfer_->abandon();
      if (impl_->thread_) impl_->thread_->cancel(std::move(transfer_));
    }
    [[nodiscard]] Transfer& operator*() const noexcept { return *transfer_; }
    [[nodiscard]] Transfer* operator->() const noexcept { return transfer_.get(); }
    [[nodiscard]] const std::shared_ptr<Transfer>& transfer() const noexcept { return transfer_; }
    [[nodiscard]] const std::shared_ptr<Impl>& impl() const noexcept { return impl_; }

   private:
    std::shared_ptr<Impl> impl_;
    std::shared_ptr<Transfer> transfer_;
  };

  class Stream;

  static Task<Result<Response>> send(std::shared_ptr<Impl> impl, ClientRequest request);
  static Task<Result<std::unique_ptr<ResponseStream>>> open(std::shared_ptr<Impl> impl, ClientRequest request);
  static Task<Result<std::optional<std::string>>> read(std::shared_ptr<Impl> impl, std::shared_ptr<Transfer> transfer);
  void close() { thread_.reset(); }

 private:
  std::shared_ptr<Transfer> begin(ClientRequest request, bool as_stream) {
    auto transfer = std::make_shared<Transfer>(loop_, std::move(request), as_stream);
    if (!thread_) thread_ = std::make_unique<ClientThread>();
    thread_->start(transfer);
    return transfer;
  }

  Loop& loop_;
  std::unique_ptr<ClientThread> thread_;  // made when it is first needed
};

class Client::Impl::Stream final : public ResponseStream {
 public:
  Stream(Exchange exchange, ResponseHead head) : exchange_(std::move(exchange)), head_(std::move(head)) {}
  [[nodiscard]] const ResponseHead& head() const noexcept override { return head_; }
  [[nodiscard]] Task<Result<std::optional<std::string>>> read() override {
    return Impl::read(exchange_.impl(), exchange_.transfer());
  }

 private:
  Exchange exchange_;
  ResponseHead head_;
};

Task<Result<Response>> Client::Impl::send(std::shared_ptr<Impl> impl, ClientRequest request) {
  if (auto good = check(request); !good) co_return std::unexpected(std::move(good.error()));
  auto transfer = impl->begin(std::move(request), false);
  const Exchange exchange(std::move(impl), std::move(transfer));
  while (!exchange->ended()) co_await exchange->arrival();
  if (!exchange->end()) co_return std::unexpected(exchange->end().error());
  Response response;
  static_cast<ResponseHead&>(response) = std::move(*exchange->head());
  response.body = exchange->take_body().bytes;
  co_return response;
}

Task<Result<std::unique_ptr<ResponseStream>>> Client::Impl::open(std::shared_ptr<Impl> impl, ClientRequest request) {
  if (auto good = check(request); !good) co_return std::unexpected(std::move(good.error()));
  auto transfer = impl->begin(std::move(request), true);
  Exchange exchange(std::move(impl), std::move(transfer));
  while (!exchange->ended() && !exchange->head()) co_await exchange->arrival();
  if (!exchange->head()) co_return std::unexpected(exchange->end().error());
  ResponseHead head = std::move(*exchange->head());
  co_return std::unique_ptr<ResponseStream>(std::make_unique<Stream>(std::move(exchange), std::move(head)));
}

Task<Result<std::optional<std::string>>> Client::Impl::read(std::shared_ptr<Impl> impl,
                                                            std::shared_ptr<Transfer> transfer) {
  while (!transfer->ended() && !transfer->has_body()) co_await transfer->arrival();
  if (transfer->has_body()) {
    auto taken = transfer->take_body();
    if (taken.resume_wanted && impl->thread_) impl->thread_->resume(transfer);
    co_return std::optional<std::string>(std::move(taken.bytes));
  }
  if (!transfer->end()) co_return std::unexpected(transfer->end().error());
  co_return std::optional<std::string>();
}

Client::Client(Loop& loop) : impl_(std::make_shared<Impl>(loop)) {}

Client::~Client() {
  impl_->close();
}

Task<Result<Response>> Client::send(ClientRequest request) {
  return Impl::send(impl_, std::move(request));
}

Task<Result<std::unique_ptr<ResponseStream>>> Client::open(ClientRequest request) {
  return Impl::open(impl_, std::move(request));
}

}  // namespace meantime::http
