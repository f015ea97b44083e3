// SPDX-License-Identifier: MIT
// The registry behind meantime/offers.hpp. Threads: the loop's.
#include "meantime/offers.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/json_writer.hpp"
#include "core/utf8.hpp"
#include "mcp/json_span.hpp"
#include "serve/offers/uri_template.hpp"

namespace meantime {
namespace {

using mcp::JsonSpan;
using serve::UriTemplate;

constexpr std::string_view add_op = "offers.add";
constexpr std::size_t max_completions = 100;
constexpr std::size_t max_subscriptions = 100'000;

struct ResourceEntry {
  Resource offer;
  std::string listed;
};
struct TemplateEntry {
  ResourceTemplate offer;
  UriTemplate form;
  std::string listed;
};
struct PromptEntry {
  Prompt offer;
  std::string listed;
};
/// A request holds its entry, so that taking an offer away leaves what runs of it alone.
template <class Entry>
using Entries = std::map<std::string, std::shared_ptr<const Entry>, std::less<>>;

std::string shortened(std::string_view text) {
  return std::string(text.substr(0, utf8::cut_length(text, 200)));
}

std::unexpected<Error> wrong(const std::string& what) {
  return fail(errc::invalid_argument, std::string(add_op), what);
}

/// One element of a list: the members of our own, then those of `listing` that have other names.
Result<std::string> listed(std::span<const std::pair<std::string_view, std::string>> own, std::string_view listing) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  for (const auto& [name, raw] : own) json.key(name).raw(raw);
  if (!listing.empty()) {
    mcp::JsonScanner scanner(listing);
    JsonSpan whole;
    if (!scanner.value(whole) || !scanner.at_end() || !whole.is_object()) {
      return wrong("the listing of " + shortened(own.front().second) + " is not a JSON object: " + scanner.fault());
    }
    mcp::for_each_member(whole, [&](JsonSpan key, JsonSpan value) {
      const std::string name = key.text();
      if (std::ranges::none_of(own, [&](const auto& each) { return each.first == name; })) {
        json.key(name).raw(value.raw());
      }
    });
  }
  json.end_object();
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string arguments_json(const std::vector<PromptArgument>& arguments) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const PromptArgument& each : arguments) {
    json.begin_object().field("name", each.name);
    if (!each.description.empty()) json.field("description", each.description);
    if (each.required) json.field("required", true);
    json.end_object();
  }
  json.end_array();
  return out;
}

/// Absolute, and of the characters a URI may have; anything else would not survive a client.
bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && text.size() <= UriTemplate::max_uri_bytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c != '"' && c != '<' && c != '>' && c != 0x7f; });
}

template <class Entry>
std::vector<std::string> listed_all(const Entries<Entry>& entries) {
  std::vector<std::string> all;
  all.reserve(entries.size());
  for (const auto& [id, entry] : entries) all.push_back(entry->listed);
  return all;
}

/// What is wrong with a call's arguments, or nothing.
std::optional<RpcFailure> check_arguments(const Prompt& prompt, std::string_view raw) {
  const JsonSpan arguments(raw);
  if (!raw.empty() && !arguments.is_object()) return RpcFailure::invalid_params("'arguments' is an object of strings");
  std::optional<RpcFailure> failure;
  mcp::for_each_member(arguments, [&](JsonSpan key, JsonSpan value) {
    if (!failure && !value.is_string()) {
      failure = RpcFailure::invalid_params("the argument '" + shortened(key.text()) + "' is not a string");
    }
  });
  if (failure) return failure;
  for (const PromptArgument& each : prompt.arguments) {
    if (each.required && !mcp::member(arguments, each.name)) {
      return RpcFailure::invalid_params("the prompt '" + prompt.name + "' needs the argument '" + each.name + "'");
    }
  }
  return std::nullopt;
}

std::string completion_json(Completion&& completion) {
  if (completion.values.size() > max_completions) {
    if (!completion.total) completion.total = completion.values.size();
    completion.values.resize(max_completions);
    completion.has_more = true;
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("completion").begin_object().key("values").begin_array();
  for (std::string& value : completion.values) json.value(utf8::repaired(std::move(value)));
  json.end_array();
  if (completion.total) json.field("total", *completion.total);
  json.field("hasMore", completion.has_more).end_object().end_object();
  return out;
}

}  // namespace

