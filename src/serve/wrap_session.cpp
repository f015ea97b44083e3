// SPDX-License-Identifier: MIT
#include "serve/wrap_session.hpp"

#include <unistd.h>

#include <algorithm>

#include "core/json_writer.hpp"
#include "mcp/splice.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t high_water_bytes = std::size_t{8} << 20;  // unread by the client: the upstream waits
constexpr std::size_t most_open_requests = 10'000;              // of one kind; a peer that answers none is no friend
constexpr std::size_t most_unlisted_tools = 1'000;
constexpr std::size_t most_tool_name = 128;

tools::UpstreamOptions upstream_options(const WrapOptions& options, const WrapSession::Log& log) {
  tools::UpstreamOptions upstream;
  upstream.name = options.name;
  upstream.command = options.command;
  upstream.max_line_bytes = options.session.max_line_bytes;
  upstream.log = log;
  upstream.sigpipe_is_ignored = true;  // by run_wrap
  return upstream;
}

// A name that the manager takes: what it does not know becomes an underscore.
std::string registrable(std::string_view name) {
  std::string out(name.substr(0, most_tool_name));
  for (char& c : out) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-' || c == '.' || c == '/';
    if (!fine) c = '_';
  }
  return out.empty() ? "_" : out;
}

}  // namespace

WrapSession::WrapSession(boost::asio::io_context& loop, TaskManager& manager, Clock& clock, const WrapOptions& options,
                         LineWriter& out, Log log)
    : manager_(manager),
      options_(options),
      out_(out),
      log_(std::move(log)),
      builtins_(manager, clock, options.session),
      calls_(out),
      upstream_(loop, clock, *this, upstream_options(options, log_)),
      inline_only_(options.no_background.begin(), options.no_background.end()) {
  calls_.style.check_tool = builtins_.names().check;
  calls_.on_idle([this] { tell_if_idle(); });
}

WrapSession::~WrapSession() {
  for (const std::string& name : registered_) {
    if (auto removed = manager_.remove_tool(name); !removed) log_(removed.error().detail);
  }
}

void WrapSession::on_idle(std::function<void()> tell) {
  on_idle_ = std::move(tell);
}

void WrapSession::tell_if_idle() {
  if (!busy() && on_idle_) on_idle_();
}

Task<void> WrapSession::room() {
  return out_.wait_below(high_water_bytes);
}

void WrapSession::refuse(std::string_view id, mcp::RpcCode code, std::string_view why) {
  mcp::append_error(out_.open(), id, code, why, {}, calls_.style.unknown_id);
}

void WrapSession::pass(const mcp::Message& message) {
  std::string& out = out_.open();
  out += message.line;
  out += '\n';
}

void WrapSession::begin_batch() {
  out_.hold();
  upstream_.begin_batch();
}

void WrapSession::end_batch() {
  upstream_.end_batch();
  out_.release();
}

// ---- from the client

void WrapSession::on_line(const mcp::Line& line) {
  if (line.too_long) {
    refuse({}, mcp::RpcCode::invalid_request,
           "Invalid request: the message has " + std::to_string(line.bytes) + " bytes; at most " +
               std::to_string(options_.session.max_line_bytes) + " are taken");
    return;
  }
  const auto message = mcp::read_message(line.text);
  if (!message) {
    refuse(message.error().id, message.error().code, message.error().message);
    return;
  }
  switch (message->kind) {
    case mcp::Message::Kind::request:
      client_request(*message);
      break;
    case mcp::Message::Kind::notification:
      client_notification(*message);
      break;
    default:
      client_response(*message);
  }
}

void WrapSession::client_request(const mcp::Message& message) {
  if (message.method.is("tools/call")) {
    call_tool(message);
  } else if (message.method.is("tools/list")) {
    forward(message, Forwarded::Kind::tools_list);
  } else if (message.method.is("initialize")) {
    client_name_ = mcp::member(mcp::member(message.params, "clientInfo"), "name").text();
    forward(message, Forwarded::Kind::initialize);
  } else if (message.method.is("server/discover")) {
    // The revision without a handshake; a client that offers both now falls back to initialize.
    refuse(message.id.raw(), mcp::RpcCode::method_not_found,
           "Method not found: this gateway speaks the revisions with an initialize handshake, up to 2025-11-25");
  } else {
    forward(message, Forwarded::Kind::other);
  }
}

