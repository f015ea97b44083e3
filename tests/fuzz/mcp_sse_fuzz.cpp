// SPDX-License-Identifier: MIT
// mcp_sse_fuzz.cpp: a stream of events reads the same however its bytes arrive, stays within its limit, and what is
// written is read back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "mcp/sse.hpp"

namespace {

using namespace meantime::mcp;  // NOLINT(google-build-using-namespace): one small program

constexpr std::size_t limit = 256;

void demand(bool holds) {
  if (!holds) std::abort();
}

std::string shown(const SseEvent& event) {
  return event.event + '\x1f' + (event.id ? "=" + *event.id : std::string("-")) + '\x1f' + event.data;
}

struct Outcome {
  std::vector<std::string> events;
  bool fits = true;
  std::string last_id;
  std::optional<std::uint64_t> retry;

  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view stream, std::size_t step) {
  Outcome out;
  SseParser parser(limit);
  for (std::size_t at = 0; out.fits && at < stream.size(); at += step) {
    out.fits = parser.feed(stream.substr(at, step));
    while (const auto event = parser.next()) {
      demand(event->data.size() <= limit);
      out.events.push_back(shown(*event));
    }
  }
  out.last_id = parser.last_event_id();
  out.retry = parser.retry_ms();
  return out;
}

std::string with_plain_ends(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\r') {
      out += text[at];
    } else if (at + 1 == text.size() || text[at + 1] != '\n') {
      out += '\n';
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(text, size + 1);
  const Outcome pieces = read(text, size % 7 + 1);
  if (whole.fits && pieces.fits) demand(whole == pieces);
  demand(whole.fits == pieces.fits);

  std::string stream;
  append_comment(stream, text);
  append_event(stream, "1-1", "message", text);
  append_retry(stream, size);
  SseParser parser(2 * size + limit);
  demand(parser.feed(stream));
  const auto event = parser.next();
  demand(event && event->id == "1-1" && event->event == "message" && parser.retry_ms() == size);
  std::string_view sent = text;
  if (sent.ends_with('\n')) sent.remove_suffix(1);
  demand(event->data == with_plain_ends(sent));
  demand(!parser.next());
  return 0;
}