RpcFailure RpcFailure::invalid_params(std::string message, std::string data) {
  return {.kind = Kind::other, .code = -32602, .message = "Invalid params: " + message, .data = std::move(data)};
}

RpcFailure RpcFailure::unknown_resource(std::string_view uri) {
  std::string data;
  JsonWriter(data).begin_object().field("uri", uri).end_object();
  return {.kind = Kind::unknown_resource, .code = -32602, .message = "Resource not found", .data = std::move(data)};
}

RpcFailure RpcFailure::of(const Error& error) {
  const std::string text = error.op + ": " + error.detail;
  switch (error.code) {
    case errc::unsupported:
      return {.kind = Kind::unsupported, .code = -32021, .message = text, .data = {}};
    case errc::invalid_argument:
    case errc::not_found:
      return {.kind = Kind::other, .code = -32602, .message = text, .data = {}};
    default:
      return {.kind = Kind::other, .code = -32603, .message = text, .data = {}};
  }
}

struct Offers::Impl {
  boost::asio::io_context& loop;
  OfferListener* listener = nullptr;
  Entries<ResourceEntry> resources;
  Entries<TemplateEntry> templates;
  Entries<PromptEntry> prompts;
  std::map<std::string, std::size_t, std::less<>> subscriptions;
  std::array<bool, 3> to_tell{};
  bool telling = false;

  explicit Impl(boost::asio::io_context& on) : loop(on) {}

  static void changed(const std::shared_ptr<Impl>& self, OfferKind kind) {
    self->to_tell.at(static_cast<std::size_t>(kind)) = true;
    if (std::exchange(self->telling, true)) return;
    boost::asio::post(self->loop, [waiting = std::weak_ptr(self)] {
      if (const auto alive = waiting.lock()) alive->tell();
    });
  }

  void tell() {
    telling = false;
    for (const OfferKind kind : {OfferKind::resources, OfferKind::templates, OfferKind::prompts}) {
      if (std::exchange(to_tell.at(static_cast<std::size_t>(kind)), false) && listener != nullptr) {
        listener->on_list_changed(kind);
      }
    }
  }

  /// The first template, in the order of their texts, that has `uri`.
  std::shared_ptr<const TemplateEntry> find_template(std::string_view uri, UriVariables& variables) const {
    for (const auto& [text, entry] : templates) {
      if (auto found = entry->form.match(uri)) {
        variables = std::move(*found);
        return entry;
      }
    }
    return nullptr;
  }

  [[nodiscard]] CompletionBody completer(JsonSpan ref, const std::string& argument, RpcFailure& failure,
                                         std::shared_ptr<const void>& holds) const;
};

/// Null with an untouched `failure`: nothing to offer.
CompletionBody Offers::Impl::completer(JsonSpan ref, const std::string& argument, RpcFailure& failure,
                                       std::shared_ptr<const void>& holds) const {
  const JsonSpan type = mcp::member(ref, "type");
  if (type.is("ref/prompt")) {
    const std::string name = mcp::member(ref, "name").text();
    const auto found = prompts.find(name);
    if (found == prompts.end()) {
      failure = RpcFailure::invalid_params("there is no prompt '" + shortened(name) + "'");
      return {};
    }
    const Prompt& prompt = found->second->offer;
    if (std::ranges::none_of(prompt.arguments, [&](const PromptArgument& each) { return each.name == argument; })) {
      failure = RpcFailure::invalid_params("the prompt '" + prompt.name + "' has no argument of this name");
      return {};
    }
    holds = found->second;
    return prompt.complete;
  }
  if (type.is("ref/resource")) {
    const std::string uri = mcp::member(ref, "uri").text();
    const auto found = templates.find(uri);
    if (found == templates.end()) {
      if (resources.contains(uri)) return {};
      failure = RpcFailure::invalid_params("there is no resource or template '" + shortened(uri) + "'");
      return {};
    }
    if (!found->second->form.has_variable(argument)) {
      failure = RpcFailure::invalid_params("the template '" + found->first + "' has no variable of this name");
      return {};
    }
    holds = found->second;
    return found->second->offer.complete;
  }
  failure = RpcFailure::invalid_params("'ref.type' is ref/prompt or ref/resource");
  return {};
}

