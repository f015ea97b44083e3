// SPDX-License-Identifier: MIT
// offers.hpp: what an MCP server offers beside its tools: resources, resource templates, prompts, completion.
// Threads: all on the loop's.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/task.hpp"
#include "meantime/tool.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// The lists that MCP keeps apart.
enum class OfferKind : std::uint8_t { resources, templates, prompts };

/// Why a request got no result. Each revision words some of these in its own way: `kind` says what it is, the server
/// finds the code; `code`, `message` and `data` are what a 2026-07-28 client is told.
struct RpcFailure {
  enum class Kind : std::uint8_t {
    other,             ///< Goes out as it is.
    unknown_resource,  ///< -32602 with `data.uri`; -32002 for clients of the handshake revisions.
    unsupported,       ///< The body asked for something that this client cannot do: -32021 where the revision has it.
  };
  Kind kind = Kind::other;
  int code = -32603;
  std::string message;
  std::string data;  ///< Raw JSON; empty: none.

  [[nodiscard]] static RpcFailure invalid_params(std::string message, std::string data = {});
  [[nodiscard]] static RpcFailure unknown_resource(std::string_view uri);
  /// What an `ask` or another part of meantime answered; a reason of ours, not of the client, is -32603.
  [[nodiscard]] static RpcFailure of(const Error& error);
};

/// The result of a request as the revision's schema has it, raw JSON object; the server adds what goes around it
/// (`resultType`, caching hints where the result has none).
using RpcAnswer = std::expected<std::string, RpcFailure>;

/// What a running request holds on to. The server makes it; valid until the body has ended.
class RequestContext {
 public:
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  [[nodiscard]] virtual const Caller& caller() const noexcept = 0;
  /// Tells the client how far the work is, if it wants to know.
  virtual void progress(Progress progress) = 0;
  /// The least level of the lines that the client hears; absent: it hears none.
  [[nodiscard]] virtual std::optional<LogLevel> log_level() const noexcept { return std::nullopt; }
  /// A line for the client's log, if it wants any of this level.
  virtual void log(LogLine line) = 0;
  /// Asks the client for something and suspends until every request is answered; in the order of `requests`.
  /// Errors: unsupported (the client cannot be asked this), invalid_argument (a key used before, too many), cancelled.
  [[nodiscard]] virtual Task<Result<std::vector<InputResponse>>> ask(std::vector<InputRequest> requests) = 0;

 protected:
  RequestContext() = default;
  ~RequestContext() = default;
};

/// Hears what changes in a source.
class OfferListener {
 public:
  virtual void on_list_changed(OfferKind kind) = 0;
  virtual void on_resource_updated(std::string_view uri) = 0;

 protected:
  ~OfferListener() = default;
};

/// Port: where a server finds what it offers. `Offers` is the one for programs; a gateway has one of its upstreams.
///
/// Tasks it returns are cancelled by dropping them; `context` outlives them. Exceptions that a body throws come out.
class OfferSource {
 public:
  virtual ~OfferSource() = default;

  /// What the server declares to clients at the start: may change as long as no client has come.
  [[nodiscard]] virtual bool offers(OfferKind kind) const noexcept = 0;
  [[nodiscard]] virtual bool completes() const noexcept = 0;
  [[nodiscard]] virtual bool subscribes() const noexcept = 0;

  /// Everything of one kind: raw JSON elements of the list result, in an order that stays. Errors: unavailable.
  [[nodiscard]] virtual Task<Result<std::vector<std::string>>> list(OfferKind kind) = 0;

  /// `arguments`: raw JSON object, or empty: none.
  [[nodiscard]] virtual Task<RpcAnswer> get_prompt(RequestContext& context, std::string name,
                                                   std::string arguments) = 0;
  [[nodiscard]] virtual Task<RpcAnswer> read_resource(RequestContext& context, std::string uri) = 0;
  /// `params`: raw JSON object with `ref`, `argument` and perhaps `context`.
  [[nodiscard]] virtual Task<RpcAnswer> complete(RequestContext& context, std::string params) = 0;

  /// Asks for on_resource_updated of `uri`, until as many unsubscribe have come.
  [[nodiscard]] virtual Task<std::expected<void, RpcFailure>> subscribe(std::string uri) = 0;
  virtual void unsubscribe(const std::string& uri) = 0;

