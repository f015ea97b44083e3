// SPDX-License-Identifier: MIT
#include "delivery/adapters/event.hpp"

#include "core/json_writer.hpp"
#include "delivery/render/payloads.hpp"

namespace meantime::delivery {
namespace {

// What event_to_send adds, for names and channels of sensible length.
constexpr std::size_t added = 1'024;
constexpr std::size_t least = 4'096;
constexpr std::size_t longest_channel = 256;

}  // namespace

Result<std::vector<std::string>> plan_event(const Message& message, std::size_t max_bytes, std::string link) {
  if (max_bytes < least) {
    return fail(errc::invalid_argument, "delivery.event",
                "An event needs at least " + std::to_string(least) + " bytes: raise max_bytes.");
  }
  const auto report =
      render::report_of(message.record, message.text, message.text_cut, message.redirect.max_chars, std::move(link));
  auto event = render::event_json(report, max_bytes - added);
  if (!event) return std::unexpected(std::move(event.error()));
  return std::vector<std::string>{std::move(*event)};
}

Result<std::string> event_to_send(const Outgoing& message) {
  if (message.chunk.size() < 2 || message.chunk.front() != '{') {
    return fail(errc::invalid_argument, "delivery.event",
                "This is no event that was planned by this version: replay the delivery.");
  }
  std::string out;
  out.reserve(message.chunk.size() + added);
  JsonWriter json(out);
  json.begin_object().field("schema_version", event_schema_version).field("id", message.key);
  json.field("destination", message.redirect.destination);
  if (message.redirect.channel_id.size() <= longest_channel) json.field("channel_id", message.redirect.channel_id);
  json.field("possibly_repeated", message.maybe_repeated);
  out += ',';
  return out.append(message.chunk.substr(1));
}

}  // namespace meantime::delivery
