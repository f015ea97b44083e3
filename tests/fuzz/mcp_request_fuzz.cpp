// SPDX-License-Identifier: MIT
// mcp_request_fuzz.cpp: whatever head and body come, a request is taken or refused with an error that can be read; and
// what is taken apart and put together again stays the same. Input: "name: value" lines, an empty line, the body.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "mcp/client_rules.hpp"
#include "mcp/handshake_session.hpp"
#include "mcp/request_state.hpp"
#include "mcp/results.hpp"
#include "mcp/subscriptions.hpp"
#include "mcp/task_json.hpp"

namespace {

using namespace meantime::mcp;  // NOLINT(google-build-using-namespace): one small program

void demand(bool holds) {
  if (!holds) std::abort();
}

class Head final : public HttpHead {
 public:
  // Takes the head off `input`.
  explicit Head(std::string_view& input) {
    while (!input.empty()) {
      const std::string_view line = input.substr(0, input.find('\n'));
      input.remove_prefix(std::min(input.size(), line.size() + 1));
      if (line.empty()) return;
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const auto [at, fresh] = fields_.emplace(line.substr(0, colon), line.substr(colon + 1));
      if (!fresh) twice_.insert(at->first);
    }
  }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = fields_.find(name);
    if (found == fields_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] bool repeated(std::string_view name) const override { return twice_.contains(std::string(name)); }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields_under(std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [name, value] : fields_) {
      if (name.starts_with(prefix)) found.emplace_back(name, value);
    }
    return found;
  }

 private:
  std::map<std::string, std::string, std::less<>> fields_;
  std::set<std::string, std::less<>> twice_;
};

class SumKey final : public StateKey {
 public:
  [[nodiscard]] std::string mac(std::string_view bytes) const override {
    std::uint64_t sum = 17;
    for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return std::to_string(sum);
  }
};

boost::json::value parsed(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = JsonScanner::max_depth + 8;
  options.allow_invalid_utf16 = true;
  boost::system::error_code ec;
  auto value = boost::json::parse(text, ec, {}, options);
  demand(!ec);
  return value;
}

bool has_unique_names(JsonSpan object) {
  std::set<std::string> seen;
  bool unique = true;
  for_each_member(object, [&](JsonSpan key, JsonSpan) { unique = seen.insert(key.text()).second && unique; });
  return unique;
}

void check_refusal(const Refusal& refusal, JsonSpan id) {
  demand(refusal.http_status == 200 || refusal.http_status == 400 || refusal.http_status == 404);
  demand(!refusal.message.empty() && refusal.id == id.raw());
  std::string out;
  append_refusal(out, refusal);
  out.pop_back();
  const auto read = read_message(out);
  demand(read && read->kind == Message::Kind::error);
}

void check_request(const Message& message, const Head* head, const HandshakeSession* session) {
  const auto request = read_request(message, head, session);
  if (!request) return check_refusal(request.error(), message.id);
  demand(request->family == family_of(request->revision));
  demand(has_method(request->revision, request->method));
  demand(request->family == choose_family(message, head, session != nullptr && session->initialized()));
  demand(to_json(request->client, newest_stateless) ==
         to_json(read_client_capabilities(JsonSpan(to_json(request->client, newest_stateless))), newest_stateless));
}

void check_initialize(const Message& message) {
  HandshakeSession session;
  if (const auto revision = session.initialize(message); !revision) check_refusal(revision.error(), message.id);
  check_request(message, nullptr, &session);
  std::string out;
  if (session.ask(out, 1, "roots/list", message.params, "t")) {
    out.pop_back();
    demand(read_message(out).has_value());
  }
}

