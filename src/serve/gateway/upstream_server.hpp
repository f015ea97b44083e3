// SPDX-License-Identifier: MIT
// upstream_server.hpp: one MCP server behind us: reached when it is needed, its tools offered by the manager under
// their prefix and rules, and what it has besides remembered. Threads: the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/mcp_client.hpp"
#include "config/config.hpp"
#include "engine/wake.hpp"
#include "meantime/manager.hpp"
#include "meantime/offers.hpp"

namespace meantime::serve {

/// What the upstreams of one gateway share.
struct GatewayParts {
  Loop& loop;
  Clock& clock;
  TaskManager& manager;
  http::Client* http = nullptr;  ///< Null where no upstream is reached over HTTP.
  std::function<void(std::string_view)> log;
};

/// Hears what changes in what an upstream offers.
class UpstreamListener {
 public:
  virtual void on_offers_changed(OfferKind kind) = 0;
  virtual void on_resource_updated(std::string_view uri) = 0;

 protected:
  ~UpstreamListener() = default;
};

class UpstreamServer final : client::ClientEvents {
 public:
  /// All outlive the object. `auth` null: nothing is shown to it but what the settings say.
  UpstreamServer(GatewayParts parts, config::UpstreamSettings settings, std::unique_ptr<auth::RequestAuth> auth,
                 UpstreamListener& listener);
  UpstreamServer(const UpstreamServer&) = delete;
  UpstreamServer& operator=(const UpstreamServer&) = delete;
  ~UpstreamServer() override;

  /// Reaches it and takes its tools; once, whoever asks. Errors are logged: others are not held up by this one.
  [[nodiscard]] Task<void> ready();
  [[nodiscard]] Task<void> stop();

  [[nodiscard]] const std::string& name() const noexcept { return settings_.name; }
  [[nodiscard]] const std::string& prefix() const noexcept { return settings_.prefix; }
  [[nodiscard]] bool eager() const noexcept { return settings_.start == config::UpstreamSettings::Start::eager; }
  [[nodiscard]] bool offers(OfferKind kind) const noexcept;
  /// The same; what it has is not known before it was reached, and then it may have anything.
  [[nodiscard]] bool may_offer(OfferKind kind) const noexcept;
  [[nodiscard]] bool completes() const noexcept;
  [[nodiscard]] client::McpClient& client() noexcept { return *client_; }

  /// Its elements of a list, as our clients see them: prompts under the prefix. An upstream that cannot answer gives
  /// what it gave last, and is logged.
  [[nodiscard]] Task<std::vector<std::string>> list(OfferKind kind);
  /// By the last list: this resource, or a template that makes it.
  [[nodiscard]] bool has_resource(std::string_view uri) const;

 private:
  void on_connected(const client::ServerDescription& server) override;
  void on_down(const Error& why) override;
  void on_log(LogLine line) override;
  void on_list_changed(client::ListKind list) override;
  void on_resource_updated(std::string_view uri) override;

  [[nodiscard]] Task<void> reach();
  [[nodiscard]] Task<void> rest_when_idle();
  [[nodiscard]] Task<void> take_tools();
  [[nodiscard]] bool offer(std::string_view raw, std::set<std::string>& offered);
  [[nodiscard]] std::string renamed(std::string_view prompt) const;
  void remember(OfferKind kind, const std::vector<std::string>& elements);

  GatewayParts parts_;
  config::UpstreamSettings settings_;
  std::unique_ptr<auth::RequestAuth> auth_;
  UpstreamListener& listener_;
  std::map<std::string, std::string> tools_;            // ours -> definition it was made of
  std::map<OfferKind, std::vector<std::string>> last_;  // lists, as our clients see them
  std::set<std::string, std::less<>> resources_;        // URIs
  std::vector<std::string> template_heads_;             // of URI templates, up to their first variable
  bool resting_ = false;
  bool reached_ = false;
  bool reaching_ = false;
  bool taking_ = false;
  bool take_again_ = false;
  std::vector<Wake*> waiting_;
  std::unique_ptr<client::McpClient> client_;
  Task<void> idle_watch_;
  TaskGroup group_;
};

}  // namespace meantime::serve
