// SPDX-License-Identifier: MIT
#include "serve/gateway/upstream_server.hpp"

#include <algorithm>

#include "core/json_writer.hpp"
#include "mcp/splice.hpp"
#include "process/launch.hpp"
#include "tools/upstream_call.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t most_tools = 10'000;  // of one upstream
constexpr std::size_t most_logged = 1'000;  // bytes of one line of it

client::ListKind list_kind(OfferKind kind) {
  switch (kind) {
    case OfferKind::resources:
      return client::ListKind::resources;
    case OfferKind::templates:
      return client::ListKind::resource_templates;
    default:
      return client::ListKind::prompts;
  }
}

client::ClientOptions client_options(const config::UpstreamSettings& settings, const GatewayParts& parts) {
  client::ClientOptions options;
  options.name = settings.name;
  if (!settings.protocol.empty()) options.revision = mcp::parse_revision(settings.protocol);
  options.capabilities = {.sampling = true,
                          .sampling_tools = true,
                          .sampling_context = true,
                          .elicitation_form = true,
                          .elicitation_url = true,
                          .roots = true};
  options.connect_timeout = settings.start_limit;
  options.log = parts.log;
  return options;
}

std::unique_ptr<client::McpClient> make_client(const GatewayParts& parts, const config::UpstreamSettings& settings,
                                               auth::RequestAuth* auth, client::ClientEvents& events) {
  if (!settings.http) {
    client::StdioOptions program;
    program.command = settings.command;
    program.environment = process::chosen_environment(settings.environment_from, settings.environment);
    program.folder = settings.folder;
    program.sigpipe_is_ignored = true;
    return std::make_unique<client::McpClient>(parts.loop, parts.clock, std::move(program),
                                               client_options(settings, parts), &events);
  }
  client::HttpOptions endpoint;
  endpoint.url = settings.http->url;
  for (const auto& [name, value] : settings.http->headers) endpoint.headers.emplace_back(name, value);
  endpoint.ca_file = settings.http->tls_ca.string();
  endpoint.certificate_file = settings.http->tls_certificate.string();
  endpoint.key_file = settings.http->tls_key.string();
  endpoint.auth = auth;
  return std::make_unique<client::McpClient>(parts.loop, parts.clock, *parts.http, std::move(endpoint),
                                             client_options(settings, parts), &events);
}

}  // namespace

UpstreamServer::UpstreamServer(GatewayParts parts, config::UpstreamSettings settings,
                               std::unique_ptr<auth::RequestAuth> auth, UpstreamListener& listener)
    : parts_(std::move(parts)),
      settings_(std::move(settings)),
      auth_(std::move(auth)),
      listener_(listener),
      client_(make_client(parts_, settings_, auth_.get(), *this)) {}

UpstreamServer::~UpstreamServer() = default;

Task<void> UpstreamServer::stop() {
  if (resting_) {
    co_await std::move(idle_watch_);
  } else {
    idle_watch_.reset();
  }
  co_await client_->close();
}

Task<void> UpstreamServer::ready() {
  if (reached_) co_return;
  Wake wake(parts_.loop.io());
  waiting_.push_back(&wake);
  struct Leave {
    std::vector<Wake*>& waiting;
    Wake* wake;
    ~Leave() { std::erase(waiting, wake); }
  } leave{waiting_, &wake};
  if (!std::exchange(reaching_, true)) group_.spawn(reach());
  while (reaching_) co_await wake.wait();
}

// On its own: whoever gives up waiting for it gives up nothing else.
Task<void> UpstreamServer::reach() {
  if (const auto connected = co_await client_->connect(); !connected) {
    parts_.log("upstream '" + settings_.name + "': " + connected.error().detail +
               "; its tools are missing until it can be reached");
  } else {
    reached_ = true;
    co_await take_tools();
  }
  reaching_ = false;
  for (Wake* wake : waiting_) wake->notify();
}

bool UpstreamServer::offers(OfferKind kind) const noexcept {
  if (kind == OfferKind::prompts ? !settings_.prompts : !settings_.resources) return false;
  const client::ServerDescription* server = client_->server();
  if (server == nullptr) return false;
  return kind == OfferKind::prompts ? server->capabilities.prompts : server->capabilities.resources;
}

bool UpstreamServer::may_offer(OfferKind kind) const noexcept {
  if (client_->server() != nullptr) return offers(kind);
  return kind == OfferKind::prompts ? settings_.prompts : settings_.resources;
}

bool UpstreamServer::completes() const noexcept {
  const client::ServerDescription* server = client_->server();
  return server != nullptr && server->capabilities.completions;
}

// A call that became a task is open until its end: it keeps the program alive. So do subscriptions, whose news would be
// missed.
Task<void> UpstreamServer::rest_when_idle() {
  Wake over(parts_.loop.io());
  const auto alarm = parts_.clock.make_alarm([&over] { over.notify(); });
  for (;;) {
    const auto idle = parts_.clock.now() - client_->last_used();
    const bool busy = client_->busy();
    if (!busy && idle >= settings_.idle_stop) break;
    alarm->set(parts_.clock.now() +
               (busy ? settings_.idle_stop : std::chrono::ceil<Milliseconds>(settings_.idle_stop - idle)));
    co_await over.wait();
  }
  resting_ = true;
  co_await client_->rest();
  resting_ = false;
}

