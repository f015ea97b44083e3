// SPDX-License-Identifier: MIT
#include "tools/upstream_call.hpp"

#include <set>
#include <utility>
#include <vector>

#include "core/utf8.hpp"
#include "mcp/json_span.hpp"
#include "mcp/tool_content.hpp"
#include "tools/upstream_answer.hpp"

namespace meantime::tools {
namespace {

constexpr std::size_t error_text_bytes = 16U << 10;

ToolOutput raw_output(std::string json, MediaType media_type) {
  ToolOutput output{std::move(json)};
  output.media_type = media_type;
  return output;
}

// What happens in the call, to the context it runs in.
class ContextHooks final : public client::RequestHooks {
 public:
  explicit ContextHooks(ToolContext& context) : context_(context) {}
  void on_progress(const Progress& progress) override { context_.progress(progress); }
  void on_log(LogLine line) override { context_.log(std::move(line)); }
  [[nodiscard]] std::string_view owner() const noexcept override { return context_.caller().user_id; }
  Task<Result<std::vector<InputResponse>>> on_input(std::vector<InputRequest> requests) override;

 private:
  ToolContext& context_;
  std::set<std::string, std::less<>> used_;
};

Task<Result<std::vector<InputResponse>>> ContextHooks::on_input(std::vector<InputRequest> requests) {
  // A server's keys are unique in a round, ours in the life of the task.
  std::vector<std::string> keys;
  keys.reserve(requests.size());
  for (InputRequest& each : requests) {
    keys.push_back(each.key);
    each.key.resize(utf8::cut_length(each.key, 100));
    if (each.key.empty()) each.key = "q";
    const std::string base = each.key;
    for (unsigned again = 2; !used_.insert(each.key).second; ++again) each.key = base + "-" + std::to_string(again);
  }
  auto answered = co_await context_.ask(std::move(requests));
  if (answered && answered->size() == keys.size()) {
    for (std::size_t at = 0; at < keys.size(); ++at) (*answered)[at].key = std::move(keys[at]);
  }
  co_return answered;
}

}  // namespace

ToolReturn to_return(client::Answer answer) {
  if (!answer) {
    std::string text = client::text_of(answer.error());
    if (auto* rpc = std::get_if<client::RpcError>(&answer.error())) {
      return failure("McpError", std::move(text), raw_output(std::move(rpc->raw), MediaType::mcp_error));
    }
    return failure("UpstreamError", std::move(text));
  }
  if (answer->is_error) {
    std::string text = mcp::text_of_result(mcp::JsonSpan(answer->result));
    text.resize(utf8::cut_length(text, error_text_bytes));
    return failure("ToolError", std::move(text), raw_output(std::move(answer->result), MediaType::mcp_result));
  }
  return raw_output(std::move(answer->result), MediaType::mcp_result);
}

Task<ToolReturn> call_upstream(client::McpClient& client, ToolContext& context, std::string tool) {
  ContextHooks hooks(context);
  const Askable caller = context.askable();
  // Only who differs from what the client declares anyway is worth a text of its own.
  std::optional<mcp::ClientCapabilities> capabilities;
  if (caller != Askable{}) {
    capabilities = {.sampling = caller.sampling,
                    .sampling_tools = caller.sampling_tools,
                    .sampling_context = caller.sampling_context,
                    .elicitation_form = caller.elicitation_form,
                    .elicitation_url = caller.elicitation_url,
                    .roots = caller.roots};
  }
  co_return to_return(
      co_await client.call_tool(tool, context.arguments(), &hooks, {}, capabilities, context.log_level()));
}

}  // namespace meantime::tools
