// SPDX-License-Identifier: MIT
// dispatch.cpp: which method of which revision is answered by what.
#include "core/duration.hpp"
#include "core/json_writer.hpp"
#include "serve/server/handshake_client.hpp"
#include "serve/server/mcp_server.hpp"
#include "serve/server/methods.hpp"

namespace meantime::serve {
namespace {

using Request = mcp::ServerRequest;

// Outside of what JSON-RPC and MCP keep for themselves.
constexpr auto too_many_look_ups = static_cast<mcp::RpcCode>(429);

Task<Answer> no_method(const Request& request) {
  return refused(mcp::RpcCode::method_not_found, "Method not found: " + request.message->method.text().substr(0, 100));
}

Task<Answer> set_level(Work& work, const Request& request) {
  if (auto set = work.info.session->state.set_log_level(*request.message); !set) {
    return refused(mcp::RpcCode::invalid_params, std::move(set.error().message));
  }
  return done(Answer::of("{}"));
}

Task<Answer> missing(std::string_view what) {
  return refused(mcp::RpcCode::invalid_params,
                 "Invalid params: '" + std::string(what) + "' is missing or not a string");
}

Task<Answer> discover(Work& work) {
  std::string result;
  JsonWriter json(result);
  json.begin_object().key("supportedVersions").raw(mcp::supported_versions());
  json.key("capabilities").raw(mcp::to_json(capabilities(work.server), mcp::Revision::r2026_07_28));
  json.field("instructions", instructions(work.server)).end_object();
  return done(Answer::of(std::move(result), Answer::Kind::cacheable));
}

// Of resources, prompts and completion: only what the server has.
Task<Answer> offer(Work& work, const Request& request) {
  using mcp::Method;
  const auto& param = request.message->param;
  OfferSource* source = work.server.options.offers;
  if (source == nullptr) return no_method(request);
  const mcp::ServerCapabilities has = capabilities(work.server);
  switch (request.method) {
    case Method::prompts_list:
      if (has.prompts) return list_offers(work, OfferKind::prompts, param.cursor.text());
      break;
    case Method::prompts_get:
      if (!has.prompts) break;
      if (!param.name.is_string()) return missing("name");
      return get_prompt(work, param.name.text(), std::string(param.arguments.raw()));
    case Method::resources_list:
      if (has.resources) return list_offers(work, OfferKind::resources, param.cursor.text());
      break;
    case Method::resources_templates_list:
      if (has.resources) return list_offers(work, OfferKind::templates, param.cursor.text());
      break;
    case Method::resources_read:
      if (!has.resources) break;
      return param.uri.is_string() ? read_resource(work, param.uri.text()) : missing("uri");
    case Method::resources_subscribe:
      if (!has.resources_subscribe) break;
      return param.uri.is_string() ? work.info.session->subscribe(param.uri.text()) : missing("uri");
    case Method::resources_unsubscribe:
      if (!has.resources_subscribe) break;
      if (!param.uri.is_string()) return missing("uri");
      work.info.session->unsubscribe(param.uri.text());
      return done(Answer::of("{}"));
    case Method::completion_complete:
      if (has.completions) return complete(work, std::string(request.message->params.raw()));
      break;
    default:
      break;
  }
  return no_method(request);
}

Task<Answer> task(Work& work, const Request& request) {
  using mcp::Method;
  const auto& param = request.message->param;
  const bool stateless = work.info.stateless();
  if (stateless && !work.info.client.tasks) {
    return refused(mcp::RpcCode::missing_capability,
                   "This method needs a client that declares the extension io.modelcontextprotocol/tasks",
                   std::string(mcp::tasks_required_data()));
  }
  if (request.method == Method::tasks_list) return list_tasks_2025(work, param.cursor.text());
  if (!param.task_id.is_string()) return missing("taskId");
  const bool limited = work.server.options.look_ups.per_second > 0;
  if (const Milliseconds wait = limited ? work.server.look_ups.take(work.info.who->owner) : Milliseconds(0);
      wait.count() > 0) {
    return refused(too_many_look_ups, "Too many look-ups of tasks: come again in " + format_duration(wait),
                   "{\"retryAfterMs\":" + std::to_string(wait.count()) + "}");
  }
  std::string id = param.task_id.text();
  switch (request.method) {
    case Method::tasks_get:
      return stateless ? get_task(work, std::move(id)) : get_task_2025(work, std::move(id));
    case Method::tasks_cancel:
      return stateless ? cancel_task(work, std::move(id)) : cancel_task_2025(work, std::move(id));
    case Method::tasks_result:
      return task_result_2025(work, std::move(id));
    default:
      if (!param.input_responses.is_object()) {
        return refused(mcp::RpcCode::invalid_params, "Invalid params: 'inputResponses' is an object of answers by key");
      }
      return update_task(work, std::move(id), param.input_responses);
  }
}

}  // namespace

Task<Answer> done(Answer answer) {
  co_return answer;
}

Task<Answer> dispatch(Work& work, const Request& request, const mcp::HttpHead* head) {
  using mcp::Method;
  if (!mcp::has_method(work.info.revision, request.method)) return no_method(request);
  // Taken for the first page, it would be given that again and again.
  if (const mcp::JsonSpan cursor = request.message->param.cursor;
      cursor && !cursor.is_string() && cursor.kind() != mcp::JsonSpan::Kind::null) {
    return refused(mcp::RpcCode::invalid_params, "Invalid params: 'cursor' must be a string that a list gave");
  }
  switch (request.method) {
    case Method::tools_call:
      return call_tool(work, request, head);
    case Method::tools_list:
      return list_tools(work, request.message->param.cursor.text());
    case Method::server_discover:
      return discover(work);
    case Method::initialize:
      return initialize(work, request);
    case Method::ping:
      return done(Answer::of("{}"));
    case Method::logging_set_level:
      return set_level(work, request);
    case Method::tasks_get:
    case Method::tasks_update:
    case Method::tasks_cancel:
    case Method::tasks_list:
    case Method::tasks_result:
      return task(work, request);
    default:
      return offer(work, request);
  }
}

}  // namespace meantime::serve
