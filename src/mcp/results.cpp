// SPDX-License-Identifier: MIT
#include "mcp/results.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/json_writer.hpp"

namespace meantime::mcp {
namespace {

constexpr std::string_view space = " \t\r\n";
constexpr std::string_view space_and_comma = " \t\r\n,";

// Members in front of what `object` has; `object` loses nothing.
void append_with_front(std::string& out, JsonSpan object, std::string_view front) {
  const std::string_view rest = object.raw().substr(1);
  out += '{';
  out += front;
  if (!front.empty() && rest[rest.find_first_not_of(space)] != '}') out += ',';
  out += rest;
}

// The object without the members that have these values; the text between them stays as it is.
class Cut {
 public:
  explicit Cut(std::string_view object) : object_(object) {}

  void remove(JsonSpan value) {
    if (value) values_.push_back(value.raw());
  }

  // Appends what is left, with `value` in place of `replaced` where that is one of the rest.
  void append(std::string& out, std::string_view front, JsonSpan replaced, std::string_view value) {
    std::ranges::sort(values_, {}, [](std::string_view each) { return each.data(); });
    out += '{';
    bool first = front.empty();
    out += front;
    std::size_t at = 1;
    const auto piece = [&](std::size_t end) {
      std::string_view text = object_.substr(at, end - at);
      const std::size_t start = text.find_first_not_of(space_and_comma);
      if (start == std::string_view::npos) return;
      text = text.substr(start, text.find_last_not_of(space_and_comma) - start + 1);
      if (!first) out += ',';
      first = false;
      const bool inside =
          replaced && replaced.raw().data() >= text.data() && replaced.raw().data() < text.data() + text.size();
      if (!inside) {
        out += text;
        return;
      }
      const auto before = static_cast<std::size_t>(replaced.raw().data() - text.data());
      out += text.substr(0, before);
      out += value;
      out += text.substr(before + replaced.raw().size());
    };
    for (const std::string_view removed : values_) {
      const auto begin = static_cast<std::size_t>(removed.data() - object_.data());
      piece(key_start(begin));
      at = begin + removed.size();
    }
    piece(object_.size() - 1);
    out += '}';
  }

 private:
  // Where the key in front of a value begins. None of our names has a quote in it, however it is escaped.
  [[nodiscard]] std::size_t key_start(std::size_t value) const {
    const std::size_t closing = object_.rfind('"', value - 1);
    return object_.rfind('"', closing - 1);
  }

