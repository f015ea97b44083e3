// SPDX-License-Identifier: MIT
// answer.hpp: the text of an answer's head.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meantime/clock.hpp"

namespace meantime::http {

/// "Not Found" for 404; "Unknown" for what has no name here.
[[nodiscard]] std::string_view reason_of(int status) noexcept;

/// "Date: Sun, 22 Nov 2026 23:00:00 GMT" and its line end, made anew once a second.
class DateLine {
 public:
  [[nodiscard]] std::string_view at(WallTime now);

 private:
  std::int64_t second_ = -1;
  std::string line_;
};

/// What an answer's head says beside its status.
struct AnswerHead {
  int status = 200;
  std::string_view content_type;
  std::string_view extra_headers;
  std::size_t length = 0;
  bool has_length = true;
  bool chunked = false;
  bool close = false;
  bool says_keep_alive = false;  // to HTTP/1.0, where it is not taken for granted
};

/// Appends status line, headers and the empty line.
void append_head(std::string& out, const AnswerHead& head, std::string_view date_line);
/// Appends `bytes` as one chunk.
void append_chunk(std::string& out, std::string_view bytes);

}  // namespace meantime::http
