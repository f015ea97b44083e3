// SPDX-License-Identifier: MIT
// Lists of a server, page by page, and hearing of their changes.
#include <algorithm>
#include <utility>

#include "client/client_impl.hpp"
#include "core/json_writer.hpp"
#include "mcp/param_headers.hpp"

namespace meantime::client {
namespace {

constexpr std::size_t most_pages = 1'000;  // a server whose cursors lead in a circle is left after this many
constexpr std::size_t most_entries = 100'000;

struct ListNames {
  std::string_view method;
  std::string_view member;
};

constexpr ListNames names_of(ListKind kind) noexcept {
  switch (kind) {
    case ListKind::tools:
      return {"tools/list", "tools"};
    case ListKind::prompts:
      return {"prompts/list", "prompts"};
    case ListKind::resources:
      return {"resources/list", "resources"};
    case ListKind::resource_templates:
      return {"resources/templates/list", "resourceTemplates"};
  }
  return {};
}

bool offers(const mcp::ServerCapabilities& server, ListKind kind) noexcept {
  switch (kind) {
    case ListKind::tools:
      return true;  // servers forget to say so
    case ListKind::prompts:
      return server.prompts;
    case ListKind::resources:
    case ListKind::resource_templates:
      return server.resources;
  }
  return false;
}

std::string one_field(std::string_view name, std::string_view value) {
  std::string params;
  JsonWriter(params).begin_object().field(name, value).end_object();
  return params;
}

}  // namespace

void McpClient::Impl::learn(std::string_view tool_name, mcp::JsonSpan tool, bool& usable) {
  ToolFacts facts;
  if (stateless()) {
    auto headers = mcp::read_param_headers(mcp::member(tool, "inputSchema"));
    if (!headers) {
      usable = false;
      log("tool '" + std::string(tool_name.substr(0, 128)) + "' is left out: " + headers.error());
      return;
    }
    facts.headers = std::move(*headers);
  }
  facts.needs_task = mcp::member(mcp::member(tool, "execution"), "taskSupport").is("required");
  if (!facts.headers.empty() || facts.needs_task) facts_.insert_or_assign(std::string(tool_name), std::move(facts));
}

Task<Result<std::vector<std::string>>> McpClient::Impl::list(ListKind kind) {
  if (auto connected = co_await connect(); !connected) co_return std::unexpected(connected.error());
  std::vector<std::string> entries;
  if (!offers(server_->capabilities, kind)) co_return entries;
  const ListNames names = names_of(kind);
  std::string cursor;
  for (std::size_t page = 0; page < most_pages; ++page) {
    const std::string params = cursor.empty() ? std::string() : one_field("cursor", cursor);
    const Answer answer = co_await request({.method = names.method, .params = params}, options_.list_timeout);
    if (!answer) {
      const auto* rpc = std::get_if<RpcError>(&answer.error());
      if (rpc != nullptr && rpc->code == static_cast<int>(mcp::RpcCode::method_not_found) && page == 0) {
        co_return entries;
      }
      Error error = to_error(answer.error());
      error.detail = "upstream '" + name() + "', " + std::string(names.method) + ": " + error.detail;
      co_return std::unexpected(std::move(error));
    }
    const mcp::JsonSpan result(answer->result);
    const mcp::JsonSpan found = mcp::member(result, names.member);
    if (!found.is_array()) {
      co_return fail(errc::corrupt, "upstream.list",
                     "upstream '" + name() + "' answered " + std::string(names.method) + " without a list of '" +
                         std::string(names.member) + "'");
    }
    if (kind == ListKind::tools && page == 0) facts_.clear();
    mcp::for_each_element(found, [&](mcp::JsonSpan each) {
      if (!each.is_object()) return;
      bool usable = true;
      if (kind == ListKind::tools) learn(mcp::member(each, "name").text(), each, usable);
      if (usable) entries.emplace_back(each.raw());
    });
    std::string next = mcp::member(result, "nextCursor").text();
    if (next.empty() || next == cursor) break;
    if (entries.size() > most_entries) {
      co_return fail(errc::corrupt, "upstream.list",
                     "upstream '" + name() + "' lists more than " + std::to_string(most_entries) + " " +
                         std::string(names.member));
    }
    cursor = std::move(next);
  }
  co_return entries;
}

Task<Result<void>> McpClient::Impl::simple(std::string_view method, std::string params) {
  const Answer answer = co_await request({.method = method, .params = params}, options_.list_timeout);
  if (!answer) co_return std::unexpected(to_error(answer.error()));
  co_return Result<void>{};
}

Task<Result<void>> McpClient::Impl::subscribe(std::string uri) {
  if (auto connected = co_await connect(); !connected) co_return connected;
  if (!server_->capabilities.resources_subscribe) {
    co_return fail(errc::unsupported, "upstream.subscribe",
                   "upstream '" + name() + "' does not tell of changes of single resources");
  }
  if (!resources_.insert(uri).second) co_return Result<void>{};
  if (stateless()) {
    listen_again();
    co_return Result<void>{};
  }
  auto done = co_await simple("resources/subscribe", one_field("uri", uri));
  if (!done) resources_.erase(uri);
  co_return done;
}

Task<Result<void>> McpClient::Impl::unsubscribe(std::string uri) {
  if (resources_.erase(uri) == 0 || state_ != State::ready) co_return Result<void>{};
  if (stateless()) {
    listen_again();
    co_return Result<void>{};
  }
  co_return co_await simple("resources/unsubscribe", one_field("uri", uri));
}

mcp::SubscriptionFilter McpClient::Impl::filter() const {
  mcp::SubscriptionFilter out;
  if (options_.listen && events_ != nullptr) {
    out.tools_list_changed = server_->capabilities.tools_list_changed;
    out.prompts_list_changed = server_->capabilities.prompts_list_changed;
    out.resources_list_changed = server_->capabilities.resources_list_changed;
  }
  for (const std::string& uri : resources_) out.resources.insert(uri);
  return out;
}

void McpClient::Impl::tell_lists_changed() {
  if (events_ == nullptr) return;
  const mcp::SubscriptionFilter wanted = filter();
  if (wanted.tools_list_changed) events_->on_list_changed(ListKind::tools);
  if (wanted.prompts_list_changed) events_->on_list_changed(ListKind::prompts);
  if (wanted.resources_list_changed) events_->on_list_changed(ListKind::resources);
  for (const std::string& uri : wanted.resources) events_->on_resource_updated(uri);
}

// Starts the stream, or has it started anew with what is wanted now.
void McpClient::Impl::listen_again() {
  if (state_ != State::ready || !stateless()) return;
  listen_anew_ = true;
  if (listening_ != nullptr) {
    listening_->give_up({errc::cancelled, "upstream.listen", "something else is listened to now"});
  } else if (!listen_ || listen_.done()) {
    listen_ = listen();
  }
}

Task<void> McpClient::Impl::listen() {
  Milliseconds wait = options_.backoff_first;
  bool first = true;
  while (state_ == State::ready && stateless()) {
    const mcp::SubscriptionFilter wanted = filter();
    if (wanted.empty()) break;
    listen_anew_ = false;
    const std::string params = R"({"notifications":)" + mcp::to_json(wanted) + "}";
    const SteadyTime began = clock_.now();
    Arrival ended;
    {
      Exchange exchange(*this, nullptr, "subscriptions/listen", false);
      struct Current {
        explicit Current(Exchange*& slot, Exchange& what) : place(slot) { place = &what; }
        Current(const Current&) = delete;
        Current& operator=(const Current&) = delete;
        ~Current() { place = nullptr; }
        Exchange*& place;
      } const current(listening_, exchange);
      if (const auto sent = send(exchange, {.method = "subscriptions/listen", .params = params}); !sent) break;
      // What changed while nobody listened is not told by anybody.
      if (!std::exchange(first, false)) tell_lists_changed();
      ended = co_await exchange;
    }
    if (listen_anew_) continue;
    if (!ended.fault && ended.kind == mcp::Message::Kind::error) {
      log("does not tell of changes: " + text_of(read_error(ended.text)));
      break;
    }
    if (clock_.now() - began > options_.backoff_most) wait = options_.backoff_first;
    co_await pause(wait);
    wait = std::min(wait * 2, options_.backoff_most);
  }
}

}  // namespace meantime::client