  std::string_view object_;
  std::vector<std::string_view> values_;
};

std::string without_server_info(JsonSpan meta) {
  std::string out = "{";
  for_each_member(meta, [&](JsonSpan key, JsonSpan value) {
    if (key.is(server_info_key)) return;
    if (out.size() > 1) out += ',';
    out += key.raw();
    out += ':';
    out += value.raw();
  });
  return out + "}";
}

// `_meta` of a stateless result, its name included.
void append_meta(std::string& out, JsonSpan meta, const Finishing& finishing) {
  out += "\"_meta\":";
  if (!meta && finishing.meta.empty()) {  // most of them
    out += R"({"io.modelcontextprotocol/serverInfo":)";
    out += finishing.server_info;
    out += '}';
    return;
  }
  std::vector<MetaEntry> entries(finishing.meta.begin(), finishing.meta.end());
  if (!finishing.server_info.empty()) entries.push_back({server_info_key, finishing.server_info});
  out += merged_meta(meta, entries);
}

void append_stateless(std::string& out, JsonSpan result, const ResultShape& shape, const Finishing& finishing) {
  std::string front;
  const auto next = [&] {
    if (!front.empty()) front += ',';
  };
  if (!shape.result_type) front += R"("resultType":"complete")";
  // Only what is complete can be kept: an answer that asks for input has no hints.
  if (finishing.cache && (!shape.result_type || shape.result_type.is("complete"))) {
    if (!shape.ttl_ms) {
      next();
      front += "\"ttlMs\":" + std::to_string(finishing.cache->ttl_ms);
    }
    if (!shape.cache_scope) {
      next();
      front += finishing.cache->is_public ? R"("cacheScope":"public")" : R"("cacheScope":"private")";
    }
  }
  const bool adds_meta = !finishing.meta.empty() || !finishing.server_info.empty();
  if (adds_meta && shape.meta) {
    std::string meta;
    append_meta(meta, shape.meta, finishing);
    return Cut(result.raw()).append(out, front, shape.meta, std::string_view(meta).substr(meta.find(':') + 1));
  }
  if (adds_meta) {
    next();
    append_meta(front, {}, finishing);
  }
  append_with_front(out, result, front);
}

void append_handshake(std::string& out, JsonSpan result, const ResultShape& shape, const Finishing& finishing) {
  const bool foreign_meta = shape.meta.is_object() && static_cast<bool>(member(shape.meta, server_info_key));
  const bool foreign = shape.result_type || shape.ttl_ms || shape.cache_scope || foreign_meta;
  if (!foreign && finishing.meta.empty()) {
    out += result.raw();
    return;
  }
  std::string meta(shape.meta.raw());
  if (foreign_meta) meta = without_server_info(shape.meta);
  if (!finishing.meta.empty()) meta = merged_meta(JsonSpan(meta), finishing.meta);
  Cut rest(result.raw());
  rest.remove(shape.result_type);
  rest.remove(shape.ttl_ms);
  rest.remove(shape.cache_scope);
  std::string front;
  if (!shape.meta && !meta.empty()) front = "\"_meta\":" + meta;
  if (shape.meta && meta == "{}") rest.remove(shape.meta);
  rest.append(out, front, meta == "{}" ? JsonSpan() : shape.meta, meta);
}

}  // namespace

ResultShape shape_of(JsonSpan result) {
  ResultShape out;
  for_each_member(result, [&](JsonSpan key, JsonSpan value) {
    if (key.is("resultType")) {
      out.result_type = value;
    } else if (key.is("_meta")) {
      out.meta = value;
    } else if (key.is("ttlMs")) {
      out.ttl_ms = value;
    } else if (key.is("cacheScope")) {
      out.cache_scope = value;
    }
  });
  return out;
}

ResultShape shape_of(const Message& answer) noexcept {
  return {answer.result_type, answer.result_meta, answer.result_ttl_ms, answer.result_cache_scope};
}

void append_finished(std::string& out, JsonSpan result, const ResultShape& shape, const Finishing& finishing) {
  out.reserve(out.size() + result.raw().size() + finishing.server_info.size() + 256);
  if (finishing.family == Family::stateless) {
    append_stateless(out, result, shape, finishing);
  } else {
    append_handshake(out, result, shape, finishing);
  }
}

void append_finished_result(std::string& out, std::string_view id, JsonSpan result, const ResultShape& shape,
                            const Finishing& finishing) {
  out += R"({"jsonrpc":"2.0","id":)";
  out += id;
  out += R"(,"result":)";
  append_finished(out, result, shape, finishing);
  out += "}\n";
}

void append_finished_result(std::string& out, std::string_view id, JsonSpan result, const Finishing& finishing) {
  append_finished_result(out, id, result, shape_of(result), finishing);
}

std::string merged_meta(JsonSpan meta, std::span<const MetaEntry> entries) {
  std::string out = "{";
  for_each_member(meta, [&](JsonSpan key, JsonSpan value) {
    if (std::ranges::any_of(entries, [&](const MetaEntry& each) { return key.is(each.key); })) return;
    if (out.size() > 1) out += ',';
    out += key.raw();
    out += ':';
    out += value.raw();
  });
  for (const MetaEntry& each : entries) {
    if (out.size() > 1) out += ',';
    append_json_string(out, each.key);
    out += ':';
    out += each.value;
  }
  return out + "}";
}

}  // namespace meantime::mcp