Offers::Offers(boost::asio::io_context& loop) : impl_(std::make_shared<Impl>(loop)) {}
Offers::~Offers() = default;

Result<void> Offers::add(Resource resource) {
  if (!is_uri(resource.uri)) return wrong("'" + shortened(resource.uri) + "' is not an absolute URI, as notes://today");
  if (resource.name.empty()) return wrong("the resource " + shortened(resource.uri) + " has no name");
  if (!resource.read) return wrong("the resource " + shortened(resource.uri) + " has no body");
  if (impl_->resources.contains(resource.uri)) {
    return wrong("there is a resource " + shortened(resource.uri) + " already: remove it first");
  }
  const std::array<std::pair<std::string_view, std::string>, 2> own{
      {{"uri", in_quotes(resource.uri)}, {"name", in_quotes(resource.name)}}};
  auto json = listed(own, resource.listing);
  if (!json) return std::unexpected(std::move(json.error()));
  std::string id = resource.uri;
  impl_->resources.emplace(std::move(id), std::make_shared<const ResourceEntry>(std::move(resource), std::move(*json)));
  Impl::changed(impl_, OfferKind::resources);
  return {};
}

Result<void> Offers::add(ResourceTemplate resource_template) {
  auto form = UriTemplate::parse(resource_template.uri_template);
  if (!form) return std::unexpected(std::move(form.error()));
  const std::string id = resource_template.uri_template;
  if (resource_template.name.empty()) return wrong("the template " + shortened(id) + " has no name");
  if (!resource_template.read) return wrong("the template " + shortened(id) + " has no body");
  if (impl_->templates.contains(id)) {
    return wrong("there is a template " + shortened(id) + " already: remove it first");
  }
  const std::array<std::pair<std::string_view, std::string>, 2> own{
      {{"uriTemplate", in_quotes(id)}, {"name", in_quotes(resource_template.name)}}};
  auto json = listed(own, resource_template.listing);
  if (!json) return std::unexpected(std::move(json.error()));
  impl_->templates.emplace(
      id, std::make_shared<const TemplateEntry>(std::move(resource_template), std::move(*form), std::move(*json)));
  Impl::changed(impl_, OfferKind::templates);
  return {};
}

Result<void> Offers::add(Prompt prompt) {
  if (prompt.name.empty() || prompt.name.size() > 128) return wrong("the name of a prompt has 1 to 128 bytes");
  if (!prompt.get) return wrong("the prompt '" + prompt.name + "' has no body");
  if (impl_->prompts.contains(prompt.name)) {
    return wrong("there is a prompt '" + prompt.name + "' already: remove it first");
  }
  std::vector<std::pair<std::string_view, std::string>> own{{"name", in_quotes(prompt.name)}};
  if (!prompt.description.empty()) own.emplace_back("description", in_quotes(prompt.description));
  if (!prompt.arguments.empty()) own.emplace_back("arguments", arguments_json(prompt.arguments));
  auto json = listed(own, prompt.listing);
  if (!json) return std::unexpected(std::move(json.error()));
  std::string id = prompt.name;
  impl_->prompts.emplace(std::move(id), std::make_shared<const PromptEntry>(std::move(prompt), std::move(*json)));
  Impl::changed(impl_, OfferKind::prompts);
  return {};
}

Result<void> Offers::remove(OfferKind kind, std::string_view id) {
  const auto take_from = [&](auto& entries) {
    const auto found = entries.find(id);
    if (found == entries.end()) return false;
    entries.erase(found);
    return true;
  };
  const bool taken = kind == OfferKind::resources   ? take_from(impl_->resources)
                     : kind == OfferKind::templates ? take_from(impl_->templates)
                                                    : take_from(impl_->prompts);
  if (!taken) return fail(errc::not_found, "offers.remove", "there is no '" + shortened(id) + "' of this kind");
  Impl::changed(impl_, kind);
  return {};
}

void Offers::updated(std::string_view uri) {
  if (impl_->listener != nullptr && impl_->subscriptions.contains(uri)) impl_->listener->on_resource_updated(uri);
}

