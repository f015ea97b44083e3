// SPDX-License-Identifier: MIT
// offer_methods.cpp: resources, prompts and completion.
#include "mcp/json_rpc.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {

// What a prompt or resource asks: answered by the client, now or when it comes back.
class Round final : public InputRound {
 public:
  using Responses = Result<std::vector<InputResponse>>;
  explicit Round(std::vector<InputRequest> requests) : requests_(std::move(requests)) {}
  [[nodiscard]] const std::vector<InputRequest>& requests() const noexcept override { return requests_; }
  void answer(std::vector<InputResponse> responses) override { decide(std::move(responses)); }
  void refuse(Error why) override { decide(std::unexpected(std::move(why))); }
  void to_task() override { refuse({errc::unsupported, "serve.ask", "only a tool's call can become a task"}); }

  [[nodiscard]] bool await_ready() const noexcept { return decided_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  Responses await_resume() { return std::move(*decided_); }
  void forget() noexcept { waiter_ = {}; }

 private:
  void decide(Responses responses) {
    if (decided_) return;
    decided_ = std::move(responses);
    if (waiter_) std::exchange(waiter_, {}).resume();
  }
  std::vector<InputRequest> requests_;
  std::optional<Responses> decided_;
  std::coroutine_handle<> waiter_;
};

class Context final : public RequestContext {
 public:
  explicit Context(Work& work) : work_(work), caller_{work.info.who->owner, {}, "mcp"} {}
  [[nodiscard]] const Caller& caller() const noexcept override { return caller_; }
  void progress(Progress progress) override { work_.progress(progress); }
  [[nodiscard]] std::optional<LogLevel> log_level() const noexcept override { return work_.log_level(); }
  void log(LogLine line) override { work_.log(line); }
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest> requests) override {
    auto round = std::make_shared<Round>(std::move(requests));
    struct Forget {
      Round& round;
      ~Forget() { round.forget(); }
    } forget{*round};
    work_.inline_rounds = true;
    work_.asked(round);
    co_return co_await *round;
  }

 private:
  Work& work_;
  Caller caller_;
};

// A body that throws fails its own request and nothing else.
Task<Answer> answered(Work& work, std::unique_ptr<Context> context, Task<RpcAnswer> body, Answer::Kind kind) {
  std::string thrown;
  try {
    RpcAnswer answer = co_await std::move(body);
    if (answer) co_return Answer::of(std::move(*answer), kind);
    co_return answer_of(work, answer.error());
  } catch (const std::exception& fault) {
    thrown = fault.what();
  }
  co_return Answer::fault(mcp::RpcCode::internal_error, "Internal error: " + thrown);
}

template <class Start>
Task<Answer> run(Work& work, Answer::Kind kind, Start start) {
  auto context = std::make_unique<Context>(work);
  Context& here = *context;
  return answered(work, std::move(context), start(*work.server.options.offers, here), kind);
}

std::string_view member_of(OfferKind kind) {
  switch (kind) {
    case OfferKind::resources:
      return "resources";
    case OfferKind::templates:
      return "resourceTemplates";
    default:
      return "prompts";
  }
}

}  // namespace

Answer answer_of(const Work& work, const RpcFailure& failure) {
  if (failure.kind == RpcFailure::Kind::unsupported && work.info.stateless() && !work.missing_capability.empty()) {
    return Answer::fault(mcp::RpcCode::missing_capability, failure.message,
                         mcp::required_capabilities_data(work.missing_capability));
  }
  int code = failure.code;
  if (failure.kind == RpcFailure::Kind::unknown_resource) code = mcp::resource_not_found(work.info.revision);
  return Answer::fault(static_cast<mcp::RpcCode>(code), failure.message, failure.data);
}

Task<Answer> list_offers(Work& work, OfferKind kind, std::string cursor) {
  if (!cursor.empty()) {
    co_return Answer::fault(mcp::RpcCode::invalid_params,
                            "Invalid params: 'cursor' is none of this list, which has one page: leave it out");
  }
  if (work.server.options.tools_ready != nullptr) co_await work.server.options.tools_ready->wait();
  auto elements = co_await work.server.options.offers->list(kind);
  if (!elements) co_return Answer::fault(mcp::RpcCode::internal_error, elements.error().detail);
  std::string result = "{\"" + std::string(member_of(kind)) + "\":[";
  for (const std::string& element : *elements) {
    if (result.back() != '[') result += ',';
    result += element;
  }
  result += "]}";
  co_return Answer::of(std::move(result), Answer::Kind::cacheable);
}

Task<Answer> get_prompt(Work& work, std::string name, std::string arguments) {
  return run(work, Answer::Kind::plain, [&](OfferSource& source, Context& context) {
    return source.get_prompt(context, std::move(name), std::move(arguments));
  });
}

Task<Answer> read_resource(Work& work, std::string uri) {
  return run(work, Answer::Kind::cacheable,
             [&](OfferSource& source, Context& context) { return source.read_resource(context, std::move(uri)); });
}

Task<Answer> complete(Work& work, std::string params) {
  return run(work, Answer::Kind::plain,
             [&](OfferSource& source, Context& context) { return source.complete(context, std::move(params)); });
}

}  // namespace meantime::serve