void check_marks(const Message& message) {
  std::string line;
  append_request(line, "1", "tools/list", with_client_marks(message.params.raw(), ClientMarks{}, "5"));
  line.pop_back();
  const auto read = read_message(line);
  if (!read) {
    demand(read.error().code == RpcCode::parse_error);  // one level deeper than it came
    return;
  }
  if (!has_unique_names(message.params)) return;
  // What else stands in _meta is the caller's own affair.
  demand(read->param.meta_protocol_version.is("2026-07-28") && read->param.meta_progress_token.integer() == 5);
  demand(read->param.name.raw() == message.param.name.raw());
}

void check_state(const Message& message) {
  const SumKey key;
  const std::string binding = state_binding("me", message);
  const meantime::WallTime now{};
  const std::string state = seal_state(key, message.params.raw(), binding, now);
  demand(open_state(key, state, binding, now) == message.params.raw());
  if (message.param.request_state.is_string()) {
    demand(!open_state(key, message.param.request_state.text(), binding, now));
  }
}

void check_members(const Message& message) {
  if (const auto filter = read_filter(message.param.notifications)) {
    demand(read_filter(JsonSpan(to_json(*filter))) == *filter);
  }
  if (const auto responses = read_input_responses(message.param.input_responses)) {
    demand(read_input_responses(JsonSpan(input_responses_json(*responses))) == *responses);
  }
  for (const JsonSpan each : {message.params, message.result}) {
    if (const auto report = read_task_report(each)) demand(!name_of(report->state).empty());
    if (const auto requests = read_input_requests(member(each, "inputRequests"))) {
      const std::string written = input_requests_json(*requests);
      const auto again = read_input_requests(JsonSpan(written));
      demand(again && again->size() == requests->size() && input_requests_json(*again) == written);
    }
    const std::string offered = to_json(read_server_capabilities(member(each, "capabilities")), newest_stateless);
    demand(to_json(read_server_capabilities(JsonSpan(offered)), newest_stateless) == offered);
  }
}

void check_result(const Message& message) {
  if (!message.result.is_object() || !has_unique_names(message.result)) return;
  const MetaEntry entry{related_task_key, R"({"taskId":"t"})"};
  for (const Family family : {Family::handshake, Family::stateless}) {
    std::string out;
    append_finished(out, message.result, shape_of(message),
                    {.family = family, .server_info = R"({"name":"s"})", .cache = CacheHint{}, .meta = {&entry, 1}});
    auto before = parsed(message.result.raw()).as_object();
    auto after = parsed(out).as_object();
    demand(after.contains("resultType") == (family == Family::stateless));
    demand(after.contains("_meta"));
    for (const std::string_view own : {"resultType", "ttlMs", "cacheScope", "_meta"}) {
      before.erase(own);
      after.erase(own);
    }
    demand(before == after);
  }
  const auto round = read_input_round(message);
  if (round) {
    const std::string again = retry_params("{}", {}, round->request_state);
    demand(member(JsonSpan(again), "requestState").raw() == round->request_state.raw());
  }
  EraProbe probe(EraProbe::Transport::http);
  const auto step = probe.start();
  demand(step.kind == EraProbe::Step::Kind::discover);
  const auto next = probe.on_answer(message, 200);
  demand((next.kind == EraProbe::Step::Kind::give_up) == !next.why.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const Head head(input);
  if (const auto batch = read_batch(input); batch && *batch) {
    for (const std::string_view each : **batch) {
      const auto element = read_message(each);
      demand(element || element.error().code == RpcCode::invalid_request);
    }
  }
  const auto message = read_message(input);
  if (!message) {
    check_refusal(refuse_unreadable(message.error()), JsonSpan(message.error().id));
    return 0;
  }
  if (message->kind == Message::Kind::request) {
    check_request(*message, &head, nullptr);
    check_request(*message, nullptr, nullptr);
    check_initialize(*message);
    check_marks(*message);
    check_state(*message);
  } else if (const auto refused = check_one_way(*message, head, nullptr)) {
    check_refusal(*refused, message->id);
  }
  check_members(*message);
  if (message->kind == Message::Kind::result) check_result(*message);
  return 0;
}
