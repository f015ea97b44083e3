// SPDX-License-Identifier: MIT
#include "http/answer.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace meantime::http {
namespace {

void append_number(std::string& out, std::size_t number, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

}  // namespace

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

std::string_view DateLine::at(WallTime now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  if (const auto count = second.time_since_epoch().count(); count != second_) {
    second_ = count;
    // Not strftime: its names follow the locale.
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = count;
    std::tm day{};
    gmtime_r(&seconds, &day);
    char text[64];
    const int length = std::snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                     days[static_cast<std::size_t>(day.tm_wday)], day.tm_mday,
                                     months[static_cast<std::size_t>(day.tm_mon)], day.tm_year + 1900, day.tm_hour,
                                     day.tm_min, day.tm_sec);
    line_.assign(text, static_cast<std::size_t>(length));
  }
  return line_;
}

void append_head(std::string& out, const AnswerHead& head, std::string_view date_line) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(head.status));
  out += ' ';
  out += reason_of(head.status);
  out += "\r\n";
  out += date_line;
  if (!head.content_type.empty()) {
    out += "Content-Type: ";
    out += head.content_type;
    out += "\r\n";
  }
  if (head.has_length) {
    out += "Content-Length: ";
    append_number(out, head.length);
    out += "\r\n";
  }
  if (head.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (head.close) {
    out += "Connection: close\r\n";
  } else if (head.says_keep_alive) {
    out += "Connection: keep-alive\r\n";
  }
  out += head.extra_headers;
  if (!head.extra_headers.empty() && !head.extra_headers.ends_with("\r\n")) out += "\r\n";
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;  // an empty chunk would be the end
  append_number(out, bytes.size(), 16);
  out += "\r\n";
  out += bytes;
  out += "\r\n";
}

}  // namespace meantime::http
