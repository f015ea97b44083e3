// SPDX-License-Identifier: MIT
// mcp_headers_fuzz.cpp: every text travels in a header and comes back; a server agrees with the headers that a client
// makes of a schema and its arguments; no Host or Origin crashes its check. Input: a line of JSON (the schema), then
// JSON (the arguments).
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "mcp/header_value.hpp"
#include "mcp/host_rules.hpp"
#include "mcp/param_headers.hpp"

namespace {

using namespace meantime::mcp;  // NOLINT(google-build-using-namespace): one small program

void demand(bool holds) {
  if (!holds) std::abort();
}

class Head final : public HttpHead {
 public:
  explicit Head(const std::vector<std::pair<std::string, std::string>>& fields) {
    for (const auto& [name, value] : fields) {
      std::string lower = name;
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      demand(is_token(name) && fields_.emplace(lower, value).second);
      for (const char c : value) demand((c >= 0x20 && c < 0x7F) || c == '\t');
    }
  }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = fields_.find(name);
    if (found == fields_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] bool repeated(std::string_view) const override { return false; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields_under(std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [name, value] : fields_) {
      if (name.starts_with(prefix)) found.emplace_back(name, value);
    }
    return found;
  }

 private:
  std::map<std::string, std::string, std::less<>> fields_;
};

bool is_json(std::string_view text) {
  JsonScanner scanner(text);
  JsonSpan whole;
  return scanner.value(whole) && scanner.at_end() && whole.raw() == text;
}

void check_value(std::string_view text) {
  const std::string header = encode_header_value(text);
  demand(decode_header_value(header) == text && header_value_is(header, text));
  demand(base64_decode(base64_encode(text)) == text);
  if (const auto decoded = decode_header_value(text)) demand(header_value_is(text, *decoded));
  if (const auto bytes = base64_decode(text)) demand(base64_encode(*bytes) == text);
  if (is_json_content(text)) demand(accepts(text, "application/json"));
}

void check_hosts(std::string_view text) {
  const HostRules rules({"a.example"}, {"https://a.example"});
  const HostRules open({"*"}, {"*"});
  if (rules.host_allowed(text)) demand(open.host_allowed(text));
  demand(rules.refuse(text, text).has_value() == (!rules.host_allowed(text) || !rules.origin_allowed(text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_value(text);
  check_hosts(text);
  const std::size_t end = text.find('\n');
  const std::string_view schema = text.substr(0, end);
  const std::string_view arguments = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  if (!is_json(schema) || (!arguments.empty() && !is_json(arguments))) return 0;
  const auto headers = read_param_headers(JsonSpan(schema));
  if (!headers) {
    demand(!headers.error().empty());
    return 0;
  }
  const JsonSpan given(arguments);
  const auto fault = param_header_mismatch(*headers, given, Head(make_param_headers(*headers, given)));
  demand(!fault);
  return 0;
}
