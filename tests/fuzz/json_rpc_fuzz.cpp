// SPDX-License-Identifier: MIT
// json_rpc_fuzz.cpp: the scanner takes exactly what Boost.JSON takes and finds the same members; framing and splicing
// lose no byte, whatever comes in.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "mcp/json_rpc.hpp"
#include "mcp/line_framer.hpp"
#include "mcp/splice.hpp"

namespace {

using namespace meantime::mcp;  // NOLINT(google-build-using-namespace): one small program

void demand(bool holds) {
  if (!holds) std::abort();
}

std::optional<boost::json::value> oracle(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = JsonScanner::max_depth;
  options.allow_invalid_utf16 = true;
  boost::system::error_code ec;
  auto value = boost::json::parse(text, ec, {}, options);
  if (ec) return std::nullopt;
  return value;
}

void compare(JsonSpan span, const boost::json::value& wanted) {
  const auto own = oracle(span.raw());
  demand(own.has_value() && *own == wanted);
}

void check_message(std::string_view text) {
  const auto message = read_message(text);
  const auto whole = oracle(text);
  demand(!message || whole.has_value());
  if (!whole) {
    demand(message.error().code == RpcCode::parse_error);
    return;
  }
  if (!message) {
    demand(message.error().code == RpcCode::invalid_request);
    return;
  }
  const auto& object = whole->as_object();
  for (const auto& [name, span] : {std::pair{"method", message->method},
                                   {"params", message->params},
                                   {"result", message->result},
                                   {"error", message->error}}) {
    if (const auto* wanted = object.if_contains(name)) compare(span, *wanted);
  }
  if (message->kind == Message::Kind::request) {
    std::string out;
    append_with_id(out, *message, "\"mt-1\"");
    out.pop_back();
    const auto changed = read_message(out);
    demand(changed.has_value() && changed->id.is("mt-1"));
    out.clear();
    append_params_with_progress_token(out, *message, "17");
    std::string line;
    append_request(line, "1", "tools/call", out);
    line.pop_back();
    const auto sent = read_message(line);
    demand(sent.has_value() && sent->param.meta_progress_token.raw() == "17");
    demand(sent->param.name.raw() == message->param.name.raw());
    demand(sent->param.arguments.raw() == message->param.arguments.raw());
  }
}

void check_framing(std::string_view bytes, std::size_t step) {
  LineFramer framer(64);
  while (!bytes.empty()) {
    const auto room = framer.prepare();
    const std::size_t n = std::min(step, bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    framer.commit(n);
    bytes.remove_prefix(n);
    while (const auto line = framer.next()) {
      demand(line->too_long ? line->bytes > 64 : line->text.size() <= 64);
      demand(line->text.find('\n') == std::string_view::npos);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  JsonScanner scanner(text);
  demand((scanner.skip() && scanner.at_end()) == oracle(text).has_value());
  check_message(text);
  check_framing(text, size % 13 + 1);
  return 0;
}
