// SPDX-License-Identifier: MIT
// gateway.hpp: all MCP servers of a configuration as one: their tools in the manager, and everything else they offer
// under one roof. Threads: the loop's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auth/token_store.hpp"
#include "serve/gateway/upstream_server.hpp"
#include "serve/tools_ready.hpp"

namespace meantime::serve {

class Gateway final : public OfferSource, UpstreamListener {
 public:
  /// `parts` outlive the gateway. `token_folder`: where OAuth tokens of upstreams are kept; empty: nowhere.
  Gateway(GatewayParts parts, std::vector<config::UpstreamSettings> upstreams, Random& random,
          const std::string& token_folder);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway() override;

  /// Reaches the eager ones now and all with the first list, or call of an unknown tool; sets `ready` when each has
  /// answered or has had its time. `ready` outlives the gateway.
  void start(ToolsReady& ready);
  [[nodiscard]] Task<void> stop();
  [[nodiscard]] std::size_t size() const noexcept { return upstreams_.size(); }

  // OfferSource
  [[nodiscard]] bool offers(OfferKind kind) const noexcept override;
  [[nodiscard]] bool completes() const noexcept override;
  [[nodiscard]] bool subscribes() const noexcept override;
  [[nodiscard]] Task<Result<std::vector<std::string>>> list(OfferKind kind) override;
  [[nodiscard]] Task<RpcAnswer> get_prompt(RequestContext& context, std::string name, std::string arguments) override;
  [[nodiscard]] Task<RpcAnswer> read_resource(RequestContext& context, std::string uri) override;
  [[nodiscard]] Task<RpcAnswer> complete(RequestContext& context, std::string params) override;
  [[nodiscard]] Task<std::expected<void, RpcFailure>> subscribe(std::string uri) override;
  void unsubscribe(const std::string& uri) override;
  void listen(OfferListener* listener) override { listener_ = listener; }

 private:
  void on_offers_changed(OfferKind kind) override;
  void on_resource_updated(std::string_view uri) override;

  [[nodiscard]] Task<void> reach_all();
  [[nodiscard]] Task<void> make_ready(ToolsReady& ready);
  [[nodiscard]] Task<std::vector<UpstreamServer*>> who_may_have(std::string uri);
  [[nodiscard]] UpstreamServer* owner_of_prompt(std::string_view name) noexcept;

  GatewayParts parts_;
  std::unique_ptr<auth::TokenStore> tokens_;
  std::vector<std::unique_ptr<UpstreamServer>> upstreams_;
  OfferListener* listener_ = nullptr;
  std::map<std::string, std::pair<UpstreamServer*, std::size_t>, std::less<>> subscribed_;  // and how often
  TaskGroup group_;
};

}  // namespace meantime::serve
