// SPDX-License-Identifier: MIT
#include "client/mcp_client.hpp"

#include <algorithm>
#include <utility>

#include "client/client_impl.hpp"
#include "client/http_transport.hpp"
#include "client/stdio_transport.hpp"
#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "mcp/splice.hpp"

namespace meantime::client {
namespace {

constexpr unsigned most_rounds = 100;  // of input in one request; a server that never ends asking is left
constexpr Milliseconds between_empty_rounds{200};
constexpr Milliseconds for_farewells{2'000};
constexpr std::uint32_t logs_per_connection = 100;
constexpr std::size_t most_quoted = 200;  // bytes of what a server said, in an error

}  // namespace

std::string text_of(const Failure& failure) {
  if (const auto* rpc = std::get_if<RpcError>(&failure)) {
    return rpc->message + " (code " + std::to_string(rpc->code) + ")";
  }
  return std::get<Error>(failure).detail;
}

Error to_error(Failure failure) {
  if (auto* error = std::get_if<Error>(&failure)) return std::move(*error);
  return {errc::corrupt, "upstream.request", "the upstream answered: " + text_of(failure)};
}

Task<Result<std::vector<InputResponse>>> RequestHooks::on_input(std::vector<InputRequest> /*requests*/) {
  co_return fail(errc::unsupported, "client.input", "nobody here can answer questions");
}

void Gate::open_once() {
  for (Wake* each : waiters_) each->notify();
}

Task<void> Gate::wait() {
  struct Listed {
    Listed(std::vector<Wake*>& in, Wake& what) : list(in), wake(what) { list.push_back(&wake); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    ~Listed() { std::erase(list, &wake); }
    std::vector<Wake*>& list;
    Wake& wake;
  };
  Wake woken(loop_);
  const Listed listed(waiters_, woken);
  co_await woken.wait();
}

McpClient::Impl::Call::Call(Impl& impl, RequestHooks* its_hooks) : hooks(its_hooks), impl_(impl) {
  ++impl_.callers_;
  impl_.last_used_ = impl_.clock_.now();
  if (hooks == nullptr) return;
  token = ++impl_.last_number_;
  impl_.calls_.emplace(token, this);
  place_ = impl_.call_order_.insert(impl_.call_order_.end(), this);
}

McpClient::Impl::Call::~Call() {
  --impl_.callers_;
  impl_.last_used_ = impl_.clock_.now();
  if (hooks == nullptr) return;
  impl_.calls_.erase(token);
  impl_.call_order_.erase(place_);
}

McpClient::Impl::Exchange::Exchange(Impl& impl, Call* its_call, std::string_view its_method, bool is_whole)
    : number(++impl.last_number_), call(its_call), method(its_method), whole(is_whole), impl_(&impl) {
  impl.exchanges_.emplace(number, this);
}

McpClient::Impl::Exchange::~Exchange() {
  if (impl_ == nullptr) return;
  impl_->exchanges_.erase(number);
  if (sent_) impl_->withdraw(number, method);
}

void McpClient::Impl::Exchange::complete(Arrival arrival) {
  std::exchange(impl_, nullptr)->exchanges_.erase(number);
  arrival_ = std::move(arrival);
  if (waiter_) std::exchange(waiter_, nullptr).resume();
}

void McpClient::Impl::Exchange::give_up(Error why) {
  if (sent_) impl_->withdraw(number, method);
  complete({.fault = Fault{.error = std::move(why)}});
}

McpClient::Impl::Impl(Loop& loop, Clock& clock, ClientOptions options, ClientEvents* events)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      events_(events),
      remembered_(options_.revision),
      backoff_(options_.backoff_first),
      connected_gate_(loop.io()),
      idle_gate_(loop.io()) {
  marks_.client_info = options_.client_info;
  marks_.log_level = options_.log_level;
}

McpClient::Impl::~Impl() {
  listen_.reset();
  revive_.reset();
  attempt_.reset();
  background_.reset();
  for (const auto& [number, exchange] : exchanges_) exchange->detach();
}

void McpClient::Impl::log(std::string_view text) {
  if (!options_.log || logged_ > logs_per_connection) return;
  const bool last = logged_++ == logs_per_connection;
  options_.log("upstream '" + name() + "': " + (last ? "more of this is not logged" : std::string(text)));
}

bool McpClient::Impl::stateless() const noexcept {
  return mcp::family_of(revision_) == mcp::Family::stateless;
}

Task<void> McpClient::Impl::pause(Milliseconds duration) {
  Wake over(loop_.io());
  const auto alarm = clock_.make_alarm([&over] { over.notify(); });
  alarm->set(clock_.now() + duration);
  co_await over.wait();
}

void McpClient::Impl::send_line(std::string_view line, std::string_view method) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (const auto sent = transport_->send({.line = line, .method = method, .revision = revision_}); !sent) {
    if (state_ == State::ready) log(sent.error().detail);
  }
}

void McpClient::Impl::withdraw(RequestNumber number, std::string_view method) {
  transport_->abandon(number);
  // Over HTTP the stateless family takes the closed stream for the cancel.
  const bool told = stateless() && transport_->kind() == mcp::EraProbe::Transport::http;
  // Before its handshake a server wants to hear of nothing else.
  const bool probing = method == "initialize" || method == "server/discover";
  if (told || probing || state_ == State::down) return;
  std::string line;
  mcp::append_notification(line, "notifications/cancelled", "{\"requestId\":" + std::to_string(number) + "}");
  send_line(line, "notifications/cancelled");
}

std::string McpClient::Impl::final_params(const Round& round, RequestNumber token) const {
  const std::string token_text = token == 0 ? std::string() : std::to_string(token);
  if (stateless()) {
    if (!round.capabilities && !round.log_level) return mcp::with_client_marks(round.params, marks_, token_text);
    mcp::ClientMarks marks = marks_;
    if (round.log_level) marks.log_level = round.log_level;
    if (round.capabilities) {
      mcp::ClientCapabilities capabilities = *round.capabilities;
      capabilities.tasks = options_.tasks;
      marks.capabilities = mcp::to_json(capabilities, revision_);
    }
    return mcp::with_client_marks(round.params, marks, token_text);
  }
  if (token == 0) return std::string(round.params);
  const mcp::JsonSpan params(round.params.empty() ? std::string_view("{}") : round.params);
  const mcp::JsonSpan meta = mcp::member(params, "_meta");
  const mcp::JsonSpan object(meta.is_object() ? meta.raw() : std::string_view("{}"));
  return mcp::with_member(params, "_meta", mcp::with_member(object, "progressToken", token_text));
}

Result<void> McpClient::Impl::send(Exchange& exchange, const Round& round) {
  const std::string params = final_params(round, exchange.call != nullptr ? exchange.call->token : 0);
  std::string line;
  line.reserve(params.size() + round.method.size() + 64);
  mcp::append_request(line, std::to_string(exchange.number), round.method, params);
  line.pop_back();
  auto sent = transport_->send({.line = line,
                                .number = exchange.number,
                                .method = round.method,
                                .params = params,
                                .revision = revision_,
                                .param_headers = round.facts != nullptr ? &round.facts->headers : nullptr});
  if (sent) exchange.sent();
  return sent;
}

Task<Arrival> McpClient::Impl::exchange_once(Call* call, Round round) {
  Exchange exchange(*this, call, round.method, round.whole);
  if (const auto sent = send(exchange, round); !sent) co_return Arrival{.fault = Fault{.error = sent.error()}};
  if (round.limit == Milliseconds(0)) co_return co_await exchange;
  const auto alarm = clock_.make_alarm([&exchange, this, limit = round.limit] {
    exchange.give_up({errc::timed_out, "upstream.request",
                      "upstream '" + name() + "' did not answer " + std::string(exchange.method) + " within " +
                          format_duration(limit)});
  });
  alarm->set(clock_.now() + round.limit);
  co_return co_await exchange;
}

Failure McpClient::Impl::read_error(std::string_view raw) const {
  const mcp::JsonSpan code = mcp::member(mcp::JsonSpan(raw), "code");
  const mcp::JsonSpan message = mcp::member(mcp::JsonSpan(raw), "message");
  if (code.integer() && std::in_range<int>(*code.integer()) && message.is_string()) {
    return RpcError{.code = static_cast<int>(*code.integer()), .message = message.text(), .raw = std::string(raw)};
  }
  // It would not pass for an error with our own client either.
  return Error{errc::corrupt, "upstream.request",
               "upstream '" + name() + "' answered with an error that lacks its code or message: " +
                   std::string(raw.substr(0, utf8::cut_length(raw, most_quoted)))};
}

Answer McpClient::Impl::to_answer(Arrival arrival) const {
  if (arrival.fault) return std::unexpected(Failure(std::move(arrival.fault->error)));
  if (arrival.kind == mcp::Message::Kind::error) return std::unexpected(read_error(arrival.text));
  if (!mcp::JsonSpan(arrival.text).is_object()) {
    return std::unexpected(Failure(Error{errc::corrupt, "upstream.request",
                                         "upstream '" + name() + "' answered with a result that is no object: " +
                                             arrival.text.substr(0, utf8::cut_length(arrival.text, most_quoted))}));
  }
  return Reply{std::move(arrival.text), arrival.is_error};
}

Task<Result<std::vector<InputResponse>>> McpClient::Impl::ask(Call& call, std::vector<InputRequest> requests) {
  if (call.hooks == nullptr) {
    co_return fail(
        errc::unsupported, "upstream.input",
        "upstream '" + name() + "' asks for input (" + requests.front().method + ") that nobody here can give");
  }
  const std::size_t wanted = requests.size();
  auto answered = co_await call.hooks->on_input(std::move(requests));
  if (answered && answered->size() != wanted) {
    co_return fail(errc::internal, "upstream.input", "not every question was answered");
  }
  co_return answered;
}

const McpClient::Impl::ToolFacts* McpClient::Impl::facts_of(std::string_view params) const {
  if (facts_.empty()) return nullptr;
  const auto found = facts_.find(mcp::member(mcp::JsonSpan(params), "name").text());
  return found == facts_.end() ? nullptr : &found->second;
}

Task<Answer> McpClient::Impl::request(Request request, Milliseconds limit) {
  const bool is_call = request.method == "tools/call";
  std::optional<Call> call;
  std::string repeated;  // params of a further round
  std::string with_task;
  bool session_tried = false;
  bool list_tried = false;
  bool version_tried = false;
  for (unsigned round = 0; round < most_rounds;) {
    if (state_ != State::ready) {
      if (auto connected = co_await connect(); !connected) co_return std::unexpected(Failure(connected.error()));
    }
    if (exchanges_.size() >= options_.max_open) {
      co_return std::unexpected(Failure(Error{errc::overloaded, "upstream.request",
                                              "upstream '" + name() + "' has " + std::to_string(exchanges_.size()) +
                                                  " requests open already: ask again later"}));
    }
    if (!call) call.emplace(*this, request.hooks);
    if (request.hooks != nullptr) want_logs(request.log_level);
    std::string_view params = repeated.empty() ? request.params : repeated;
    const ToolFacts* facts = is_call ? facts_of(params) : nullptr;
    const bool as_task = facts != nullptr && facts->needs_task && mcp::has_requested_tasks(revision_) &&
                         server_->capabilities.tasks && options_.tasks;
    if (as_task) params = with_task = mcp::with_member(mcp::JsonSpan(params), "task", "{}");
    const std::uint64_t connection = connections_;
    Arrival arrival = co_await exchange_once(&*call, {.method = request.method,
                                                      .params = params,
                                                      .capabilities = request.capabilities,
                                                      .log_level = request.log_level,
                                                      .limit = limit,
                                                      .facts = facts});
    const bool lost = (arrival.fault && arrival.fault->session_lost) ||
                      (!arrival.fault && arrival.remedy == mcp::ErrorRemedy::new_session);
    if (lost && !std::exchange(session_tried, true)) {
      // Of many requests that lose one session only the first makes a new one.
      if (state_ == State::ready && connection == connections_) {
        transport_->forget_session();
        state_ = State::down;
      }
      continue;
    }
    if (arrival.fault) co_return to_answer(std::move(arrival));
    if (arrival.remedy == mcp::ErrorRemedy::list_again && is_call && !std::exchange(list_tried, true)) {
      if (const auto listed = co_await list(ListKind::tools); listed) continue;
    }
    if (arrival.remedy == mcp::ErrorRemedy::other_version && !std::exchange(version_tried, true)) {
      const auto other =
          mcp::choose_revision(mcp::member(mcp::member(mcp::JsonSpan(arrival.text), "data"), "supported"));
      if (other && *other != revision_ && !options_.revision) {
        remembered_ = other;
        if (state_ == State::ready && connection == connections_) state_ = State::down;
        continue;
      }
    }
    if (arrival.kind == mcp::Message::Kind::error) co_return to_answer(std::move(arrival));
    switch (arrival.result_kind) {
      case mcp::ResultKind::complete:
        if (as_task && arrival.is_task) co_return co_await follow_requested(*call, std::move(arrival.text));
        co_return to_answer(std::move(arrival));
      case mcp::ResultKind::task:
        co_return co_await follow(*call, std::move(arrival.text));
      case mcp::ResultKind::unknown:
        co_return std::unexpected(
            Failure(Error{errc::corrupt, "upstream.request",
                          "upstream '" + name() + "' answered " + std::string(request.method) +
                              " with a kind of result that was not asked for: " +
                              arrival.text.substr(0, utf8::cut_length(arrival.text, most_quoted))}));
      case mcp::ResultKind::input_required:
        break;
    }
    const auto message = mcp::read_message(arrival.text);
    auto input = mcp::read_input_round(*message);
    if (!input) {
      co_return std::unexpected(
          Failure(Error{errc::corrupt, "upstream.input", "upstream '" + name() + "': " + input.error()}));
    }
    std::vector<InputResponse> responses;
    if (!input->requests.empty()) {
      auto answered = co_await ask(*call, std::move(input->requests));
      if (!answered) co_return std::unexpected(Failure(answered.error()));
      responses = std::move(*answered);
    } else if (round > 0) {
      co_await pause(between_empty_rounds);
    }
    repeated = mcp::retry_params(request.params, responses, input->request_state);
    ++round;
  }
  co_return std::unexpected(Failure(
      Error{errc::corrupt, "upstream.input",
            "upstream '" + name() + "' asked for input " + std::to_string(most_rounds) + " times in one request"}));
}

Task<Answer> McpClient::Impl::call_tool(std::string params, RequestHooks* hooks,
                                        std::optional<mcp::ClientCapabilities> capabilities,
                                        std::optional<LogLevel> log_level) {
  co_return co_await request(
      {.method = "tools/call", .params = params, .hooks = hooks, .capabilities = capabilities, .log_level = log_level},
      Milliseconds(0));
}

void McpClient::Impl::fail_all(const Error& why) {
  std::vector<RequestNumber> numbers;
  numbers.reserve(exchanges_.size());
  for (const auto& [number, exchange] : exchanges_) numbers.push_back(number);
  std::ranges::sort(numbers);
  for (const RequestNumber number : numbers) {
    const auto found = exchanges_.find(number);
    if (found != exchanges_.end()) found->second->complete({.fault = Fault{.error = why}});
  }
}

Task<void> McpClient::Impl::close() {
  if (state_ == State::closing || state_ == State::closed) co_return;
  const bool was_ready = state_ == State::ready;
  state_ = State::closing;
  revive_.reset();
  listen_.reset();
  attempt_.reset();
  const Error why{errc::cancelled, "upstream.request", "the connection to upstream '" + name() + "' is being closed"};
  std::vector<RequestNumber> numbers;
  numbers.reserve(exchanges_.size());
  for (const auto& [number, exchange] : exchanges_) numbers.push_back(number);
  for (const RequestNumber number : numbers) {
    const auto found = exchanges_.find(number);
    if (found != exchanges_.end()) found->second->give_up(why);
  }
  if (std::exchange(connecting_, false)) {
    connected_ = std::unexpected(why);
    connected_gate_.open_once();
  }
  // Cancels of tasks that were open still leave.
  if (was_ready && !background_->empty()) {
    bool over = false;
    const auto alarm = clock_.make_alarm([this, &over] {
      over = true;
      idle_gate_.open_once();
    });
    alarm->set(clock_.now() + for_farewells);
    while (!over && !background_->empty()) co_await idle_gate_.wait();
  }
  background_.reset();
  co_await transport_->stop();
  state_ = State::closed;
}

// Those that come meanwhile wait for the end, as they wait for a start.
Task<void> McpClient::Impl::rest() {
  if (state_ != State::ready || connecting_ || busy()) co_return;
  listen_.reset();
  if (!exchanges_.empty()) co_return listen_again();
  state_ = State::down;
  rested_ = true;
  connecting_ = true;
  co_await transport_->stop();
  not_before_ = clock_.now();
  if (state_ != State::down || !connecting_) co_return;  // closed meanwhile
  if (connected_gate_.nobody_waits()) {
    connecting_ = false;
  } else {
    attempt_ = attempt();
  }
}

McpClient::McpClient(Loop& loop, Clock& clock, StdioOptions server, ClientOptions options, ClientEvents* events)
    : impl_(std::make_unique<Impl>(loop, clock, options, events)) {
  impl_->use(std::make_unique<StdioTransport>(loop, clock, *impl_, std::move(server), options.name, options.log));
}

McpClient::McpClient(Loop& loop, Clock& clock, http::Client& http, HttpOptions server, ClientOptions options,
                     ClientEvents* events)
    : impl_(std::make_unique<Impl>(loop, clock, options, events)) {
  impl_->use(std::make_unique<HttpTransport>(loop, clock, http, *impl_, std::move(server), options.name, options.log));
}

McpClient::~McpClient() = default;

Task<Result<void>> McpClient::connect() {
  return impl_->connect();
}
const ServerDescription* McpClient::server() const noexcept {
  return impl_->server();
}
const std::string& McpClient::name() const noexcept {
  return impl_->name();
}
Task<Answer> McpClient::request(Request request) {
  return impl_->request(request, Milliseconds(0));
}
Task<Answer> McpClient::call_tool(std::string_view tool, std::string_view arguments, RequestHooks* hooks,
                                  std::string_view meta, std::optional<mcp::ClientCapabilities> capabilities,
                                  std::optional<LogLevel> log_level) {
  std::string params;
  params.reserve(tool.size() + arguments.size() + meta.size() + 48);
  params += R"({"name":)";
  append_json_string(params, tool);
  params += R"(,"arguments":)";
  params += arguments.empty() ? std::string_view("{}") : arguments;
  if (!meta.empty()) {
    params += R"(,"_meta":{)";
    params += meta;
    params += '}';
  }
  params += '}';
  return impl_->call_tool(std::move(params), hooks, capabilities, log_level);
}
Task<Result<std::vector<std::string>>> McpClient::list(ListKind kind) {
  return impl_->list(kind);
}
Task<Result<void>> McpClient::subscribe(std::string uri) {
  return impl_->subscribe(std::move(uri));
}
Task<Result<void>> McpClient::unsubscribe(std::string uri) {
  return impl_->unsubscribe(std::move(uri));
}
Task<void> McpClient::close() {
  return impl_->close();
}
Task<void> McpClient::rest() {
  return impl_->rest();
}
bool McpClient::busy() const noexcept {
  return impl_->busy();
}
SteadyTime McpClient::last_used() const noexcept {
  return impl_->last_used();
}
std::size_t McpClient::open() const noexcept {
  return impl_->open();
}

}  // namespace meantime::client
