// SPDX-License-Identifier: MIT
#include "core/inputs.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <string_view>

#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime {
namespace {

constexpr std::size_t max_key_bytes = 128;
constexpr std::size_t max_method_bytes = 128;
constexpr std::size_t max_depth = 128;
constexpr std::size_t max_bytes = 4UL << 20U;
constexpr std::string_view refused_key = "meantime/refused";  // no result of MCP has such a member alone

// Takes JSON in and makes nothing of it; stops at a text whose first value is no object.
struct ObjectOnly {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  using Code = boost::system::error_code;
  using Text = boost::json::string_view;

  bool inside = false;
  bool value(Code& code) const {
    if (!inside) code = boost::json::error::not_object;
    return inside;
  }
  static bool on_document_begin(Code&) { return true; }
  static bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return inside = true; }
  static bool on_object_end(std::size_t, Code&) { return true; }
  bool on_array_begin(Code& code) const { return value(code); }
  static bool on_array_end(std::size_t, Code&) { return true; }
  static bool on_key_part(Text, std::size_t, Code&) { return true; }
  static bool on_key(Text, std::size_t, Code&) { return true; }
  bool on_string_part(Text, std::size_t, Code& code) const { return value(code); }
  bool on_string(Text, std::size_t, Code& code) const { return value(code); }
  static bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code& code) const { return value(code); }
  bool on_uint64(std::uint64_t, Text, Code& code) const { return value(code); }
  bool on_double(double, Text, Code& code) const { return value(code); }
  bool on_bool(bool, Code& code) const { return value(code); }
  bool on_null(Code& code) const { return value(code); }
  static bool on_comment_part(Text, Code&) { return true; }
  static bool on_comment(Text, Code&) { return true; }
};

bool is_object(std::string_view json) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::basic_parser<ObjectOnly> parser(options);
  boost::system::error_code code;
  const std::size_t read = parser.write_some(false, json.data(), json.size(), code);
  return !code && read == json.size();
}

// Records are printed a line each: in valid JSON a line break stands between values only.
void make_one_line(std::string& json) {
  std::ranges::replace_if(json, [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

std::unexpected<Error> refuse(std::string op, std::string why) {
  return fail(errc::invalid_argument, std::move(op), std::move(why));
}

}  // namespace

Error input_key_used(const std::string& key) {
  return {errc::invalid_argument, "store.ask_input",
          "The input key '" + key + "' was used before in this task: give each request a key of its own."};
}

Error too_many_inputs() {
  return {errc::invalid_argument, "store.ask_input",
          "A task has at most " + std::to_string(max_input_requests) + " input requests open, and " +
              std::to_string(max_input_keys) + " in all: ask for less at once."};
}

Result<void> add_inputs(std::vector<AskedInput>& asked, std::vector<InputRequest> requests) {
  std::size_t open = 0;
  for (const AskedInput& each : asked) open += each.response ? 0 : 1;
  std::vector<AskedInput> fresh;
  for (InputRequest& request : requests) {
    const auto same_key = [&](const AskedInput& each) { return each.request.key == request.key; };
    const AskedInput* before = nullptr;
    if (const auto at = std::ranges::find_if(asked, same_key); at != asked.end()) before = &*at;
    if (const auto at = std::ranges::find_if(fresh, same_key); at != fresh.end()) before = &*at;
    if (before == nullptr) {
      fresh.push_back({std::move(request), std::nullopt});
    } else if (before->response || before->request != request) {
      return std::unexpected(input_key_used(request.key));
    }
  }
  if (open + fresh.size() > max_input_requests || asked.size() + fresh.size() > max_input_keys) {
    return std::unexpected(too_many_inputs());
  }
  std::ranges::move(fresh, std::back_inserter(asked));
  return {};
}

std::uint32_t answer_inputs(std::vector<AskedInput>& asked, std::vector<InputResponse> responses) {
  std::uint32_t answered = 0;
  for (InputResponse& response : responses) {
    const auto open = std::ranges::find_if(
        asked, [&](const AskedInput& each) { return !each.response && each.request.key == response.key; });
    if (open == asked.end()) continue;
    open->request.method = {};
    open->request.params = {};
    open->response = std::move(response.result);
    ++answered;
  }
  return answered;
}

std::vector<InputRequest> open_inputs(const std::vector<AskedInput>& asked) {
  std::vector<InputRequest> open;
  for (const AskedInput& each : asked) {
    if (!each.response) open.push_back(each.request);
  }
  return open;
}

std::vector<InputResponse> responses_of(const std::vector<AskedInput>& asked) {
  std::vector<InputResponse> given;
  for (const AskedInput& each : asked) {
    if (each.response) given.push_back({each.request.key, *each.response});
  }
  return given;
}

std::string refusal_response(std::string_view why) {
  std::string out;
  JsonWriter(out).begin_object().field(refused_key, why).end_object();
  return out;
}

std::optional<std::string> refused_because(std::string_view response) {
  if (!response.contains(refused_key)) return std::nullopt;
  boost::system::error_code problem;
  const auto value = boost::json::parse(response, problem);
  if (problem || !value.is_object() || value.get_object().size() != 1) return std::nullopt;
  const auto* why = value.get_object().if_contains(refused_key);
  if (why == nullptr || !why->is_string()) return std::nullopt;
  return std::string(why->get_string());
}

Result<void> check_inputs(std::vector<InputRequest>& requests) {
  constexpr auto op = "tool.ask";
  if (requests.size() > max_input_requests) {
    return refuse(op, "At most " + std::to_string(max_input_requests) + " input requests stand open at once.");
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    InputRequest& request = requests[i];
    if (request.params.empty()) request.params = "{}";
    if (request.key.empty() || request.key.size() > max_key_bytes || !utf8::valid(request.key)) {
      return refuse(op,
                    "The key of an input request is UTF-8 text of 1 to " + std::to_string(max_key_bytes) + " bytes.");
    }
    if (request.method.empty() || request.method.size() > max_method_bytes || !utf8::valid(request.method)) {
      return refuse(op, "Input request '" + request.key + "' has no method, or one that is no method's name.");
    }
    bytes += request.params.size();
    if (bytes > max_bytes) return refuse(op, "What a tool asks at once is at most 4 MiB in all.");
    if (!is_object(request.params)) {
      return refuse(op, "The params of input request '" + request.key + "' are no JSON object.");
    }
    make_one_line(request.params);
    for (std::size_t before = 0; before < i; ++before) {
      if (requests[before].key == request.key) {
        return refuse(op, "The key '" + request.key + "' stands twice among these input requests.");
      }
    }
  }
  return {};
}

Result<void> check_responses(std::vector<InputResponse>& responses) {
  for (InputResponse& response : responses) {
    if (!is_object(response.result)) {
      return refuse("manager.answer_input", "The response to '" + utf8::repaired(response.key) +
                                                "' is no JSON object: answer with the result "
                                                "of what was asked.");
    }
    make_one_line(response.result);
  }
  return {};
}

}  // namespace meantime
