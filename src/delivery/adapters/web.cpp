// SPDX-License-Identifier: MIT
#include "delivery/adapters/web.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>

#include "core/utf8.hpp"

namespace meantime::delivery {

Task<WebAnswer> exchange(http::Client& client, const WebPlace& place, std::string method, std::string path,
                         Headers headers, std::string body) {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = place.base_url + path;
  request.headers = std::move(headers);
  request.body = std::move(body);
  request.total_timeout = place.time_limit;
  request.max_body = place.longest_answer;
  request.ca_file = place.ca_file;
  request.addresses = place.addresses;
  request.only_once = true;
  auto answer = co_await client.send(std::move(request));
  if (answer) co_return std::move(*answer);
  const Error& error = answer.error();
  SendVerdict verdict = SendVerdict::unknown;
  if (error.code == errc::invalid_argument) {
    verdict = SendVerdict::target_gone;
  } else if (error.op == "http.connect") {
    verdict = SendVerdict::retry_backoff;
  }
  co_return std::unexpected(SendAnswer{.verdict = verdict, .detail = error.detail});
}

std::optional<Milliseconds> retry_after(const http::ResponseHead& head, WallTime now) {
  const auto text = head.header("retry-after");
  if (!text) return std::nullopt;
  double seconds = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), seconds);
  constexpr double most = 1e7;
  if (read.ec == std::errc() && read.ptr == text->data() + text->size()) {
    if (!(seconds >= 0 && seconds <= most)) return std::nullopt;
    return Milliseconds(static_cast<std::int64_t>(seconds * 1'000));
  }
  const std::time_t date = curl_getdate(std::string(*text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const WallTime then{std::chrono::seconds(date)};
  return std::max(Milliseconds(0), std::chrono::duration_cast<Milliseconds>(then - now));
}

std::string cited(std::string_view said) {
  constexpr std::size_t most = 200;
  std::string out = utf8::repaired(std::string(said.substr(0, most * 4)));
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  if (utf8::count(out) > most) {
    std::size_t at = 0;
    for (std::size_t chars = 0; at < out.size(); ++at) {
      if ((static_cast<unsigned char>(out[at]) & 0xC0U) != 0x80 && chars++ == most) break;
    }
    out.resize(at);
    out += "…";
  }
  return out;
}

SendAnswer by_status(const http::Response& answer, WallTime now, std::string_view said) {
  SendAnswer out;
  const int status = answer.status;
  if (status >= 200 && status < 300) return out;
  const std::string words = cited(said.empty() ? std::string_view(answer.body) : said);
  out.detail = "it answered with status " + std::to_string(status) + (words.empty() ? "" : ": " + words);
  const auto after = retry_after(answer, now);
  if (status == 429 || status == 408 || status == 425) {
    out.verdict = after ? SendVerdict::retry_after : SendVerdict::retry_backoff;
  } else if (status == 504 || status == 524) {
    out.verdict = SendVerdict::unknown;  // a gateway handed it on, and waited in vain
  } else if (status >= 500) {
    out.verdict = after && status == 503 ? SendVerdict::retry_after : SendVerdict::retry_backoff;
  } else if (status == 401 || status == 403) {
    out.verdict = SendVerdict::auth;
  } else if (status == 404 || status == 410) {
    out.verdict = SendVerdict::target_gone;
  } else {
    out.verdict = SendVerdict::payload;
  }
  if (after) out.after = *after;
  return out;
}

}  // namespace meantime::delivery