  /// One listener; null takes it away. It outlives the source, or takes itself away.
  virtual void listen(OfferListener* listener) = 0;
};

/// A value that a client may offer its user for an argument.
struct Completion {
  std::vector<std::string> values;  ///< At most 100 go out.
  std::optional<std::uint64_t> total;
  bool has_more = false;
};
struct CompletionRequest {
  std::string argument;  ///< Which argument or template variable.
  std::string value;     ///< What was typed so far.
  std::string context;   ///< Raw JSON object, what is chosen of the others; empty: not told.
};
using CompletionReturn = std::expected<Completion, RpcFailure>;
using CompletionBody = std::function<Task<CompletionReturn>(RequestContext&, CompletionRequest)>;

/// One thing that can be read. The body and what it captures live at least as long as what it runs.
struct Resource {
  std::string uri;   ///< Absolute, as "file:///a" or "notes://today".
  std::string name;  ///< For people and models.
  /// What resources/list shows besides: raw JSON object with any of title, description, mimeType, annotations, size,
  /// icons, _meta. Empty: nothing more.
  std::string listing;
  /// Returns `{"contents":[...]}`.
  std::function<Task<RpcAnswer>(RequestContext&, std::string uri)> read;
};

/// What stood in a URI in the place of a template's variables, decoded; by name.
using UriVariables = std::map<std::string, std::string, std::less<>>;

/// Many things that can be read, under URIs of one form.
struct ResourceTemplate {
  /// Of RFC 6570: `{name}` stands for one piece of a path, `{+name}` for anything. "notes://{year}/{+path}".
  std::string uri_template;
  std::string name;
  std::string listing;  ///< As Resource::listing.
  std::function<Task<RpcAnswer>(RequestContext&, std::string uri, UriVariables variables)> read;
  CompletionBody complete;  ///< May be null: nothing is offered.
};

struct PromptArgument {
  std::string name;
  std::string description;
  bool required = false;
};

/// A text that a user can choose for the model.
struct Prompt {
  std::string name;
  std::string description;
  std::vector<PromptArgument> arguments;  ///< Calls without a required one never reach the body.
  std::string listing;                    ///< As Resource::listing: any of title, icons, _meta.
  /// Returns `{"messages":[...]}`; `arguments` is a raw JSON object whose values are strings.
  std::function<Task<RpcAnswer>(RequestContext&, std::string arguments)> get;
  CompletionBody complete;  ///< May be null: nothing is offered.
};

/// The offers of a program.
class Offers final : public OfferSource {
 public:
  /// `loop` outlives the object; notices of changed lists go out on its next turn, one for any number of changes.
  explicit Offers(boost::asio::io_context& loop);
  Offers(const Offers&) = delete;
  Offers& operator=(const Offers&) = delete;
  ~Offers() override;

  /// Errors: invalid_argument (no body, not a URI or template, a listing that is no JSON object, already there).
  Result<void> add(Resource resource);
  Result<void> add(ResourceTemplate resource_template);
  Result<void> add(Prompt prompt);
  /// By URI, template or name; what runs of it goes on. Errors: not_found.
  Result<void> remove(OfferKind kind, std::string_view id);
  /// Tells subscribers that reading `uri` again would give something else.
  void updated(std::string_view uri);

  [[nodiscard]] bool offers(OfferKind kind) const noexcept override;
  [[nodiscard]] bool completes() const noexcept override;
  [[nodiscard]] bool subscribes() const noexcept override;
  [[nodiscard]] Task<Result<std::vector<std::string>>> list(OfferKind kind) override;
  [[nodiscard]] Task<RpcAnswer> get_prompt(RequestContext& context, std::string name, std::string arguments) override;
  [[nodiscard]] Task<RpcAnswer> read_resource(RequestContext& context, std::string uri) override;
  [[nodiscard]] Task<RpcAnswer> complete(RequestContext& context, std::string params) override;
  [[nodiscard]] Task<std::expected<void, RpcFailure>> subscribe(std::string uri) override;
  void unsubscribe(const std::string& uri) override;
  void listen(OfferListener* listener) override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with notices that wait for the loop's next turn.
};

}  // namespace meantime
