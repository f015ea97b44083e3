// SPDX-License-Identifier: MIT
#include "cli/run/frames.hpp"

#include <cstring>

namespace meantime::cli {
namespace {
constexpr std::size_t head_bytes = 1 + sizeof(std::uint32_t);
}

void append_frame(std::string& out, Frame kind, std::string_view bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size());  // both ends are one machine: its byte order will do
  char head[head_bytes];
  head[0] = static_cast<char>(kind);
  std::memcpy(head + 1, &length, sizeof length);
  out.append(head, head_bytes);
  out += bytes;
}

void FrameReader::feed(std::string_view bytes) {
  held_.erase(0, at_);
  at_ = 0;
  held_ += bytes;
}

std::optional<FrameReader::Piece> FrameReader::next() {
  if (held_.size() - at_ < head_bytes) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, held_.data() + at_ + 1, sizeof length);
  if (held_.size() - at_ - head_bytes < length) return std::nullopt;
  const Piece piece{static_cast<Frame>(held_[at_]), std::string_view(held_).substr(at_ + head_bytes, length)};
  at_ += head_bytes + length;
  return piece;
}

}  // namespace meantime::cli
