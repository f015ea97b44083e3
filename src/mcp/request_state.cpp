// SPDX-License-Identifier: MIT
#include "mcp/request_state.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <vector>

#include "core/json_writer.hpp"
#include "mcp/header_value.hpp"

namespace meantime::mcp {
namespace {

// Length first: no two lists of parts read the same.
void append_part(std::string& out, std::string_view part) {
  out += std::to_string(part.size());
  out += ':';
  out += part;
}

// One way to write a value: members by name, no white space. As deep as the reader lets it be.
void append_canonical(std::string& out, const boost::json::value& value) {
  if (const auto* object = value.if_object()) {
    std::vector<const boost::json::key_value_pair*> members;
    members.reserve(object->size());
    for (const auto& each : *object) members.push_back(&each);
    std::ranges::sort(members, {}, [](const auto* each) { return std::string_view(each->key()); });
    out += '{';
    for (const auto* each : members) {
      append_json_string(out, each->key());
      out += ':';
      append_canonical(out, each->value());
      out += ',';
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (const auto& each : *array) {
      append_canonical(out, each);
      out += ',';
    }
    out += ']';
  } else {
    out += boost::json::serialize(value);
  }
}

std::string mac_of(const StateKey& key, std::string_view payload, std::string_view expires, std::string_view binding) {
  std::string text;
  append_part(text, "requestState 1");
  append_part(text, expires);
  append_part(text, payload);
  append_part(text, binding);
  return key.mac(text);
}

// Takes as long for every text of the same length.
bool same_bytes(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned char different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different =
        static_cast<unsigned char>(different | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return different == 0;
}

std::int64_t milliseconds_of(WallTime time) noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::string state_binding(std::string_view principal, const Message& request) {
  std::string out;
  append_part(out, principal);
  append_part(out, request.method.text());
  boost::json::parse_options options;
  options.max_depth = JsonScanner::max_depth;
  options.allow_invalid_utf16 = true;
  boost::system::error_code ec;
  boost::json::value params =
      request.params ? boost::json::parse(request.params.raw(), ec, {}, options) : boost::json::value();
  if (auto* object = params.if_object()) {
    for (const std::string_view name : {"_meta", "inputResponses", "requestState"}) object->erase(name);
  }
  std::string canonical;
  if (ec) {
    canonical = request.params.raw();
  } else {
    append_canonical(canonical, params);
  }
  append_part(out, canonical);
  return out;
}

std::string seal_state(const StateKey& key, std::string_view payload, std::string_view binding, WallTime expires) {
  const std::string until = std::to_string(milliseconds_of(expires));
  return base64_encode(payload) + '.' + until + '.' + base64_encode(mac_of(key, payload, until, binding));
}

std::expected<std::string, std::string> open_state(const StateKey& key, std::string_view state,
                                                   std::string_view binding, WallTime now) {
  const auto refuse = [] {
    return std::unexpected(
        std::string("'requestState' is not one of this server's for this request, or too old: call again without it"));
  };
  const std::size_t first = state.find('.');
  const std::size_t second = first == std::string_view::npos ? first : state.find('.', first + 1);
  if (second == std::string_view::npos) return refuse();
  const std::string_view until = state.substr(first + 1, second - first - 1);
  auto payload = base64_decode(state.substr(0, first));
  const auto mac = base64_decode(state.substr(second + 1));
  std::int64_t expires = 0;
  const auto [stopped, error] = std::from_chars(until.data(), until.data() + until.size(), expires);
  if (!payload || !mac || error != std::errc{} || stopped != until.data() + until.size()) return refuse();
  if (!same_bytes(*mac, mac_of(key, *payload, until, binding)) || milliseconds_of(now) > expires) return refuse();
  return std::move(*payload);
}

}  // namespace meantime::mcp