void WrapSession::client_notification(const mcp::Message& message) {
  if (message.method.is("notifications/cancelled")) {
    const std::string key = mcp::canonical_id(message.param.request_id);
    if (ClientCall* call = calls_.find(key)) {
      // The upstream hears of it under the id that it knows, from the call that is dropped here.
      if (message.param.reason.is_string())
        upstream_.set_cancel_reason(call->upstream_call, message.param.reason.raw());
      calls_.cancel(*call);
      return;
    }
    if (forwarded_.erase(key) == 0) return;  // answered before, or a call of ours that is a task by now
    tell_if_idle();
  } else if (message.method.is("notifications/initialized")) {
    upstream_.remember_initialized(message.line);
  }
  if (auto sent = upstream_.send(message.line); !sent) log_(sent.error().detail);
}

void WrapSession::client_response(const mcp::Message& message) {
  const auto asked = asked_.find(mcp::canonical_id(message.id));
  if (asked == asked_.end()) return;  // whoever asked is gone
  std::string line;
  mcp::append_replaced(line, message.line, message.id, asked->second.original);
  asked_.erase(asked);
  if (auto sent = upstream_.send(line); !sent) log_(sent.error().detail);
}

void WrapSession::forward(const mcp::Message& message, Forwarded::Kind kind) {
  const std::string key = mcp::canonical_id(message.id);
  if (forwarded_.contains(key) || calls_.find(key) != nullptr) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_request, "Invalid request: a request with this id is open");
  }
  if (forwarded_.size() >= most_open_requests) {
    return refuse(message.id.raw(), mcp::RpcCode::internal_error,
                  "upstream '" + upstream_.name() + "' has 10000 unanswered requests: wait for answers");
  }
  if (auto sent = upstream_.send(message.line); !sent) {
    return refuse(message.id.raw(), mcp::RpcCode::internal_error, sent.error().detail);
  }
  const bool first_page = !mcp::member(message.params, "cursor").is_string();
  std::string handshake(kind == Forwarded::Kind::initialize ? message.line : std::string_view());
  forwarded_.emplace(key, Forwarded{kind, std::string(message.id.raw()), first_page, std::move(handshake)});
}

void WrapSession::call_tool(const mcp::Message& message) {
  if (!message.param.name.is_string()) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_params, "Invalid params: 'name' of the tool is missing");
  }
  // A client that asks for a task of the upstream's own gets it from there, and at once.
  if (message.param.task && upstream_has_tasks_) return forward(message, Forwarded::Kind::other);
  const std::string name = message.param.name.text();
  ClientCall* call = forwarded_.contains(mcp::canonical_id(message.id)) ? nullptr : calls_.open(message);
  if (call == nullptr) {
    return refuse(message.id.raw(), mcp::RpcCode::invalid_request, "Invalid request: a request with this id is open");
  }
  const auto builtin = builtins_.find(name);
  if (!builtin) return call_upstream(*call, message, name);
  BuiltinTools::OnProgress on_progress;
  if (!call->progress_token.empty()) {
    on_progress = [this, call](const Progress& progress) { calls_.send_progress(*call, progress); };
  }
  calls_.run(*call, builtins_.call(*builtin, {options_.session.owner, client_name_}, message.param.arguments,
                                   std::move(on_progress)));
}

void WrapSession::call_upstream(ClientCall& call, const mcp::Message& message, const std::string& name) {
  const auto tool = known_tool(name);
  if (!tool) {
    refuse(call.id, mcp::RpcCode::invalid_params, tool.error().detail);
    return calls_.cancel(call);
  }
  std::uint64_t number = 0;
  ToolCall request;
  request.tool = tool->registered;
  request.arguments = upstream_.make_call(message, number);
  request.caller = {.user_id = options_.session.owner, .channel_id = {}, .platform = "mcp"};
  const auto own = options_.budgets.find(name);
  request.budget = own != options_.budgets.end() ? own->second : options_.session.budget;
  request.idempotency_key = message.param.meta_idempotency_key.text();
  call.structured_envelope = !listed_.strict.contains(name);
  calls_.watch_upstream(call, number);
  calls_.run(call, manager_.call(tool->handle, std::move(request)));
}

