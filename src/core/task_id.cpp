// SPDX-License-Identifier: MIT
#include "meantime/task_id.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace meantime {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32: no i, l, o, u
constexpr std::size_t time_bytes = 5;
constexpr std::size_t random_bytes = TaskId::bytes - time_bytes;
constexpr std::size_t text_chars = TaskId::bytes * 8 / 5;
// 40 bits of milliseconds from here reach into the year 2060; the last value of all marks ids of the original.
constexpr WallTime epoch{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}};
constexpr unsigned char original_mark = 0xFF;
constexpr std::size_t original_bytes = 6;
constexpr std::string_view hex = "0123456789abcdef";

int hex_value(char c) noexcept {
  const auto at = hex.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// People read 0 for o, and 1 for i and l; a model may copy in capitals.
int base32_value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (c == 'o') c = '0';
  if (c == 'i' || c == 'l') c = '1';
  const auto at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::unexpected<Error> not_an_id(std::string_view text) {
  return fail(
      errc::invalid_argument, "task_id",
      "'" + std::string(text.substr(0, 64)) + "' is no task id: it has 32 characters, as in an envelope's task_id");
}

}  // namespace

Result<TaskId> TaskId::parse(std::string_view text) {
  TaskId id;
  if (text.size() == original_bytes * 2) {
    for (std::size_t i = 0; i < time_bytes; ++i) id.bytes_[i] = original_mark;
    for (std::size_t i = 0; i < original_bytes; ++i) {
      const int high = hex_value(text[2 * i]);
      const int low = hex_value(text[2 * i + 1]);
      if (high < 0 || low < 0) return not_an_id(text);
      id.bytes_[time_bytes + i] = static_cast<unsigned char>(high * 16 + low);
    }
    return id;
  }
  if (text.size() != text_chars) return not_an_id(text);
  unsigned bits = 0;
  unsigned held = 0;
  std::size_t at = 0;
  for (const char c : text) {
    const int value = base32_value(c);
    if (value < 0) return not_an_id(text);
    bits = (bits << 5U) | static_cast<unsigned>(value);
    held += 5;
    if (held >= 8) {
      held -= 8;
      id.bytes_[at++] = static_cast<unsigned char>(bits >> held);
    }
  }
  return id;
}

TaskId TaskId::from_bytes(std::string_view raw) noexcept {
  TaskId id;
  std::memcpy(id.bytes_.data(), raw.data(), std::min(raw.size(), bytes));
  return id;
}

std::optional<WallTime> TaskId::made_at() const noexcept {
  std::uint64_t ms = 0;
  bool original = true;
  for (std::size_t i = 0; i < time_bytes; ++i) {
    original = original && bytes_[i] == original_mark;
    ms = ms << 8U | bytes_[i];
  }
  if (original) return std::nullopt;
  return epoch + Milliseconds(ms);
}

std::string TaskId::text() const {
  bool original = true;
  for (std::size_t i = 0; i < time_bytes; ++i) original = original && bytes_[i] == original_mark;
  std::string out;
  if (original) {
    for (std::size_t i = 0; i < original_bytes; ++i) {
      out += hex[bytes_[time_bytes + i] >> 4U];
      out += hex[bytes_[time_bytes + i] & 15U];
    }
    return out;
  }
  out.reserve(text_chars);
  unsigned bits = 0;
  unsigned held = 0;
  for (const unsigned char byte : bytes_) {
    bits = (bits << 8U) | byte;
    held += 8;
    while (held >= 5) {
      held -= 5;
      out += alphabet[(bits >> held) & 31U];
    }
  }
  return out;
}

TaskId TaskIdSource::make(WallTime now) {
  if (used_ + random_bytes > pool_.size()) {
    random_.fill(pool_);
    used_ = 0;
  }
  TaskId id;
  auto millis = static_cast<std::uint64_t>((now - epoch).count());
  for (std::size_t i = time_bytes; i-- > 0;) {
    id.bytes_[i] = static_cast<unsigned char>(millis & 0xFFU);
    millis >>= 8U;
  }
  std::memcpy(id.bytes_.data() + time_bytes, pool_.data() + used_, random_bytes);
  used_ += random_bytes;
  return id;
}

void SystemRandom::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace meantime
