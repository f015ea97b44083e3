// SPDX-License-Identifier: MIT
// said.hpp: reads what a platform says in JSON, and its words for what went wrong. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "http/client.hpp"
#include "meantime/adapter.hpp"

namespace meantime::delivery {

/// The object that an answer's body is; absent: it is none.
[[nodiscard]] std::optional<boost::json::object> object_of(const http::Response& answer);
/// Empty: no such text.
[[nodiscard]] std::string text_at(const boost::json::object& object, std::string_view name);
/// A number, as milliseconds if it counts seconds: rounded up, 0 to 10,000,000 s.
[[nodiscard]] std::optional<Milliseconds> seconds_at(const boost::json::object& object, std::string_view name);

/// What a platform's word means. A word that ends with '*' stands for all with this beginning.
struct WordVerdict {
  std::string_view word;
  SendVerdict verdict;
};
/// The first that fits.
[[nodiscard]] std::optional<SendVerdict> verdict_of(std::span<const WordVerdict> words, std::string_view word);

/// A success without what makes it one: whoever answered may not be the platform.
[[nodiscard]] SendAnswer not_understood(const http::Response& answer);

/// Takes a secret out of a body before anything of it is told.
void hide(std::string& body, std::string_view secret);
/// The part of an address behind its host.
[[nodiscard]] std::string_view path_of(std::string_view url);

/// A channel as `id` or `id/thread`.
struct ChannelAndThread {
  std::string_view channel;
  std::string_view thread;  ///< Empty: none.
};
[[nodiscard]] ChannelAndThread split_channel(std::string_view channel_id);

}  // namespace meantime::delivery
