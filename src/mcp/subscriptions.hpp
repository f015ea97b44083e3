// SPDX-License-Identifier: MIT
// subscriptions.hpp: `subscriptions/listen` of the stateless family: what a client asked to hear, what of it is
// honoured, and the messages on its stream. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <set>
#include <string>
#include <string_view>

#include "mcp/capabilities.hpp"
#include "mcp/json_span.hpp"

namespace meantime::mcp {

/// What can be listened to.
struct SubscriptionFilter {
  bool tools_list_changed = false;
  bool prompts_list_changed = false;
  bool resources_list_changed = false;
  std::set<std::string, std::less<>> resources;  ///< URIs
  std::set<std::string, std::less<>> tasks;      ///< Task ids (tasks extension)

  [[nodiscard]] bool empty() const noexcept {
    return !tools_list_changed && !prompts_list_changed && !resources_list_changed && resources.empty() &&
           tasks.empty();
  }
  friend bool operator==(const SubscriptionFilter&, const SubscriptionFilter&) = default;
};

inline constexpr std::size_t max_subscription_entries = 1'000;  ///< URIs, and task ids, of one stream.

/// Reads `params.notifications`. Errors: not there, wrong types, too many entries: for a -32602.
[[nodiscard]] std::expected<SubscriptionFilter, std::string> read_filter(JsonSpan notifications);
/// As `notifications` has it: only what is asked for.
[[nodiscard]] std::string to_json(const SubscriptionFilter& filter);
/// The part of it that a server with these capabilities honours.
[[nodiscard]] SubscriptionFilter honoured(SubscriptionFilter asked, const ServerCapabilities& server);

/// One listen stream.
class Subscription {
 public:
  /// `id` is the listen request's, raw JSON.
  Subscription(std::string id, SubscriptionFilter filter) : id_(std::move(id)), filter_(std::move(filter)) {}

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const SubscriptionFilter& filter() const noexcept { return filter_; }

  /// The first message on the stream.
  void append_acknowledged(std::string& out) const;
  /// Each appends its notification where the client asked for it, and says whether it did.
  bool append_tools_changed(std::string& out) const;
  bool append_prompts_changed(std::string& out) const;
  bool append_resources_changed(std::string& out) const;
  bool append_resource_updated(std::string& out, std::string_view uri) const;
  /// `params` as task_notice() made them, with this stream's id.
  bool append_task(std::string& out, std::string_view task_id, std::string_view params) const;
  /// The result that ends the stream in order. `server_info` raw, may be empty.
  void append_end(std::string& out, std::string_view server_info) const;

 private:
  void append(std::string& out, std::string_view method, std::string_view members) const;

  std::string id_;
  SubscriptionFilter filter_;
};

}  // namespace meantime::mcp