// Tools come to the manager when they are first called: what was never listed can be called too.
Result<WrapSession::KnownTool> WrapSession::known_tool(const std::string& name) {
  const auto found = known_.find(name);
  if (found != known_.end()) return found->second;
  if (known_.size() >= most_unlisted_tools + listed_.names.size()) {
    return fail(errc::overloaded, "wrap.call",
                "1000 different tools that the server does not list were called: list the tools for their names");
  }
  Tool tool;
  const std::string plain = registrable(name);
  tool.name = plain;
  for (int n = 2; registered_.contains(tool.name); ++n) {
    const std::string suffix = "_" + std::to_string(n);
    tool.name = plain.substr(0, most_tool_name - suffix.size()) + suffix;
  }
  tool.coroutine = [this](ToolContext& context) { return upstream_.run_call(context); };
  tool.no_background = inline_only_.contains(name);
  if (options_.max_run_time > Milliseconds(0)) tool.max_run_time = options_.max_run_time;
  tool.max_result_bytes = options_.session.max_line_bytes;
  std::string registered = tool.name;
  auto handle = manager_.add_tool(std::move(tool));
  if (!handle) return std::unexpected(std::move(handle.error()));
  registered_.insert(registered);
  return known_.emplace(name, KnownTool{*handle, std::move(registered)}).first->second;
}

// ---- from the upstream

void WrapSession::on_message(const mcp::Message& message) {
  switch (message.kind) {
    case mcp::Message::Kind::request:
      upstream_request(message);
      break;
    case mcp::Message::Kind::notification:
      upstream_notification(message);
      break;
    default:
      upstream_response(message);
  }
}

void WrapSession::upstream_request(const mcp::Message& message) {
  std::string line;
  if (asked_.size() >= most_open_requests) {
    mcp::append_error(line, message.id.raw(), mcp::RpcCode::internal_error, "too many unanswered requests");
    line.pop_back();
    if (auto sent = upstream_.send(line); !sent) log_(sent.error().detail);
    return;
  }
  Asked asked{std::string(message.id.raw()), std::string(message.id.raw())};
  if (upstream_.restarts() == 0) {
    pass(message);
  } else {
    // A new run counts from the start again, and the client may still be busy with an old request of that number.
    asked.id = "\"mt-" + std::to_string(::getpid()) + "-u" + std::to_string(++relayed_) + '"';
    mcp::append_with_id(out_.open(), message, asked.id);
  }
  const std::string key = mcp::canonical_id(mcp::JsonSpan(asked.id));
  asked_.insert_or_assign(key, std::move(asked));
}

void WrapSession::upstream_notification(const mcp::Message& message) {
  if (!message.method.is("notifications/cancelled")) return pass(message);
  const auto asked = std::ranges::find_if(asked_, [&](const auto& entry) {
    return mcp::canonical_id(mcp::JsonSpan(entry.second.original)) == mcp::canonical_id(message.param.request_id);
  });
  if (asked == asked_.end()) return;
  mcp::append_replaced(out_.open(), message.line, message.param.request_id, asked->second.id);
  out_.open() += '\n';
  asked_.erase(asked);
}

void WrapSession::upstream_response(const mcp::Message& message) {
  if (!message.id) {
    log_("upstream '" + upstream_.name() +
         "' could not read a message of ours: " + mcp::member(message.error, "message").text());
    return;
  }
  const auto found = forwarded_.find(mcp::canonical_id(message.id));
  if (found == forwarded_.end()) {
    log_("upstream '" + upstream_.name() + "' answered request " + std::string(message.id.raw().substr(0, 80)) +
         ", which is not open; the answer is dropped");
    return;
  }
  const Forwarded request = std::move(found->second);
  forwarded_.erase(found);
  switch (request.kind) {
    case Forwarded::Kind::initialize:
      answer_initialize(message, request);
      break;
    case Forwarded::Kind::tools_list:
      answer_tools_list(message, request);
      break;
    default:
      pass(message);
  }
  tell_if_idle();
}

