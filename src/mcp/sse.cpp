// SPDX-License-Identifier: MIT
#include "mcp/sse.hpp"

#include <charconv>
#include <cstring>

namespace meantime::mcp {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// First line end in [from, end), or npos.
std::size_t line_end(std::string_view bytes, std::size_t from) noexcept {
  if (from == bytes.size()) return std::string_view::npos;
  const void* feed = std::memchr(bytes.data() + from, '\n', bytes.size() - from);
  const std::size_t until =
      feed == nullptr ? bytes.size() : static_cast<std::size_t>(static_cast<const char*>(feed) - bytes.data());
  const void* back = std::memchr(bytes.data() + from, '\r', until - from);
  if (back != nullptr) return static_cast<std::size_t>(static_cast<const char*>(back) - bytes.data());
  return feed == nullptr ? std::string_view::npos : until;
}

void append_lines(std::string& out, std::string_view name, std::string_view text) {
  for (;;) {
    const std::size_t end = line_end(text, 0);
    out += name;
    out += text.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) return;
    const bool pair = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (pair ? 2 : 1));
  }
}

}  // namespace

void append_event(std::string& out, std::string_view id, std::string_view event, std::string_view data) {
  if (data.ends_with('\n')) data.remove_suffix(1);
  out.reserve(out.size() + data.size() + id.size() + event.size() + 32);
  if (!event.empty()) {
    out += "event: ";
    out += event;
    out += '\n';
  }
  if (!id.empty()) {
    out += "id: ";
    out += id;
    out += '\n';
  }
  append_lines(out, "data: ", data);
  out += '\n';
}

void append_retry(std::string& out, std::uint64_t milliseconds) {
  out += "retry: ";
  out += std::to_string(milliseconds);
  out += "\n\n";
}

void append_comment(std::string& out, std::string_view text) {
  append_lines(out, ": ", text);
  out += '\n';
}

bool SseParser::feed(std::string_view bytes) {
  if (failed_) return false;
  for (std::size_t at = 0; at < bytes.size();) {
    if (after_cr_ && bytes[at] == '\n') ++at;
    after_cr_ = false;
    if (at == bytes.size()) break;
    const std::size_t end = line_end(bytes, at);
    const std::string_view piece = bytes.substr(at, end - at);
    if (line_.size() + piece.size() + event_.data.size() > max_) {
      failed_ = true;
      line_ = {};
      event_ = {};
      return false;
    }
    if (end == std::string_view::npos) {
      line_ += piece;
      break;
    }
    if (line_.empty()) {
      take_line(piece);
    } else {
      line_ += piece;
      take_line(line_);
      line_.clear();
    }
    after_cr_ = bytes[end] == '\r';
    at = end + 1;
  }
  return true;
}

void SseParser::take_line(std::string_view line) {
  if (first_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  first_ = false;
  if (line.empty()) return dispatch();
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (name == "event") {
    event_.event = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) event_.id = std::string(value);
  } else if (name == "retry") {
    std::uint64_t number = 0;
    const auto [stopped, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (!value.empty() && error == std::errc{} && stopped == value.data() + value.size()) retry_ms_ = number;
  }
}

void SseParser::dispatch() {
  if (event_.id) last_id_ = *event_.id;
  if (has_data_ || event_.id) ready_.push_back(std::move(event_));
  event_ = {};
  has_data_ = false;
}

std::optional<SseEvent> SseParser::next() {
  if (ready_.empty()) return std::nullopt;
  SseEvent out = std::move(ready_.front());
  ready_.pop_front();
  return out;
}

}  // namespace meantime::mcp
