// SPDX-License-Identifier: MIT
#include "serve/upstream_tools.hpp"

#include <utility>

#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "mcp/protocol.hpp"
#include "process/launch.hpp"

namespace meantime::serve {
namespace {

constexpr std::size_t most_pages = 1'000;  // a server whose cursors lead in a circle is left after this many

tools::UpstreamOptions options_of(const config::UpstreamSettings& settings, std::function<void(std::string_view)> log) {
  tools::UpstreamOptions options;
  options.name = settings.name;
  options.command = settings.command;
  options.environment = process::chosen_environment(settings.environment_from, settings.environment);
  options.folder = settings.folder;
  options.log = std::move(log);
  return options;
}

std::string initialize_params() {
  std::string params;
  JsonWriter out(params);
  out.begin_object().field("protocolVersion", mcp::name_of(mcp::newest_handshake)).key("capabilities").raw("{}");
  out.key("clientInfo").begin_object().field("name", "meantime").field("version", "1").end_object().end_object();
  return params;
}

}  // namespace

UpstreamTools::UpstreamTools(boost::asio::io_context& loop, Clock& clock, TaskManager& manager,
                             config::UpstreamSettings settings, std::function<void(std::string_view)> log)
    : clock_(clock),
      manager_(manager),
      settings_(std::move(settings)),
      log_(std::move(log)),
      wake_(loop),
      upstream_(loop, clock, *this, options_of(settings_, log_)) {}

Task<Result<void>> UpstreamTools::connect(Milliseconds limit) {
  if (auto started = upstream_.start(); !started) co_return started;
  greeting_ = greet();
  bool late = false;
  const auto alarm = clock_.make_alarm([this, &late] {
    late = true;
    wake_.notify();
  });
  alarm->set(clock_.now() + limit);
  while (!greeted_ && !late) co_await wake_.wait();
  if (greeted_) co_return *greeted_;
  greeting_.reset();
  co_return fail(errc::unavailable, "upstream.connect",
                 "upstream '" + settings_.name + "' did not answer within " + format_duration(limit) +
                     ": run its command by hand to see what it waits for");
}

Task<void> UpstreamTools::greet() {
  greeted_ = co_await greet_and_list();
  wake_.notify();
}

Task<Result<void>> UpstreamTools::greet_and_list() {
  const std::string params = initialize_params();
  const auto answer = co_await upstream_.request("initialize", params);
  if (!answer) co_return std::unexpected(answer.error());
  // What a restart repeats.
  std::string initialize;
  mcp::append_request(initialize, "0", "initialize", params);
  initialize.pop_back();
  std::string initialized;
  mcp::append_notification(initialized, "notifications/initialized", {});
  initialized.pop_back();
  upstream_.remember_handshake(std::move(initialize));
  upstream_.remember_initialized(initialized);
  if (auto sent = upstream_.send(initialized); !sent) co_return sent;

  std::string cursor;
  for (std::size_t page = 0; page < most_pages; ++page) {
    std::string list_params;
    if (!cursor.empty()) JsonWriter(list_params).begin_object().field("cursor", cursor).end_object();
    const auto listed = co_await upstream_.request("tools/list", list_params);
    if (!listed) co_return std::unexpected(listed.error());
    if (auto taken = take_tools(*listed, cursor); !taken) co_return taken;
    if (cursor.empty()) break;
  }
  co_return Result<void>{};
}

Result<void> UpstreamTools::take_tools(const std::string& page, std::string& cursor) {
  const mcp::JsonSpan result(page);
  const mcp::JsonSpan list = mcp::member(result, "tools");
  if (!list.is_array()) {
    return fail(errc::corrupt, "upstream.connect",
                "upstream '" + settings_.name + "' answered tools/list without a list of tools");
  }
  mcp::JsonScanner scanner(list.raw());
  mcp::JsonSpan whole;
  scanner.array(whole, [&] {
    mcp::JsonSpan tool;
    if (!scanner.value(tool)) return false;
    offer(tool);
    return true;
  });
  cursor = mcp::member(result, "nextCursor").text();
  return {};
}

void UpstreamTools::offer(mcp::JsonSpan definition) {
  const std::string name = mcp::member(definition, "name").text();
  Tool tool;
  tool.name = settings_.prefix + name;
  tool.description = mcp::member(definition, "description").text();
  tool.input_schema = mcp::member(definition, "inputSchema").raw();
  settings_.rules_of(name).apply_to(tool);
  tool.coroutine = [this, name](ToolContext& context) { return upstream_.call_tool(context, name); };
  if (auto added = manager_.add_tool(std::move(tool)); !added) {
    log_("tool '" + name + "' of upstream '" + settings_.name + "' is left out: " + added.error().detail);
  }
}

void UpstreamTools::on_message(const mcp::Message& message) {
  if (message.kind != mcp::Message::Kind::request) return;  // of its notifications none concerns us
  std::string line;
  if (message.method.is("ping")) {
    mcp::append_result(line, message.id.raw(), "{}");
  } else {
    mcp::append_error(line, message.id.raw(), mcp::RpcCode::method_not_found,
                      "Method not found: this client offers no capabilities");
  }
  line.pop_back();
  if (const auto sent = upstream_.send(line); !sent) log_(sent.error().detail);
}

void UpstreamTools::on_call_progress(std::uint64_t /*call*/, const mcp::Message& /*notification*/) {}
void UpstreamTools::on_unreadable_answer(mcp::JsonSpan /*id*/, std::string_view why) {
  log_(why);
}
void UpstreamTools::on_down(const Error& /*why*/) {}  // its calls have failed with the reason already

Task<std::vector<std::unique_ptr<UpstreamTools>>> connect_upstreams(boost::asio::io_context& loop, Clock& clock,
                                                                    TaskManager& manager,
                                                                    std::vector<config::UpstreamSettings> settings,
                                                                    Milliseconds limit,
                                                                    std::function<void(std::string_view)> log) {
  std::vector<std::unique_ptr<UpstreamTools>> all;
  std::vector<Task<Result<void>>> connecting;
  for (config::UpstreamSettings& each : settings) {
    all.push_back(std::make_unique<UpstreamTools>(loop, clock, manager, std::move(each), log));
    connecting.push_back(all.back()->connect(limit));
  }
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto connected = co_await std::move(connecting[at]);
    if (connected) continue;
    log(connected.error().detail);
    co_await all[at]->stop();
    all[at].reset();
  }
  std::erase(all, nullptr);
  co_return all;
}

}  // namespace meantime::serve
