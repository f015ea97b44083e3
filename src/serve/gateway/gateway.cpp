// SPDX-License-Identifier: MIT
#include "serve/gateway/gateway.hpp"

#include <algorithm>

#include "core/json_writer.hpp"
#include "mcp/splice.hpp"
#include "serve/gateway/credentials.hpp"

namespace meantime::serve {
namespace {

constexpr int resource_not_found = -32002;  // of upstreams with a handshake
constexpr int invalid_params = -32602;

// Carries what an upstream tells and asks during a request to whoever asked us.
class Passing final : public client::RequestHooks {
 public:
  explicit Passing(RequestContext& context) : context_(context) {}
  void on_progress(const Progress& progress) override { context_.progress(progress); }
  void on_log(LogLine line) override { context_.log(std::move(line)); }
  [[nodiscard]] std::string_view owner() const noexcept override { return context_.caller().user_id; }
  [[nodiscard]] Task<Result<std::vector<InputResponse>>> on_input(std::vector<InputRequest> requests) override {
    return context_.ask(std::move(requests));
  }

 private:
  RequestContext& context_;
};

RpcFailure failure_of(client::Failure failure) {
  if (auto* error = std::get_if<Error>(&failure)) return RpcFailure::of(*error);
  auto& answered = std::get<client::RpcError>(failure);
  RpcFailure out;
  out.code = answered.code;
  out.message = std::move(answered.message);
  out.data = mcp::member(mcp::JsonSpan(answered.raw), "data").raw();
  return out;
}

bool says_unknown(const RpcFailure& failure) {
  if (failure.code == resource_not_found) return true;
  return failure.code == invalid_params && mcp::member(mcp::JsonSpan(failure.data), "uri");
}

Task<RpcAnswer> ask(client::McpClient& client, RequestContext& context, std::string_view method, std::string params) {
  Passing hooks(context);
  auto answer =
      co_await client.request({.method = method, .params = params, .hooks = &hooks, .log_level = context.log_level()});
  if (answer) co_return std::move(answer->result);
  co_return std::unexpected(failure_of(std::move(answer.error())));
}

// Counts what is under way at once, and wakes who waits for all of it.
class Together {
 public:
  Together(boost::asio::io_context& loop, std::size_t count) : open_(count), wake_(loop) {}
  void one_ended() {
    if (--open_ == 0) wake_.notify();
  }
  [[nodiscard]] Task<void> all_ended() {
    while (open_ > 0) co_await wake_.wait();
  }