void WrapSession::answer_initialize(const mcp::Message& message, const Forwarded& request) {
  if (!message.result.is_object()) return pass(message);
  upstream_.remember_handshake(request.handshake);
  calls_.style.revision = mcp::negotiate(mcp::member(message.result, "protocolVersion").text());
  calls_.style.unknown_id = mcp::unknown_id(calls_.style.revision);
  const mcp::JsonSpan capabilities = mcp::member(message.result, "capabilities");
  upstream_has_tasks_ = static_cast<bool>(mcp::member(capabilities, "tasks"));
  std::string result(message.result.raw());
  if (!mcp::member(capabilities, "tools")) {
    const std::string with_tools =
        mcp::with_member(capabilities.is_object() ? capabilities : mcp::JsonSpan("{}"), "tools", "{}");
    result = mcp::with_member(mcp::JsonSpan(result), "capabilities", with_tools);
  }
  std::string text = mcp::member(message.result, "instructions").text();
  if (!text.empty()) text += "\n\n";
  text += builtins_.instructions();
  std::string instructions;
  append_json_string(instructions, text);
  mcp::append_result(out_.open(), request.id, mcp::with_member(mcp::JsonSpan(result), "instructions", instructions));
}

void WrapSession::answer_tools_list(const mcp::Message& message, const Forwarded& request) {
  std::string no_tools;
  mcp::JsonSpan result = message.result;
  if (message.kind == mcp::Message::Kind::error) {
    // A server without tools may not know the method; ours are there all the same.
    if (mcp::member(message.error, "code").integer() != static_cast<int>(mcp::RpcCode::method_not_found)) {
      return pass(message);
    }
    no_tools = R"({"tools":[]})";
    result = mcp::JsonSpan(no_tools);
  }
  if (request.first_page) listing_ = {};
  const bool last_page = !message.result_next_cursor.is_string();
  std::vector<std::string> extra;
  if (last_page) {
    auto taken = tool_names(result);
    taken.insert(listing_.names.begin(), listing_.names.end());
    builtins_.avoid(taken);
    calls_.style.check_tool = builtins_.names().check;
    extra = builtins_.definitions(options_.session.owner, client_name_);
  }
  const std::string list = rewrite_tool_list(result, options_.session.output_schemas, inline_only_, extra, listing_);
  if (last_page) listed_ = listing_;
  if (message.kind == mcp::Message::Kind::error) {
    mcp::append_result(out_.open(), request.id, list);
  } else {
    mcp::append_replaced(out_.open(), message.line, message.result, list);
    out_.open() += '\n';
  }
}

void WrapSession::on_call_progress(std::uint64_t number, const mcp::Message& notification) {
  const ClientCall* call = calls_.of_upstream(number);
  if (call == nullptr || call->progress_token.empty()) return;
  mcp::append_replaced(out_.open(), notification.line, notification.param.progress_token, call->progress_token);
  out_.open() += '\n';
}

void WrapSession::on_unreadable_answer(mcp::JsonSpan id, std::string_view why) {
  const auto found = forwarded_.find(mcp::canonical_id(id));
  if (found == forwarded_.end()) return;
  refuse(found->second.id, mcp::RpcCode::internal_error, "upstream '" + upstream_.name() + "': " + std::string(why));
  forwarded_.erase(found);
  tell_if_idle();
}

void WrapSession::on_down(const Error& why) {
  for (const auto& [key, request] : std::exchange(forwarded_, {})) {
    refuse(request.id, mcp::RpcCode::internal_error, why.detail + "; this request was not answered");
  }
  for (const auto& [key, asked] : std::exchange(asked_, {})) {
    mcp::append_notification(out_.open(), "notifications/cancelled",
                             "{\"requestId\":" + asked.id + ",\"reason\":\"the server ended\"}");
  }
  tell_if_idle();
}

}  // namespace meantime::serve
