// SPDX-License-Identifier: MIT
#include "delivery/adapters/titled.hpp"

#include <boost/json.hpp>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/render/payloads.hpp"

namespace meantime::delivery {

namespace json = boost::json;

Result<std::vector<std::string>> plan_titled(const Message& message, const render::Limits& limits,
                                             const std::string& link) {
  auto chunks = plan_chunks(message, limits, link);
  if (!chunks) return chunks;
  const auto report = render::report_of(message.record, {}, false, message.redirect.max_chars);
  for (std::string& chunk : *chunks) {
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().field("title", render::title_of(report));
    writer.field("failed", report.status == TaskStatus::failed).field("link", link);
    writer.key("chunk").raw(chunk).end_object();
    chunk = std::move(out);
  }
  return chunks;
}

Result<Titled> unpack_titled(std::string_view packed) {
  const auto unreadable = [] {
    return fail(errc::invalid_argument, "delivery.titled",
                "This is no message that was planned by this version: replay the delivery.");
  };
  boost::system::error_code wrong;
  const json::value value = json::parse(packed, wrong);
  if (wrong || !value.is_object()) return unreadable();
  const json::object& object = value.get_object();
  const json::value* title = object.if_contains("title");
  const json::value* link = object.if_contains("link");
  const json::value* failed = object.if_contains("failed");
  const json::value* kept = object.if_contains("chunk");
  const bool whole = title != nullptr && title->is_string() && link != nullptr && link->is_string() &&
                     failed != nullptr && failed->is_bool() && kept != nullptr;
  if (!whole) return unreadable();
  auto chunk = render::unpack(json::serialize(*kept));
  if (!chunk) return std::unexpected(std::move(chunk.error()));
  return Titled{std::move(*chunk), std::string(title->get_string()), std::string(link->get_string()),
                failed->get_bool()};
}

}  // namespace meantime::delivery