 private:
  std::size_t open_;
  Wake wake_;
};

Task<void> gather(UpstreamServer& upstream, OfferKind kind, std::vector<std::string>& into, Together& together) {
  into = co_await upstream.list(kind);
  together.one_ended();
}

Task<void> reach(UpstreamServer& upstream, Together& together) {
  co_await upstream.ready();
  together.one_ended();
}

}  // namespace

Gateway::Gateway(GatewayParts parts, std::vector<config::UpstreamSettings> settings, Random& random,
                 const std::string& token_folder)
    : parts_(std::move(parts)), tokens_(token_folder.empty() ? nullptr : auth::make_file_token_store(token_folder)) {
  for (config::UpstreamSettings& each : settings) {
    auto credentials = credentials_of(each, parts_, random, tokens_.get());
    upstreams_.push_back(std::make_unique<UpstreamServer>(parts_, std::move(each), std::move(credentials),
                                                          static_cast<UpstreamListener&>(*this)));
  }
}

Gateway::~Gateway() = default;

void Gateway::start(ToolsReady& ready) {
  for (const auto& upstream : upstreams_) {
    if (upstream->eager()) group_.spawn(upstream->ready());
  }
  ready.when_wanted([this, &ready] { group_.spawn(make_ready(ready)); });
}

Task<void> Gateway::reach_all() {
  Together together(parts_.loop.io(), upstreams_.size());
  TaskGroup all;
  for (const auto& upstream : upstreams_) all.spawn(reach(*upstream, together));
  co_await together.all_ended();
}

Task<void> Gateway::make_ready(ToolsReady& ready) {
  co_await reach_all();
  ready.set();
}

Task<void> Gateway::stop() {
  for (const auto& upstream : upstreams_) co_await upstream->stop();
}

// Before an upstream was reached it may have anything; a client that asks gets what there is then.
bool Gateway::offers(OfferKind kind) const noexcept {
  return std::ranges::any_of(upstreams_, [&](const auto& each) { return each->may_offer(kind); });
}

bool Gateway::completes() const noexcept {
  return offers(OfferKind::prompts) || offers(OfferKind::resources);
}
bool Gateway::subscribes() const noexcept {
  return offers(OfferKind::resources);
}

Task<Result<std::vector<std::string>>> Gateway::list(OfferKind kind) {
  std::vector<std::vector<std::string>> parts(upstreams_.size());
  Together together(parts_.loop.io(), upstreams_.size());
  TaskGroup all;
  for (std::size_t i = 0; i < upstreams_.size(); ++i) all.spawn(gather(*upstreams_[i], kind, parts[i], together));
  co_await together.all_ended();
  std::vector<std::string> out;
  for (std::vector<std::string>& part : parts) {
    for (std::string& element : part) out.push_back(std::move(element));
  }
  co_return out;
}

UpstreamServer* Gateway::owner_of_prompt(std::string_view name) noexcept {
  UpstreamServer* found = nullptr;
  for (const auto& upstream : upstreams_) {
    if (!upstream->may_offer(OfferKind::prompts) || !name.starts_with(upstream->prefix())) continue;
    // The longest prefix that fits is the one that was put before it.
    if (found == nullptr || upstream->prefix().size() > found->prefix().size()) found = upstream.get();
  }
  return found;
}

Task<RpcAnswer> Gateway::get_prompt(RequestContext& context, std::string name, std::string arguments) {
  UpstreamServer* upstream = owner_of_prompt(name);
  if (upstream == nullptr) {
    co_return std::unexpected(
        RpcFailure::invalid_params("Unknown prompt: '" + name.substr(0, 128) + "'. prompts/list says which there are"));
  }
  co_await upstream->ready();
  std::string params;
  JsonWriter json(params);
  json.begin_object().field("name", std::string_view(name).substr(upstream->prefix().size()));
  if (!arguments.empty()) json.key("arguments").raw(arguments);
  json.end_object();
  co_return co_await ask(upstream->client(), context, "prompts/get", std::move(params));
}

// Those that listed it, or a template that makes it; else all that have resources, for not all is listed. One that
// still starts holds up only what nobody else is known to have.
Task<std::vector<UpstreamServer*>> Gateway::who_may_have(std::string uri) {
  std::vector<UpstreamServer*> known;
  for (const auto& upstream : upstreams_) {
    if (upstream->offers(OfferKind::resources) && upstream->has_resource(uri)) known.push_back(upstream.get());
  }
  if (!known.empty()) co_return known;
  co_await reach_all();
  for (const auto& upstream : upstreams_) {
    if (upstream->offers(OfferKind::resources)) known.push_back(upstream.get());
  }
  co_return known;
}

Task<RpcAnswer> Gateway::read_resource(RequestContext& context, std::string uri) {
  std::string params;
  JsonWriter(params).begin_object().field("uri", uri).end_object();
  for (UpstreamServer* upstream : co_await who_may_have(uri)) {
    RpcAnswer answer = co_await ask(upstream->client(), context, "resources/read", params);
    if (answer || !says_unknown(answer.error())) co_return answer;
  }
  co_return std::unexpected(RpcFailure::unknown_resource(uri));
}

Task<RpcAnswer> Gateway::complete(RequestContext& context, std::string params) {
  const mcp::JsonSpan ref = mcp::member(mcp::JsonSpan(params), "ref");
  if (mcp::member(ref, "type").is("ref/prompt")) {
    const std::string name = mcp::member(ref, "name").text();
    UpstreamServer* upstream = owner_of_prompt(name);
    if (upstream != nullptr) co_await upstream->ready();
    if (upstream == nullptr || !upstream->completes()) {
      co_return std::unexpected(RpcFailure::invalid_params("Unknown prompt: '" + name.substr(0, 128) + "'"));
    }
    std::string own;
    append_json_string(own, std::string_view(name).substr(upstream->prefix().size()));
    const std::string own_ref = mcp::with_member(ref, "name", own);
    params = mcp::with_member(mcp::JsonSpan(params), "ref", own_ref);
    co_return co_await ask(upstream->client(), context, "completion/complete", std::move(params));
  }
  const std::string uri = mcp::member(ref, "uri").text();
  for (UpstreamServer* upstream : co_await who_may_have(uri)) {
    if (!upstream->completes()) continue;
    RpcAnswer answer = co_await ask(upstream->client(), context, "completion/complete", params);
    if (answer || !says_unknown(answer.error())) co_return answer;
  }
  co_return std::unexpected(RpcFailure::invalid_params("Nothing here completes this 'ref'"));
}

Task<std::expected<void, RpcFailure>> Gateway::subscribe(std::string uri) {
  if (const auto known = subscribed_.find(uri); known != subscribed_.end()) {
    ++known->second.second;
    co_return std::expected<void, RpcFailure>();
  }
  std::optional<RpcFailure> why;
  for (UpstreamServer* upstream : co_await who_may_have(uri)) {
    auto subscribed = co_await upstream->client().subscribe(uri);
    if (subscribed) {
      auto& entry = subscribed_.try_emplace(uri, upstream, 0).first->second;
      ++entry.second;
      co_return std::expected<void, RpcFailure>();
    }
    why = RpcFailure::of(subscribed.error());
  }
  co_return std::unexpected(why ? std::move(*why) : RpcFailure::unknown_resource(uri));
}

void Gateway::unsubscribe(const std::string& uri) {
  const auto known = subscribed_.find(uri);
  if (known == subscribed_.end() || --known->second.second > 0) return;
  UpstreamServer& upstream = *known->second.first;
  subscribed_.erase(known);
  group_.spawn([](UpstreamServer& from, std::string what) -> Task<void> {
    // One that is down has forgotten it by itself.
    [[maybe_unused]] const auto ended = co_await from.client().unsubscribe(std::move(what));
  }(upstream, uri));
}

void Gateway::on_offers_changed(OfferKind kind) {
  if (listener_ != nullptr) listener_->on_list_changed(kind);
}

void Gateway::on_resource_updated(std::string_view uri) {
  if (listener_ != nullptr) listener_->on_resource_updated(uri);
}

}  // namespace meantime::serve