bool Offers::offers(OfferKind kind) const noexcept {
  switch (kind) {
    case OfferKind::resources:
      return !impl_->resources.empty();
    case OfferKind::templates:
      return !impl_->templates.empty();
    case OfferKind::prompts:
      return !impl_->prompts.empty();
  }
  return false;
}

bool Offers::completes() const noexcept {
  const auto completes = [](const auto& each) { return static_cast<bool>(each.second->offer.complete); };
  return std::ranges::any_of(impl_->prompts, completes) || std::ranges::any_of(impl_->templates, completes);
}

bool Offers::subscribes() const noexcept {
  return offers(OfferKind::resources) || offers(OfferKind::templates);
}

Task<Result<std::vector<std::string>>> Offers::list(OfferKind kind) {
  switch (kind) {
    case OfferKind::resources:
      co_return listed_all(impl_->resources);
    case OfferKind::templates:
      co_return listed_all(impl_->templates);
    case OfferKind::prompts:
      co_return listed_all(impl_->prompts);
  }
  co_return std::vector<std::string>{};
}

Task<RpcAnswer> Offers::get_prompt(RequestContext& context, std::string name, std::string arguments) {
  const auto found = impl_->prompts.find(name);
  if (found == impl_->prompts.end()) {
    co_return std::unexpected(RpcFailure::invalid_params("there is no prompt '" + shortened(name) + "'"));
  }
  const auto entry = found->second;
  if (auto failure = check_arguments(entry->offer, arguments)) co_return std::unexpected(std::move(*failure));
  co_return co_await entry->offer.get(context, arguments.empty() ? "{}" : std::move(arguments));
}

Task<RpcAnswer> Offers::read_resource(RequestContext& context, std::string uri) {
  if (const auto found = impl_->resources.find(uri); found != impl_->resources.end()) {
    const auto entry = found->second;
    co_return co_await entry->offer.read(context, std::move(uri));
  }
  UriVariables variables;
  if (const auto entry = impl_->find_template(uri, variables)) {
    co_return co_await entry->offer.read(context, std::move(uri), std::move(variables));
  }
  co_return std::unexpected(RpcFailure::unknown_resource(uri));
}

Task<RpcAnswer> Offers::complete(RequestContext& context, std::string params) {
  const JsonSpan all(params);
  const JsonSpan argument = mcp::member(all, "argument");
  const JsonSpan value = mcp::member(argument, "value");
  const JsonSpan chosen = mcp::member(all, "context");
  if (!mcp::member(argument, "name").is_string() || !value.is_string()) {
    co_return std::unexpected(RpcFailure::invalid_params("'argument' has a name and a value, both strings"));
  }
  CompletionRequest request{.argument = mcp::member(argument, "name").text(),
                            .value = value.text(),
                            .context = std::string(chosen.is_object() ? chosen.raw() : "")};
  RpcFailure failure{.message = {}, .data = {}};
  std::shared_ptr<const void> holds;
  const CompletionBody body = impl_->completer(mcp::member(all, "ref"), request.argument, failure, holds);
  if (!failure.message.empty()) co_return std::unexpected(std::move(failure));
  if (!body) co_return completion_json({});
  auto answer = co_await body(context, std::move(request));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return completion_json(std::move(*answer));
}

Task<std::expected<void, RpcFailure>> Offers::subscribe(std::string uri) {
  UriVariables ignored;
  if (!impl_->resources.contains(uri) && impl_->find_template(uri, ignored) == nullptr) {
    co_return std::unexpected(RpcFailure::unknown_resource(uri));
  }
  if (impl_->subscriptions.size() >= max_subscriptions && !impl_->subscriptions.contains(uri)) {
    co_return std::unexpected(RpcFailure::of(
        Error{.code = errc::overloaded, .op = "offers.subscribe", .detail = "too many resources are subscribed to"}));
  }
  ++impl_->subscriptions[std::move(uri)];
  co_return std::expected<void, RpcFailure>{};
}

void Offers::unsubscribe(const std::string& uri) {
  const auto found = impl_->subscriptions.find(uri);
  if (found != impl_->subscriptions.end() && --found->second == 0) impl_->subscriptions.erase(found);
}

void Offers::listen(OfferListener* listener) {
  impl_->listener = listener;
}

}  // namespace meantime
