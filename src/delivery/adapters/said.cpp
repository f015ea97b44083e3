// SPDX-License-Identifier: MIT
#include "delivery/adapters/said.hpp"

#include <boost/json.hpp>
#include <cmath>

#include "delivery/adapters/web.hpp"

namespace meantime::delivery {

namespace json = boost::json;

std::optional<json::object> object_of(const http::Response& answer) {
  boost::system::error_code wrong;
  json::value value = json::parse(answer.body, wrong);
  if (wrong || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string text_at(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string{};
}

std::optional<Milliseconds> seconds_at(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const auto seconds = found->to_number<double>();
  constexpr double most = 1e7;
  constexpr double thousand = 1e3;
  if (!(seconds >= 0 && seconds <= most)) return std::nullopt;
  return Milliseconds(static_cast<std::int64_t>(std::ceil(seconds * thousand)));
}

std::optional<SendVerdict> verdict_of(std::span<const WordVerdict> words, std::string_view word) {
  for (const WordVerdict& each : words) {
    const bool beginning = each.word.ends_with('*');
    if (beginning ? word.starts_with(each.word.substr(0, each.word.size() - 1)) : word == each.word) {
      return each.verdict;
    }
  }
  return std::nullopt;
}

SendAnswer not_understood(const http::Response& answer) {
  return {.verdict = SendVerdict::unknown,
          .detail = "it answered with status " + std::to_string(answer.status) +
                    " and nothing that can be understood (is the address right?): " + cited(answer.body)};
}

void hide(std::string& body, std::string_view secret) {
  constexpr std::size_t shortest = 4;
  if (secret.size() < shortest) return;
  constexpr std::string_view instead = "[redacted]";
  for (std::size_t at = body.find(secret); at != std::string::npos; at = body.find(secret, at + instead.size())) {
    body.replace(at, secret.size(), instead);
  }
}

std::string_view path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t slash = url.find('/', scheme == url.npos ? 0 : scheme + 3);
  return slash == url.npos ? std::string_view{} : url.substr(slash);
}

ChannelAndThread split_channel(std::string_view channel_id) {
  const std::size_t slash = channel_id.find('/');
  if (slash == channel_id.npos) return {channel_id, {}};
  return {channel_id.substr(0, slash), channel_id.substr(slash + 1)};
}

}  // namespace meantime::delivery
