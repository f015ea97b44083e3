// SPDX-License-Identifier: MIT
// How a client finds out what its server speaks, greets it, and comes back to it.
#include <algorithm>
#include <utility>

#include "client/client_impl.hpp"
#include "core/json_writer.hpp"
#include "mcp/results.hpp"
#include "mcp/server_request.hpp"

namespace meantime::client {
namespace {

constexpr Milliseconds worth_waiting{2'000};  // a pause that ends within this is waited for; else requests are refused
constexpr Milliseconds lived_well{10'000};    // then the next start is quick again
constexpr unsigned most_steps = 8;
constexpr std::string_view oldest_on_stdio = "2024-11-05";  // over pipes it differs in nothing that matters here

}  // namespace

Task<Result<void>> McpClient::Impl::connect() {
  if (state_ == State::ready) co_return Result<void>{};
  if (state_ == State::closing || state_ == State::closed) {
    co_return fail(errc::cancelled, "upstream.connect", "the connection to upstream '" + name() + "' is closed");
  }
  if (!connecting_) {
    const auto left = std::chrono::duration_cast<Milliseconds>(not_before_ - clock_.now());
    if (left > worth_waiting) {
      Error why = down_;
      why.retry_after = left;
      co_return std::unexpected(std::move(why));
    }
    connecting_ = true;
    attempt_ = attempt();
  }
  while (connecting_) co_await connected_gate_.wait();
  co_return connected_;
}

Task<void> McpClient::Impl::attempt() {
  // What came before may still be on the stack.
  co_await loop_.turn();
  if (const auto now = clock_.now(); now < not_before_) {
    co_await pause(std::chrono::ceil<Milliseconds>(not_before_ - now));
  }
  state_ = State::connecting;
  const bool again = server_.has_value() && !std::exchange(rested_, false);
  connected_ = co_await establish();
  if (connected_) {
    state_ = State::ready;
    up_since_ = clock_.now();
    ++connections_;
    logged_ = 0;
    if (transport_->kind() == mcp::EraProbe::Transport::http) backoff_ = options_.backoff_first;
    if (again) log("is up again");
  } else {
    down_ = connected_.error();
    co_await transport_->stop();
    state_ = State::down;
    remembered_ = options_.revision;
    not_before_ = clock_.now() + backoff_;
    backoff_ = std::min(backoff_ * 2, options_.backoff_most);
  }
  connecting_ = false;
  connected_gate_.open_once();
  if (!connected_) co_return;
  listen_again();
  if (events_ != nullptr) events_->on_connected(*server_);
}

Task<Arrival> McpClient::Impl::probe(const mcp::EraProbe::Step& step) {
  revision_ = step.revision;
  marks_.revision = revision_;
  mcp::ClientCapabilities capabilities = options_.capabilities;
  capabilities.tasks = options_.tasks;
  if (step.kind == mcp::EraProbe::Step::Kind::discover) {
    marks_.capabilities = mcp::to_json(capabilities, revision_);
    const bool stdio = transport_->kind() == mcp::EraProbe::Transport::stdio;
    co_return co_await exchange_once(nullptr, {.method = "server/discover",
                                               .params = "{}",
                                               .limit = stdio ? options_.probe_timeout : options_.connect_timeout,
                                               .whole = true});
  }
  std::string params;
  JsonWriter out(params);
  out.begin_object().field("protocolVersion", mcp::name_of(revision_));
  out.key("capabilities")
      .raw(options_.handshake_capabilities.empty() ? mcp::to_json(capabilities, revision_)
                                                   : options_.handshake_capabilities);
  out.key("clientInfo").raw(options_.client_info).end_object();
  co_return co_await exchange_once(
      nullptr, {.method = "initialize", .params = params, .limit = options_.connect_timeout, .whole = true});
}

Task<Result<void>> McpClient::Impl::establish() {
  using Kind = mcp::EraProbe::Step::Kind;
  if (auto started = transport_->start(); !started) co_return started;
  const bool stdio = transport_->kind() == mcp::EraProbe::Transport::stdio;
  auto pinned = remembered_;
  if (!pinned && discover_ends_it_) pinned = mcp::newest_handshake;
  mcp::EraProbe rules(transport_->kind(), pinned);
  mcp::EraProbe::Step step = rules.start();
  std::string result;
  for (unsigned steps = 0; steps < most_steps; ++steps) {
    if (step.kind == Kind::give_up) {
      co_return fail(errc::unavailable, "upstream.connect", "upstream '" + name() + "': " + step.why);
    }
    if (step.kind == Kind::ready) {
      if (mcp::family_of(step.revision) == mcp::Family::stateless && result.empty()) {
        // Pinned, or it disliked the question: what it offers is still worth knowing.
        const Arrival described = co_await probe({Kind::discover, step.revision, {}});
        if (described.fault && described.fault->http_status == 0) co_return std::unexpected(described.fault->error);
        const auto message = mcp::read_message(described.text);
        if (message && message->kind == mcp::Message::Kind::result) result = message->result.raw();
      }
      co_return co_await greet(step, std::move(result));
    }
    const bool discovering = step.kind == Kind::discover;
    Arrival arrival = co_await probe(step);
    if (arrival.fault) {
      const Fault& fault = *arrival.fault;
      if (fault.error.code == errc::timed_out) {
        step = rules.on_silence();
        if (step.kind == Kind::give_up) step.why += ": run it by hand to see what it waits for";
      } else if (fault.http_status != 0) {
        step = rules.on_http_error(fault.http_status);
        if (step.kind == Kind::give_up) step.why += "; " + fault.error.detail;
      } else if (stdio && discovering && fault.error.code == errc::unavailable) {
        // Some programs end when anything comes before initialize.
        discover_ends_it_ = true;
        co_await loop_.turn();
        co_await transport_->stop();
        if (auto started = transport_->start(); !started) co_return started;
        rules = mcp::EraProbe(transport_->kind(), mcp::newest_handshake);
        step = rules.start();
      } else {
        co_return std::unexpected(fault.error);
      }
      continue;
    }
    auto message = mcp::read_message(arrival.text);
    if (!discovering && message->kind == mcp::Message::Kind::result &&
        mcp::member(message->result, "protocolVersion").is(oldest_on_stdio)) {
      result = message->result.raw();
      step = {Kind::ready, mcp::Revision::r2025_03_26, {}};
      continue;
    }
    step = rules.on_answer(*message, arrival.http_status);
    result = step.kind == Kind::ready && message->kind == mcp::Message::Kind::result
                 ? std::string(message->result.raw())
                 : std::string();
  }
  co_return fail(errc::corrupt, "upstream.connect",
                 "upstream '" + name() + "' does not make up its mind about the version");
}

Task<Result<void>> McpClient::Impl::greet(const mcp::EraProbe::Step& step, std::string result) {
  revision_ = step.revision;
  marks_.revision = revision_;
  remembered_ = revision_;
  const mcp::JsonSpan described(result);
  ServerDescription server;
  server.revision = revision_;
  server.capabilities = mcp::read_server_capabilities(mcp::member(described, "capabilities"));
  server.server_info = stateless() ? mcp::member(mcp::member(described, "_meta"), mcp::server_info_key).raw()
                                   : mcp::member(described, "serverInfo").raw();
  server.instructions = mcp::member(described, "instructions").text();
  server.raw = std::move(result);
  server_ = std::move(server);
  if (stateless()) {
    mcp::ClientCapabilities capabilities = options_.capabilities;
    capabilities.tasks = options_.tasks;
    marks_.capabilities = mcp::to_json(capabilities, revision_);
    transport_->established(revision_);
    co_return Result<void>{};
  }
  std::string line;
  mcp::append_notification(line, "notifications/initialized", {});
  line.pop_back();
  if (auto told =
          co_await transport_->deliver({.line = line, .method = "notifications/initialized", .revision = revision_});
      !told) {
    co_return told;
  }
  transport_->established(revision_);
  told_level_ = options_.log_level;
  if (options_.log_level && server_->capabilities.logging) {
    std::string params;
    JsonWriter(params).begin_object().field("level", mcp::log_level_name(*options_.log_level)).end_object();
    const Arrival set = co_await exchange_once(
        nullptr, {.method = "logging/setLevel", .params = params, .limit = options_.connect_timeout});
    if (set.fault) co_return std::unexpected(set.fault->error);
  }
  for (const std::string& uri : resources_) {
    std::string params;
    JsonWriter(params).begin_object().field("uri", uri).end_object();
    background_->spawn([](Impl& self, std::string its_params) -> Task<void> {
      const auto done = co_await self.exchange_once(
          nullptr, {.method = "resources/subscribe", .params = its_params, .limit = self.options_.list_timeout});
      if (done.fault) self.log(done.fault->error.detail);
    }(*this, std::move(params)));
  }
  co_return Result<void>{};
}

void McpClient::Impl::on_down(const Error& why) {
  const bool was_ready = state_ == State::ready;
  if (was_ready) {
    if (clock_.now() - up_since_ >= lived_well) backoff_ = options_.backoff_first;
    state_ = State::down;
    not_before_ = clock_.now() + backoff_;
    backoff_ = std::min(backoff_ * 2, options_.backoff_most);
    log(why.detail);
  }
  down_ = why;
  Error unanswered = why;
  unanswered.detail += "; this request was not answered";
  fail_all(unanswered);
  if (!was_ready) return;
  if (events_ != nullptr) {
    events_->on_down(why);
    if (options_.listen && state_ == State::down) revive_ = revive();
  }
}

// A server that was there is wanted again before anybody asks: its lists may have changed.
Task<void> McpClient::Impl::revive() {
  while (state_ == State::down || state_ == State::connecting) {
    const auto left = std::chrono::ceil<Milliseconds>(not_before_ - clock_.now());
    co_await pause(std::max(left, Milliseconds(0)));
    const auto back = co_await connect();
    if (!back) log(back.error().detail);
  }
}

}  // namespace meantime::client
