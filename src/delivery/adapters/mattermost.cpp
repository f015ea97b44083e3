// SPDX-License-Identifier: MIT
#include "delivery/adapters/mattermost.hpp"

#include <boost/json.hpp>

#include "core/json_writer.hpp"
#include "delivery/adapters/chunks.hpp"
#include "delivery/adapters/multipart.hpp"
#include "delivery/adapters/said.hpp"
#include "delivery/adapters/web_address.hpp"

namespace meantime::delivery {
namespace {

namespace json = boost::json;

Headers headers_of(const std::string& token, std::string type) {
  return {{"Authorization", "Bearer " + token}, {"User-Agent", "meantime"}, {"Content-Type", std::move(type)}};
}

std::string post_of(const render::Chunk& chunk, const Outgoing& message, const std::string& file_id) {
  const auto [channel, root] = split_channel(message.redirect.channel_id);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("channel_id", channel).field("message", chunk.text);
  if (!root.empty()) writer.field("root_id", root);
  if (!file_id.empty()) writer.key("file_ids").begin_array().value(file_id).end_array();
  writer.end_object();
  return out;
}

std::string id_of_file(const json::object& said) {
  const json::value* infos = said.if_contains("file_infos");
  if (infos == nullptr || !infos->is_array() || infos->get_array().empty() || !infos->get_array()[0].is_object()) {
    return {};
  }
  return text_at(infos->get_array()[0].get_object(), "id");
}

}  // namespace

MattermostAdapter::MattermostAdapter(MattermostSettings settings, http::Client& client, Clock& clock)
    : settings_(std::move(settings)), client_(client), clock_(clock) {}

Result<void> MattermostAdapter::check(const Redirect& redirect) const {
  const auto [channel, root] = split_channel(redirect.channel_id);
  const bool threaded = redirect.channel_id.contains('/');
  if (is_mattermost_id(channel) && (!threaded || is_mattermost_id(root))) return check_address(settings_.place);
  return fail(errc::invalid_argument, "delivery.mattermost",
              "The channel must be a channel's id, 26 letters and digits (in Mattermost: the channel's info, at the "
              "bottom); '/' and a post's id behind it name a thread.");
}

Result<std::vector<std::string>> MattermostAdapter::plan(const Message& message) const {
  return plan_chunks(message, mattermost_limits, link_to(settings_.link, message));
}

Task<std::expected<std::string, SendAnswer>> MattermostAdapter::upload(const std::string& token,
                                                                       const std::string& channel,
                                                                       const std::string& file_name,
                                                                       std::string bytes) {
  std::string type;
  std::string body = Multipart()
                         .field("channel_id", channel)
                         .file("files", file_name, std::string(media_type_of(file_name)), std::move(bytes))
                         .body(type);
  auto answer = co_await exchange(client_, settings_.place, "POST", "/api/v4/files", headers_of(token, std::move(type)),
                                  std::move(body));
  SendAnswer out;
  if (answer) {
    hide(answer->body, token);
    out = judge_mattermost(*answer, clock_.wall_now());
    if (out.verdict == SendVerdict::arrived) {
      const auto said = object_of(*answer);
      if (std::string id = said ? id_of_file(*said) : std::string{}; !id.empty()) co_return id;
      out = not_understood(*answer);
    }
  } else {
    out = std::move(answer.error());
  }
  if (out.verdict == SendVerdict::unknown) out.verdict = SendVerdict::retry_backoff;  // nobody has seen it
  co_return std::unexpected(std::move(out));
}

Task<SendAnswer> MattermostAdapter::send(Outgoing message) {
  auto chunk = render::unpack(message.chunk);
  if (!chunk) co_return SendAnswer{.verdict = SendVerdict::payload, .detail = chunk.error().detail};
  const auto token = settings_.token.value();
  if (!token) co_return SendAnswer{.verdict = SendVerdict::auth, .detail = token.error().detail};
  if (message.maybe_repeated) add_note(*chunk, repeated_note);
  std::string file_id;
  if (!chunk->file_name.empty()) {
    auto bytes = co_await file_of(message, mattermost_file_bytes);
    if (!bytes) co_return SendAnswer{.verdict = SendVerdict::retry_backoff, .detail = bytes.error().detail};
    if (!bytes->empty()) {
      const std::string channel(split_channel(message.redirect.channel_id).channel);
      auto id = co_await upload(*token, channel, chunk->file_name, std::move(*bytes));
      const SendVerdict verdict = id ? SendVerdict::arrived : id.error().verdict;
      if (id) {
        file_id = std::move(*id);
      } else if (verdict != SendVerdict::payload && verdict != SendVerdict::target_gone) {
        if (verdict == SendVerdict::auth) settings_.token.refused();
        co_return std::move(id.error());
      }
    }
    if (file_id.empty()) without_file(*chunk, message);
  }
  auto answer = co_await exchange(client_, settings_.place, "POST", "/api/v4/posts",
                                  headers_of(*token, "application/json"), post_of(*chunk, message, file_id));
  if (!answer) co_return std::move(answer.error());
  hide(answer->body, *token);
  SendAnswer said = judge_mattermost(*answer, clock_.wall_now());
  if (said.verdict == SendVerdict::auth) settings_.token.refused();
  if (said.verdict == SendVerdict::arrived) {
    const auto post = object_of(*answer);
    said.remote_id = post ? text_at(*post, "id") : std::string{};
    if (said.remote_id.empty()) co_return not_understood(*answer);
  }
  co_return said;
}

}  // namespace meantime::delivery
