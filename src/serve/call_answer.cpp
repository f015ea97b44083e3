// SPDX-License-Identifier: MIT
#include "serve/call_answer.hpp"

#include "core/envelope.hpp"
#include "core/json_writer.hpp"
#include "mcp/json_rpc.hpp"

namespace meantime::serve {
namespace {

void append_output(std::string& out, std::string_view id, const ToolOutput& output) {
  if (output.media_type == MediaType::mcp_result) {
    mcp::append_result(out, id, output.text);
  } else {
    mcp::append_result(out, id, text_result(output.text, false));
  }
}

void append_failure(std::string& out, std::string_view id, const ToolFailure& failure) {
  if (failure.output && failure.output->media_type == MediaType::mcp_result) {
    mcp::append_result(out, id, failure.output->text);
  } else if (failure.output && failure.output->media_type == MediaType::mcp_error) {
    mcp::append_raw_error(out, id, failure.output->text);
  } else {
    std::string text = failure.error();
    if (failure.output && !failure.output->text.empty()) text += "\n" + failure.output->text;
    mcp::append_result(out, id, text_result(text, true));
  }
}

void append_refusal(std::string& out, std::string_view id, const Error& error, const AnswerStyle& style) {
  const bool bad_call = error.code == errc::invalid_argument && !mcp::bad_arguments_are_results(style.revision);
  if (error.code == errc::not_found || bad_call) {
    mcp::append_error(out, id, mcp::RpcCode::invalid_params, error.detail);
  } else {
    mcp::append_result(out, id, text_result(envelope::error(error), true));
  }
}

}  // namespace

std::string text_result(std::string_view text, bool is_error, std::string_view tag, std::string_view structured) {
  std::string out;
  out.reserve(text.size() + structured.size() + 128);
  JsonWriter json(out);
  json.begin_object().key("content").begin_array();
  json.begin_object().field("type", "text").field("text", text).end_object().end_array();
  if (!structured.empty()) json.key("structuredContent").raw(structured);
  json.field("isError", is_error);
  if (!tag.empty()) json.key("_meta").raw(tag);
  json.end_object();
  return out;
}

void append_call_answer(std::string& out, std::string_view id, Result<Outcome> outcome, const AnswerStyle& style) {
  if (!outcome) {
    append_refusal(out, id, outcome.error(), style);
  } else if (const auto* finished = std::get_if<Finished>(&*outcome)) {
    append_output(out, id, finished->output);
  } else if (const auto* failed = std::get_if<Failed>(&*outcome)) {
    append_failure(out, id, failed->failure);
  } else {
    const auto& task = std::get<Backgrounded>(*outcome);
    const std::string running = envelope::running(task, style.check_tool);
    const std::string tag = envelope::tag(task.task_id.text(), name_of(TaskStatus::running));
    mcp::append_result(out, id, text_result(running, false, tag, style.structured_envelope ? running : std::string()));
  }
}

}  // namespace meantime::serve
