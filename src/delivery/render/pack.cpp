// SPDX-License-Identifier: MIT
#include <boost/json.hpp>

#include "core/json_writer.hpp"
#include "delivery/render/render.hpp"

namespace meantime::render {
namespace {

namespace json = boost::json;

constexpr std::string_view kind_names[] = {"bold", "code", "pre"};

std::unexpected<Error> unreadable() {
  return fail(errc::invalid_argument, "render.unpack",
              "This is no message that was packed by this version: replay the delivery.");
}

std::string text_at(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string{};
}

std::optional<std::size_t> size_at(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_int64() || found->get_int64() < 0) return std::nullopt;
  return static_cast<std::size_t>(found->get_int64());
}

std::optional<Entity> entity_of(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  const std::string name = text_at(*object, "k");
  const auto kind = std::ranges::find(kind_names, std::string_view(name));
  const auto offset = size_at(*object, "o");
  const auto size = size_at(*object, "n");
  if (kind == std::end(kind_names) || !offset || !size) return std::nullopt;
  return Entity{static_cast<Entity::Kind>(kind - std::begin(kind_names)), *offset, *size, text_at(*object, "l")};
}

}  // namespace

std::string pack(const Chunk& chunk) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("text", chunk.text);
  if (!chunk.html.empty()) writer.field("html", chunk.html);
  if (!chunk.entities.empty()) {
    writer.key("entities").begin_array();
    for (const Entity& entity : chunk.entities) {
      writer.begin_object().field("k", kind_names[static_cast<std::size_t>(entity.kind)]);
      writer.field("o", entity.offset).field("n", entity.length);
      if (!entity.language.empty()) writer.field("l", entity.language);
      writer.end_object();
    }
    writer.end_array();
  }
  if (!chunk.file_name.empty()) writer.field("file", chunk.file_name);
  writer.end_object();
  return out;
}

Result<Chunk> unpack(std::string_view packed) {
  boost::system::error_code wrong;
  const json::value value = json::parse(packed, wrong);
  if (wrong || !value.is_object()) return unreadable();
  const json::object& object = value.get_object();
  const json::value* text = object.if_contains("text");
  if (text == nullptr || !text->is_string()) return unreadable();
  Chunk chunk{text_at(object, "text"), text_at(object, "html"), {}, text_at(object, "file")};
  if (const json::value* entities = object.if_contains("entities")) {
    if (!entities->is_array()) return unreadable();
    for (const json::value& each : entities->get_array()) {
      auto entity = entity_of(each);
      if (!entity) return unreadable();
      chunk.entities.push_back(std::move(*entity));
    }
  }
  return chunk;
}

}  // namespace meantime::render
