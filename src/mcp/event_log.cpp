// SPDX-License-Identifier: MIT
#include "mcp/event_log.hpp"

#include <charconv>

namespace meantime::mcp {
namespace {

// "<stream>-<number>"
std::string id_of(std::uint64_t stream, std::uint64_t number) {
  return std::to_string(stream) + '-' + std::to_string(number);
}

std::optional<std::uint64_t> whole_number(std::string_view text) noexcept {
  std::uint64_t out = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

EventLog::Stream EventLog::open() {
  streams_.emplace(++last_stream_, State{});
  return last_stream_;
}

std::string EventLog::add(Stream stream, std::string_view data) {
  State& state = streams_[stream];
  const std::uint64_t number = ++state.last;
  if (data.empty()) return id_of(stream, number);  // nothing to give again; only the place counts
  while (!events_.empty() && (events_.size() >= limits_.events || bytes_ + data.size() > limits_.bytes)) drop_oldest();
  events_.push_back({stream, number, std::string(data)});
  ++state.kept;
  bytes_ += data.size();
  return id_of(stream, number);
}

void EventLog::end(Stream stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second.ended = true;
  if (found->second.kept == 0) streams_.erase(found);
}

void EventLog::drop_oldest() {
  const Entry& oldest = events_.front();
  const auto found = streams_.find(oldest.stream);
  if (found != streams_.end()) {
    State& state = found->second;
    state.dropped = oldest.number;
    if (--state.kept == 0 && state.ended) streams_.erase(found);
  }
  bytes_ -= oldest.data.size();
  events_.pop_front();
}

std::optional<EventLog::Replay> EventLog::replay(std::string_view last_event_id) const {
  const std::size_t dash = last_event_id.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto stream = whole_number(last_event_id.substr(0, dash));
  const auto number = whole_number(last_event_id.substr(dash + 1));
  const auto found = stream && number ? streams_.find(*stream) : streams_.end();
  if (found == streams_.end() || *number == 0 || *number > found->second.last) return std::nullopt;
  Replay out;
  out.stream = *stream;
  out.complete = found->second.dropped <= *number;
  out.ended = found->second.ended;
  for (const Entry& each : events_) {
    if (each.stream == *stream && each.number > *number) {
      out.events.push_back({id_of(each.stream, each.number), each.data});
    }
  }
  return out;
}

}  // namespace meantime::mcp
