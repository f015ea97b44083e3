// SPDX-License-Identifier: MIT
#include "mcp/line_framer.hpp"

#include <algorithm>
#include <cstring>

namespace meantime::mcp {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t sample_bytes = 256;  // of a too long line, at both ends
constexpr std::size_t shrink_above = std::size_t{1} << 20;

}  // namespace

std::span<char> LineFramer::prepare() {
  const std::size_t kept = filled_ - start_;
  // What is left of a long line grows by doubling; the room of a burst is given back once it is used up.
  std::size_t wanted = std::max(kept + read_bytes, capacity_);
  if (kept + read_bytes > capacity_) wanted = std::max(wanted, std::min(kept * 2, max_ + 2 * read_bytes));
  if (capacity_ > shrink_above && kept < read_bytes) wanted = 2 * read_bytes;
  if (wanted != capacity_) {
    auto grown = std::make_unique_for_overwrite<char[]>(wanted);  // NOLINT(*-avoid-c-arrays)
    if (kept != 0) std::memcpy(grown.get(), buffer_.get() + start_, kept);
    buffer_ = std::move(grown);
    capacity_ = wanted;
  } else if (start_ != 0 && (kept == 0 || capacity_ - filled_ < read_bytes)) {
    if (kept != 0) std::memmove(buffer_.get(), buffer_.get() + start_, kept);
  } else {
    return {buffer_.get() + filled_, capacity_ - filled_};
  }
  searched_ -= start_;
  filled_ = kept;
  start_ = 0;
  return {buffer_.get() + filled_, capacity_ - filled_};
}

std::optional<Line> LineFramer::cut(std::size_t end) {
  std::string_view text(buffer_.get() + start_, end - start_);
  const std::uint64_t bytes = dropped_ + text.size();
  start_ = std::min(end + 1, filled_);
  searched_ = start_;
  if (dropped_ != 0 || text.size() > max_) {
    drop(text);
    dropped_ = 0;
    first_ = false;
    return Line{{}, true, bytes, dropped_head_, dropped_tail_};
  }
  if (first_ && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  first_ = false;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return std::nullopt;
  return Line{text, false, bytes};
}

void LineFramer::drop(std::string_view bytes) {
  if (dropped_ == 0) {
    dropped_head_ = bytes.substr(0, sample_bytes);
    dropped_tail_.clear();
  }
  dropped_ += bytes.size();
  dropped_tail_ += bytes.substr(bytes.size() - std::min(bytes.size(), sample_bytes));
  if (dropped_tail_.size() > sample_bytes) dropped_tail_.erase(0, dropped_tail_.size() - sample_bytes);
}

std::optional<Line> LineFramer::next() {
  while (searched_ < filled_) {
    const void* found = std::memchr(buffer_.get() + searched_, '\n', filled_ - searched_);
    if (found == nullptr) break;
    if (auto line = cut(static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.get()))) return line;
  }
  searched_ = filled_;
  if (dropped_ != 0 || filled_ - start_ > max_) {
    drop({buffer_.get() + start_, filled_ - start_});
    start_ = filled_;
  }
  return std::nullopt;
}

std::optional<Line> LineFramer::rest() {
  if (start_ == filled_ && dropped_ == 0) return std::nullopt;
  return cut(filled_);
}

}  // namespace meantime::mcp