void UpstreamServer::on_connected(const client::ServerDescription& /*server*/) {
  if (!settings_.http && settings_.idle_stop > Milliseconds(0)) idle_watch_ = rest_when_idle();
  if (reached_) on_list_changed(client::ListKind::tools);  // a new run may offer other tools
}

void UpstreamServer::on_down(const Error& why) {
  parts_.log("upstream '" + settings_.name + "': " + why.detail);
}

// Of no call, or it cannot be said of whose: what matters is for whoever runs us.
void UpstreamServer::on_log(LogLine line) {
  if (line.level < LogLevel::warning) return;
  parts_.log("upstream '" + settings_.name + "' says (" + std::string(name_of(line.level)) +
             "): " + line.data.substr(0, most_logged));
}

void UpstreamServer::on_resource_updated(std::string_view uri) {
  listener_.on_resource_updated(uri);
}

void UpstreamServer::on_list_changed(client::ListKind list) {
  switch (list) {
    case client::ListKind::tools:
      take_again_ = true;
      if (!taking_) group_.spawn(take_tools());
      break;
    case client::ListKind::prompts:
      if (settings_.prompts) listener_.on_offers_changed(OfferKind::prompts);
      break;
    default:
      if (settings_.resources) listener_.on_offers_changed(OfferKind::resources);
  }
}

Task<void> UpstreamServer::take_tools() {
  taking_ = true;
  do {
    take_again_ = false;
    auto listed = co_await client_->list(client::ListKind::tools);
    if (!listed) {
      parts_.log("upstream '" + settings_.name + "', tools/list: " + listed.error().detail);
      break;
    }
    std::set<std::string> offered;
    for (const std::string& raw : *listed) {
      if (offered.size() >= most_tools || !offer(raw, offered)) continue;
    }
    for (auto at = tools_.begin(); at != tools_.end();) {
      if (offered.contains(at->first)) {
        ++at;
        continue;
      }
      [[maybe_unused]] const auto removed = parts_.manager.remove_tool(at->first);
      at = tools_.erase(at);
    }
  } while (take_again_);
  taking_ = false;
}

// False: it is not offered; why is in the log, where somebody could want it to be.
bool UpstreamServer::offer(std::string_view raw, std::set<std::string>& offered) {
  const mcp::JsonSpan definition(raw);
  const std::string own = mcp::member(definition, "name").text();
  if (own.empty() || !settings_.filter.passes(own)) return false;
  const std::string name = settings_.prefix + own;
  const auto known = tools_.find(name);
  if (known != tools_.end() && known->second == raw) {
    offered.insert(name);
    return true;
  }
  Tool tool;
  tool.name = name;
  tool.description = mcp::member(definition, "description").text();
  // Its schema is listed and not checked here: what the upstream takes, and how it refuses, is the upstream's own.
  tool.listing = mcp::without_member(definition, "execution");
  tool.coroutine = [client = client_.get(), own](ToolContext& context) {
    return tools::call_upstream(*client, context, own);
  };
  settings_.rules_of(own).apply_to(tool);
  if (known != tools_.end()) {
    [[maybe_unused]] const auto removed = parts_.manager.remove_tool(name);
    tools_.erase(known);
  }
  if (const auto added = parts_.manager.add_tool(std::move(tool)); !added) {
    parts_.log("upstream '" + settings_.name + "': its tool '" + own + "' is not offered: " + added.error().detail);
    return false;
  }
  tools_.emplace(name, raw);
  offered.insert(name);
  return true;
}

std::string UpstreamServer::renamed(std::string_view prompt) const {
  const mcp::JsonSpan element(prompt);
  std::string name;
  append_json_string(name, settings_.prefix + mcp::member(element, "name").text());
  return mcp::with_member(element, "name", name);
}

void UpstreamServer::remember(OfferKind kind, const std::vector<std::string>& elements) {
  if (kind == OfferKind::resources) {
    resources_.clear();
    for (const std::string& element : elements) {
      resources_.insert(mcp::member(mcp::JsonSpan(element), "uri").text());
    }
  } else if (kind == OfferKind::templates) {
    template_heads_.clear();
    for (const std::string& element : elements) {
      const std::string text = mcp::member(mcp::JsonSpan(element), "uriTemplate").text();
      template_heads_.push_back(text.substr(0, text.find('{')));
    }
  }
}

bool UpstreamServer::has_resource(std::string_view uri) const {
  if (resources_.contains(uri)) return true;
  return std::ranges::any_of(template_heads_,
                             [&](const std::string& head) { return !head.empty() && uri.starts_with(head); });
}

Task<std::vector<std::string>> UpstreamServer::list(OfferKind kind) {
  if (!offers(kind)) co_return std::vector<std::string>();
  auto listed = co_await client_->list(list_kind(kind));
  if (!listed) {
    parts_.log("upstream '" + settings_.name + "': a list cannot be had: " + listed.error().detail);
    co_return last_[kind];
  }
  if (kind == OfferKind::prompts) {
    for (std::string& prompt : *listed) prompt = renamed(prompt);
  }
  remember(kind, *listed);
  last_[kind] = *listed;
  co_return std::move(*listed);
}

}  // namespace meantime::serve
