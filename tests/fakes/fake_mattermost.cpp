// SPDX-License-Identifier: MIT
#include "fakes/fake_mattermost.hpp"

#include "core/json_writer.hpp"
#include "delivery/render/units.hpp"
#include "fakes/multipart.hpp"
#include "fakes/strict.hpp"

namespace meantime::test {

namespace json = boost::json;

namespace {

/// What is wrong with a text; empty: nothing.
std::string wrong_with(const std::string& text) {
  constexpr std::size_t longest = 16'383;
  if (text.empty()) return "empty";
  if (render::length(text, render::Unit::code_points) > longest) return "too long";
  // Outside of fences and code an '@' before a name calls somebody.
  bool fenced = false;
  std::size_t from = 0;
  while (from < text.size()) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = std::string_view(text).substr(from, end - from);
    from = end + 1;
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced) continue;
    const std::size_t at = line.find('@');
    if (at != line.npos && at + 1 < line.size() && std::isalpha(static_cast<unsigned char>(line[at + 1])) != 0) {
      return "it may call people";
    }
  }
  return {};
}

}  // namespace

FakeAnswer FakeMattermost::error(int status, std::string_view id, std::string_view message) {
  FakeAnswer out{.status = status};
  JsonWriter writer(out.body);
  writer.begin_object().field("id", id).field("message", message).field("request_id", "abc");
  writer.field("status_code", status).end_object();
  return out;
}

FakeAnswer FakeMattermost::answer(const FakeRequest& request) {
  if (request.path.starts_with("/hooks/")) return webhook(request);
  if (request.header("authorization") != "Bearer " + settings_.token) {
    return error(401, "api.context.session_expired.app_error", "Invalid or expired session, please login again.");
  }
  if (request.method == "POST" && request.path == "/api/v4/posts") return post(request);
  if (request.method == "POST" && request.path == "/api/v4/files") return upload(request);
  return complain("path " + request.path,
                  error(404, "api.context.404.app_error", "Sorry, we could not find the page."));
}

FakeAnswer FakeMattermost::post(const FakeRequest& request) {
  const auto invalid = [this](std::string what) {
    return complain(what, error(400, "api.context.invalid_body_param.app_error", what));
  };
  const auto body = json_of(request);
  if (!body) return invalid("no JSON");
  const std::string unknown = unknown_field(*body, {"channel_id", "message", "root_id", "file_ids"});
  if (!unknown.empty()) return invalid("field " + unknown);
  FakeMessage kept{.channel = text_of(*body, "channel_id"), .text = text_of(*body, "message")};
  if (kept.channel != settings_.channel) {
    return error(403, "api.context.permissions.app_error", "You do not have the appropriate permissions.");
  }
  if (const std::string wrong = wrong_with(kept.text); !wrong.empty()) return invalid(wrong);
  if (const std::string root = text_of(*body, "root_id"); !root.empty()) kept.channel += "/" + root;
  if (const json::value* ids = body->if_contains("file_ids")) {
    const auto found = files_.find(std::string(ids->at(0).as_string()));
    if (ids->as_array().size() != 1 || found == files_.end()) return invalid("no such file");
    kept.file_name = found->second.first;
    kept.file = found->second.second;
  }
  FakeAnswer out{.status = 201};
  JsonWriter(out.body).begin_object().field("id", take(std::move(kept))).field("type", "").end_object();
  return out;
}

FakeAnswer FakeMattermost::upload(const FakeRequest& request) {
  const auto parts = read_multipart(request.header("content-type"), request.body);
  if (!parts) return complain(parts.error(), error(400, "api.file.upload_file.app_error", parts.error()));
  const Part* channel = find_part(*parts, "channel_id");
  const Part* file = find_part(*parts, "files");
  if (parts->size() != 2 || channel == nullptr || file == nullptr || file->file_name.empty() || file->bytes.empty()) {
    return complain("its parts", error(400, "api.file.upload_file.app_error", "its parts"));
  }
  if (channel->bytes != settings_.channel) return error(403, "api.context.permissions.app_error", "No permission.");
  const std::string id = "file" + new_id();
  files_[id] = {file->file_name, file->bytes};
  FakeAnswer out{.status = 201};
  JsonWriter writer(out.body);
  writer.begin_object().key("file_infos").begin_array().begin_object().field("id", id).end_object().end_array();
  writer.key("client_ids").begin_array().end_array().end_object();
  return out;
}

FakeAnswer FakeMattermost::webhook(const FakeRequest& request) {
  if (settings_.webhook_path.empty() || request.path != settings_.webhook_path) {
    return error(404, "web.incoming_webhook.invalid.app_error", "Invalid webhook.");
  }
  const auto invalid = [this](std::string what) {
    return complain(what, error(400, "web.incoming_webhook.parse.app_error", what));
  };
  const auto body = json_of(request);
  if (!body || request.method != "POST") return invalid("no JSON");
  const std::string unknown = unknown_field(*body, {"text", "channel"});
  if (!unknown.empty()) return invalid("field " + unknown);
  const std::string named = text_of(*body, "channel");
  FakeMessage kept{.channel = named.empty() ? settings_.channel : named, .text = text_of(*body, "text")};
  if (const std::string wrong = wrong_with(kept.text); !wrong.empty()) return invalid(wrong);
  take(std::move(kept));
  return {.body = "ok", .type = "text/plain"};
}

}  // namespace meantime::test
