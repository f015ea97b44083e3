// SPDX-License-Identifier: MIT
// tool_methods.cpp: initialize, tools/list and tools/call.
#include <algorithm>

#include "core/duration.hpp"
#include "core/envelope.hpp"
#include "core/json_writer.hpp"
#include "mcp/splice.hpp"
#include "serve/call_answer.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {

constexpr Milliseconds for_ever = std::chrono::duration_cast<Milliseconds>(std::chrono::years(1));

Answer of_output(const ToolOutput& output) {
  if (output.media_type == MediaType::mcp_result) return Answer::of(output.text);
  return Answer::of(text_result(output.text, false));
}

Answer of_failure(const Work& work, const ToolFailure& failure) {
  // What it could not ask is why it failed, and a modern client can be told in its own terms.
  if (!work.missing_capability.empty() && work.info.stateless()) {
    return Answer::fault(mcp::RpcCode::missing_capability, failure.message,
                         mcp::required_capabilities_data(work.missing_capability));
  }
  if (failure.output && failure.output->media_type == MediaType::mcp_result) return Answer::of(failure.output->text);
  if (failure.output && failure.output->media_type == MediaType::mcp_error) {
    return Answer::raw_fault(failure.output->text);
  }
  std::string text = failure.error();
  if (failure.output && !failure.output->text.empty()) text += "\n" + failure.output->text;
  return Answer::of(text_result(text, true));
}

Answer of_refusal(const Work& work, const Error& error) {
  const bool bad_call = error.code == errc::invalid_argument && !mcp::bad_arguments_are_results(work.info.revision);
  if (error.code == errc::not_found || bad_call) return Answer::fault(mcp::RpcCode::invalid_params, error.detail);
  return Answer::of(text_result(envelope::error(error), true));
}

Answer of_envelope(const Work& work, const Backgrounded& task, bool structured) {
  const std::string running = envelope::running(task, work.server.builtins.names().check);
  const std::string tag = envelope::tag(task.task_id.text(), name_of(TaskStatus::running));
  return Answer::of(text_result(running, false, tag, structured ? running : std::string()));
}

enum class TaskForm : std::uint8_t { none, extension, on_request };

Task<Answer> run_tool(Work& work, Task<Result<Outcome>> call, TaskForm form, bool structured_envelope) {
  Result<Outcome> outcome = co_await std::move(call);
  if (!outcome) co_return of_refusal(work, outcome.error());
  if (auto* finished = std::get_if<Finished>(&*outcome)) co_return of_output(finished->output);
  if (auto* failed = std::get_if<Failed>(&*outcome)) co_return of_failure(work, failed->failure);
  auto& task = std::get<Backgrounded>(*outcome);
  // A task is promised only when every process would find it; what is not in the store yet gets the envelope, which
  // says so.
  if (!task.stored) co_return of_envelope(work, task, structured_envelope);
  if (form == TaskForm::extension) co_return co_await created_task(work, std::move(task));
  if (form == TaskForm::on_request) {
    if (!work.info.progress_token.empty()) work.info.session->follow(task.task_id, work.info.progress_token);
    co_return co_await created_task_2025(work, std::move(task));
  }
  co_return of_envelope(work, task, structured_envelope);
}

