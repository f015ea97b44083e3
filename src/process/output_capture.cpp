// SPDX-License-Identifier: MIT
#include "process/output_capture.hpp"

#include <algorithm>

namespace meantime::process {
namespace {

constexpr std::size_t longest_character = 4;

// Bytes at the front of `text` that belong to a character cut off before; output that is not UTF-8 is left alone.
std::size_t orphaned(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && count < longest_character &&
         (static_cast<unsigned char>(text[count]) & 0xC0U) == 0x80U) {
    ++count;
  }
  return count < longest_character ? count : 0;
}

// Bytes at the end of `text` that begin a character without ending it.
std::size_t unfinished(std::string_view text) {
  for (std::size_t back = 1; back <= std::min(longest_character, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

}  // namespace

OutputCapture::OutputCapture(std::uint64_t max_bytes)
    : head_max_(max_bytes - max_bytes / 2), tail_max_(max_bytes / 2) {}

void OutputCapture::add(std::string_view bytes) {
  total_ += bytes.size();
  if (head_.size() < head_max_) {
    const std::size_t taken = std::min<std::uint64_t>(bytes.size(), head_max_ - head_.size());
    head_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
  if (bytes.size() > tail_max_) bytes.remove_prefix(bytes.size() - tail_max_);
  if (const std::size_t room = tail_max_ - ring_.size(); room > 0) {
    const std::size_t taken = std::min(bytes.size(), room);
    ring_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), ring_.size() - oldest_);
    std::copy_n(bytes.data(), taken, ring_.data() + oldest_);
    oldest_ = (oldest_ + taken) % ring_.size();
    bytes.remove_prefix(taken);
  }
}

std::string OutputCapture::ordered_tail() const {
  return ring_.substr(oldest_) + ring_.substr(0, oldest_);
}

std::string OutputCapture::text() const {
  if (!cut()) return head_ + ordered_tail();
  std::string out = head_;
  out.resize(out.size() - unfinished(out));
  const std::string tail = ordered_tail();
  const std::size_t skipped = orphaned(tail);
  const std::uint64_t left_out = total_ - out.size() - (tail.size() - skipped);
  out += "\n[... " + std::to_string(left_out) + " bytes left out ...]\n";
  out.append(tail, skipped, std::string::npos);
  return out;
}

std::string OutputCapture::tail(std::size_t bytes) const {
  std::string kept = cut() ? ordered_tail() : head_ + ordered_tail();
  if (kept.size() > bytes) {
    kept.erase(0, kept.size() - bytes);
    kept.erase(0, orphaned(kept));
  }
  return kept;
}

}  // namespace meantime::process
