// SPDX-License-Identifier: MIT
#include "cli/show/delivery_text.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/envelope.hpp"
#include "core/json_writer.hpp"
#include "core/utf8.hpp"

namespace meantime::cli {
namespace {

Colour colour_of(DeliveryState state) noexcept {
  switch (state) {
    case DeliveryState::waiting:
    case DeliveryState::sending:
      return Colour::blue;
    case DeliveryState::delivered:
      return Colour::green;
    case DeliveryState::suppressed:
      return Colour::dim;
    case DeliveryState::partial:
    case DeliveryState::dead:
      return Colour::red;
  }
  return Colour::dim;
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t length = utf8::count(text);
  if (length < width) text.append(width - length, ' ');
  return text;
}

std::string in_how_long(WallTime then, WallTime now) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(then - now);
  return left.count() <= 0 ? "now" : "in " + format_duration(left);
}

std::string detail_of(const Delivery& delivery, WallTime now) {
  std::string text;
  if (delivery.state == DeliveryState::waiting) text = in_how_long(delivery.due_at, now);
  if (!delivery.error.empty() && delivery.state != DeliveryState::delivered) {
    text += (text.empty() ? "" : ", ") + harmless(delivery.error);
  }
  if (delivery.repeated > 0) {
    text += (text.empty() ? "" : ", ") + std::to_string(delivery.repeated) + " may stand there twice";
  }
  return text;
}

// Columns as wide as what stands in them; the last as it is.
std::string table(const std::vector<std::vector<std::string>>& rows, const Paint& paint,
                  const std::vector<std::optional<Colour>>& second_column) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], utf8::count(row[i]));
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      std::string cell = i + 1 == rows[r].size() ? rows[r][i] : padded(rows[r][i], widths[i] + 2);
      if (i == 1 && second_column[r]) cell = paint(*second_column[r], cell);
      line += cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (r == 0 ? paint(Colour::bold, line) : line) + "\n";
  }
  return out;
}

void append(JsonWriter& out, const Delivery& delivery) {
  out.begin_object().field("id", delivery.id.text()).field("task_id", delivery.id.task_id.text());
  out.field("tool_name", delivery.tool_name).field("owner", delivery.owner).field("state", name_of(delivery.state));
  out.field("destination", delivery.redirect.destination).field("channel_id", delivery.redirect.channel_id);
  out.field("platform", delivery.redirect.platform).field("on", name_of(delivery.redirect.on));
  out.field("created_at", iso_time(delivery.created_at));
  if (is_open(delivery.state)) out.field("due_at", iso_time(delivery.due_at));
  if (delivery.ended_at) out.field("ended_at", iso_time(*delivery.ended_at));
  out.field("messages", delivery.chunks).field("sent", delivery.sent).field("attempts", delivery.attempts);
  out.field("failures", delivery.failures).field("repeated", delivery.repeated).field("in_doubt", delivery.in_doubt);
  out.field("round", delivery.round);
  out.key("remote_ids").begin_array();
  for (const std::string& id : delivery.remote_ids) out.value(id);
  out.end_array();
  if (!delivery.error.empty()) out.field("error", delivery.error);
  out.end_object();
}

}  // namespace

std::string delivery_table(const std::vector<Delivery>& deliveries, WallTime now, const Paint& paint) {
  std::vector<std::vector<std::string>> rows{{"DELIVERY", "STATE", "DESTINATION", "SENT", "DETAIL"}};
  std::vector<std::optional<Colour>> colours{std::nullopt};
  for (const Delivery& each : deliveries) {
    rows.push_back({each.id.text(), std::string(name_of(each.state)), harmless(each.redirect.destination),
                    std::to_string(each.sent) + "/" + (each.chunks > 0 ? std::to_string(each.chunks) : "?"),
                    detail_of(each, now)});
    colours.emplace_back(colour_of(each.state));
  }
  return table(rows, paint, colours);
}

std::string delivery_list_json(const DeliveryList& list) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("deliveries").begin_array();
  for (const Delivery& each : list.deliveries) append(out, each);
  out.end_array().field("count", list.deliveries.size()).key("next_cursor");
  if (list.next_cursor.empty()) {
    out.null();
  } else {
    out.value(list.next_cursor);
  }
  out.field("schema_version", 1).end_object();
  return text;
}

std::string destination_table(const std::vector<ShownDestination>& destinations, WallTime now, const Paint& paint) {
  std::vector<std::vector<std::string>> rows{{"DESTINATION", "STATE", "TYPE", "WAITING", "FAILED", "DETAIL"}};
  std::vector<std::optional<Colour>> colours{std::nullopt};
  for (const ShownDestination& each : destinations) {
    const bool paused = each.load.paused_until.has_value();
    std::string detail;
    if (paused) detail = "goes on " + in_how_long(*each.load.paused_until, now) + ": " + harmless(each.load.why);
    if (each.settings == nullptr)
      detail.insert(0, detail.empty() ? "not in this configuration" : "not in this configuration, ");
    rows.push_back({harmless(each.load.name), paused ? "paused" : "ready",
                    each.settings == nullptr
                        ? "?"
                        : std::string(delivery::adapter_types.at(static_cast<std::size_t>(each.settings->type))),
                    std::to_string(each.load.waiting + each.load.sending), std::to_string(each.load.failed), detail});
    colours.emplace_back(paused ? Colour::yellow : Colour::green);
  }
  return table(rows, paint, colours);
}

std::string destination_list_json(const std::vector<ShownDestination>& destinations) {
  std::string text;
  JsonWriter out(text);
  out.begin_object().key("destinations").begin_array();
  for (const ShownDestination& each : destinations) {
    out.begin_object().field("name", each.load.name).field("configured", each.settings != nullptr);
    if (each.settings != nullptr) {
      out.field("type", delivery::adapter_types.at(static_cast<std::size_t>(each.settings->type)));
      out.field("channel_id", each.settings->destination.channel_id);
      out.key("owners").begin_array();
      for (const std::string& owner : each.settings->destination.owners) out.value(owner);
      out.end_array();
    }
    out.field("waiting", each.load.waiting).field("sending", each.load.sending).field("failed", each.load.failed);
    if (each.load.paused_until) {
      out.field("paused_until", iso_time(*each.load.paused_until)).field("why", each.load.why);
    }
    out.end_object();
  }
  out.end_array().field("count", destinations.size()).field("schema_version", 1).end_object();
  return text;
}

}  // namespace meantime::cli