// The fields of a head that depend on the tool, for as long as they are needed: the tool may be known only later.
class KeptHead final : public mcp::HttpHead {
 public:
  explicit KeptHead(std::vector<std::pair<std::string, std::string>> fields) : fields_(std::move(fields)) {}
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = std::ranges::find(fields_, name, &std::pair<std::string, std::string>::first);
    return found == fields_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  [[nodiscard]] bool repeated(std::string_view name) const override {
    return std::ranges::count(fields_, name, &std::pair<std::string, std::string>::first) > 1;
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields_under(std::string_view) const override {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

Task<Answer> when_ready(Work& work, std::string line, std::optional<KeptHead> head) {
  // The tool may be one of those that are still coming.
  co_await work.server.options.tools_ready->wait();
  const auto message = mcp::read_message(line);
  mcp::ServerRequest request;
  request.message = &*message;
  request.family = work.info.family;
  request.revision = work.info.revision;
  request.client = work.info.client;
  co_return co_await call_tool(work, request, head ? &*head : nullptr);
}

}  // namespace

mcp::ServerCapabilities capabilities(const McpServer& server) {
  const OfferSource* offers = server.options.offers;
  mcp::ServerCapabilities all{.tools = true, .tools_list_changed = true, .logging = true, .tasks = true};
  if (offers == nullptr) return all;
  all.prompts = all.prompts_list_changed = offers->offers(OfferKind::prompts);
  all.resources = all.resources_list_changed =
      offers->offers(OfferKind::resources) || offers->offers(OfferKind::templates);
  all.resources_subscribe = all.resources && offers->subscribes();
  all.completions = offers->completes();
  return all;
}

std::string instructions(const McpServer& server) {
  std::string text = server.options.instructions;
  if (!text.empty()) text += "\n\n";
  return text + server.builtins.instructions();
}

Task<Answer> initialize(Work& work, const mcp::ServerRequest& request) {
  auto& state = work.info.session->state;
  if (auto taken = state.initialize(*request.message); !taken) {
    const mcp::Refusal& why = taken.error();
    return refused(static_cast<mcp::RpcCode>(why.code), why.message, why.data);
  }
  work.info.revision = state.revision();
  std::string result;
  JsonWriter json(result);
  json.begin_object().field("protocolVersion", mcp::name_of(state.revision()));
  json.key("capabilities").raw(mcp::to_json(capabilities(work.server), state.revision()));
  json.key("serverInfo").raw(work.server.identity());
  json.field("instructions", instructions(work.server)).end_object();
  return done(Answer::of(std::move(result)));
}

Task<Answer> list_tools(Work& work, std::string cursor) {
  McpServer& server = work.server;
  if (!cursor.empty()) {
    co_return Answer::fault(mcp::RpcCode::invalid_params,
                            "Invalid params: 'cursor' is none of this list, which has one page: leave it out");
  }
  if (server.options.tools_ready != nullptr) co_await server.options.tools_ready->wait();
  std::string result = "{\"tools\":[" + server.tools.listing(work.info.revision);
  for (const std::string& definition : server.builtins.definitions(
           work.info.who->owner, work.info.stateless() ? std::string() : work.info.client_name)) {
    if (result.back() != '[') result += ',';
    result += definition;
  }
  result += "]}";
  co_return Answer::of(std::move(result), Answer::Kind::cacheable);
}

Task<Answer> call_tool(Work& work, const mcp::ServerRequest& request, const mcp::HttpHead* head) {
  McpServer& server = work.server;
  const auto& param = request.message->param;
  if (!param.name.is_string()) {
    return refused(mcp::RpcCode::invalid_params, "Invalid params: 'name' of the tool is missing");
  }
  if (param.arguments && !param.arguments.is_object()) {
    return refused(mcp::RpcCode::invalid_params, "Invalid params: 'arguments' is an object");
  }
  std::string name = param.name.text();
  const auto on_progress = [&work](const Progress& progress) { work.progress(progress); };
  if (const auto builtin = server.builtins.find(name)) {
    std::function<void(const Progress&)> hears;
    if (!work.info.progress_token.empty()) hears = on_progress;
    BuiltinTools::Asker asker{work.info.who->owner, work.info.client_name};
    // Whoever guesses ids is slowed down; who looks at tasks that are there is not.
    if (server.options.look_ups.per_second > 0 && *builtin != BuiltinTools::Kind::list) {
      if (const Milliseconds wait = server.look_ups.wait(asker.owner); wait.count() > 0) {
        return done(Answer::of(text_result(
            "Too many look-ups of tasks that are not there: come again in " + format_duration(wait), true)));
      }
      asker.missed = [&server, owner = asker.owner] { static_cast<void>(server.look_ups.take(owner)); };
    }
    return run_tool(work, server.builtins.call(*builtin, std::move(asker), param.arguments, std::move(hears)),
                    TaskForm::none, true);
  }
  const ListedTool* listed = server.tools.find(name);
  if (listed == nullptr) {
    if (server.options.tools_ready != nullptr && !server.options.tools_ready->now()) {
      return when_ready(
          work, std::string(request.message->line),
          head != nullptr ? std::optional<KeptHead>(head->fields_under(mcp::param_field_prefix)) : std::nullopt);
    }
    return refused(mcp::RpcCode::invalid_params,
                   "Unknown tool: '" + name.substr(0, 128) + "'. tools/list says which tools there are");
  }
  const Tool& tool = *listed->tool;
  if (head != nullptr && work.info.stateless() && !listed->headers.empty()) {
    if (auto wrong = mcp::param_header_mismatch(listed->headers, param.arguments, *head)) {
      return refused(mcp::RpcCode::header_mismatch, std::move(*wrong));
    }
  }
  TaskForm form = work.info.takes_tasks() ? TaskForm::extension : TaskForm::none;
  if (work.info.revision == mcp::Revision::r2025_11_25 && param.task) {
    if (!param.task.is_object()) {
      return refused(mcp::RpcCode::invalid_params,
                     "Invalid params: 'task' is an object, {} or {\"ttl\": milliseconds}");
    }
    if (tool.no_background) {
      return refused(mcp::RpcCode::method_not_found, "Tool '" + name + "' cannot run as a task: leave out 'task'");
    }
    form = TaskForm::on_request;
  }
  if (tool.task_only && form == TaskForm::none) {
    if (work.info.stateless()) {
      return refused(mcp::RpcCode::missing_capability,
                     "Tool '" + name + "' runs only as a task: declare the extension io.modelcontextprotocol/tasks",
                     std::string(mcp::tasks_required_data()));
    }
    return refused(mcp::RpcCode::method_not_found,
                   "Tool '" + name + "' runs only as a task: call it with a 'task' parameter (2025-11-25)");
  }
  ToolCall call;
  call.tool = std::move(name);
  call.arguments = param.arguments.raw();
  call.caller = {.user_id = work.info.who->owner, .channel_id = {}, .platform = "mcp"};
  call.budget = server.options.session.budget;
  if (const auto cap = server.options.session.budget_caps.find(work.info.client_name);
      cap != server.options.session.budget_caps.end()) {
    const Milliseconds own = call.budget.value_or(tool.budget.value_or(server.manager.options().budget));
    call.budget = std::min(own, cap->second);
  }
  if (form == TaskForm::on_request) call.budget = Milliseconds(0);
  if (form == TaskForm::none && work.info.stateless() && server.options.wait_without_tasks) call.budget = for_ever;
  const mcp::ClientCapabilities& client = work.info.client;
  call.askable = {.elicitation_form = client.elicitation_form,
                  .elicitation_url = client.elicitation_url,
                  .sampling = client.sampling,
                  .sampling_tools = client.sampling_tools,
                  .sampling_context = client.sampling_context,
                  .roots = client.roots};
  call.log_level = work.log_level();
  call.idempotency_key = param.meta_idempotency_key.text();
  if (!work.info.progress_token.empty()) call.on_progress = on_progress;
  call.on_log = [&work](const LogLine& line) { work.log(line); };
  call.on_input = [&work](std::shared_ptr<InputRound> round) { work.asked(std::move(round)); };
  work.inline_rounds = tool.asks_inline;
  if (!work.info.stateless()) work.background = call.background = std::make_shared<BackgroundSwitch>();
  return run_tool(work, server.manager.call(std::move(call)), form, listed->structured_envelope);
}

}  // namespace meantime::serve
