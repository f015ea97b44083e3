// SPDX-License-Identifier: MIT
#include "fakes/fake_webhook.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <boost/json.hpp>
#include <sstream>

namespace meantime::test {
namespace {

namespace json = boost::json;

constexpr std::size_t largest = 20'000;
constexpr std::int64_t tolerance_seconds = 300;

std::string base64_of(const unsigned char* bytes, unsigned size) {
  std::string out(std::size_t{4} * ((size + 2) / 3) + 1, '\0');
  out.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(size))));
  return out;
}

FakeAnswer refused(int status, std::string_view what) {
  return {.status = status, .body = std::string(what), .type = "text/plain"};
}

}  // namespace

FakeWebhook::FakeWebhook(boost::asio::io_context& io, Clock& clock, std::string path, std::string key)
    : FakePlatform(io, clock), path_(std::move(path)), key_(std::move(key)) {}

std::string FakeWebhook::fault_of_signature(const FakeRequest& request) {
  const std::string id = request.header("webhook-id");
  const std::string time = request.header("webhook-timestamp");
  if (id.empty() || id.contains('.')) return "no id";
  const auto now = std::chrono::floor<std::chrono::seconds>(clock().wall_now()).time_since_epoch().count();
  if (time.empty() || std::abs(std::stoll(time) - now) > tolerance_seconds) return "an old timestamp";
  const std::string text = id + '.' + time + '.' + request.body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  const std::string wanted = "v1," + base64_of(digest.data(), size);
  std::istringstream signatures(request.header("webhook-signature"));
  for (std::string each; signatures >> each;) {
    if (each == wanted) return {};
  }
  return "a signature that is not ours";
}

FakeAnswer FakeWebhook::answer(const FakeRequest& request) {
  if (request.path != path_) return refused(404, "no such hook");
  if (request.method != "POST" || request.header("content-type") != "application/json") {
    return complain("not a POST of JSON", refused(415, "JSON, please"));
  }
  if (auto fault = fault_of_signature(request); !fault.empty()) return complain(fault, refused(401, fault));
  if (request.body.size() > largest) return complain("too large", refused(413, "too large"));
  boost::system::error_code wrong;
  const json::value value = json::parse(request.body, wrong);
  if (wrong || !value.is_object()) return complain("not JSON", refused(400, "not JSON"));
  const json::object& event = value.get_object();
  const auto* type = event.if_contains("type");
  const auto* data = event.if_contains("data");
  const bool whole = event.contains("schema_version") && event.contains("id") && event.contains("timestamp") &&
                     event.contains("possibly_repeated") && type != nullptr && data != nullptr && data->is_object();
  if (!whole || event.at("id") != json::string_view(request.header("webhook-id"))) {
    return complain("a field is missing", refused(400, "a field is missing"));
  }
  std::string text = json::serialize(data->get_object().at("tool_name"));
  for (const char* name : {"error", "result"}) {
    if (const auto* found = data->get_object().if_contains(name)) text += '\n' + std::string(found->as_string());
  }
  take({.channel = std::string(event.at("channel_id").as_string()),
        .text = std::move(text),
        .key = request.header("webhook-id")},
       remembers);
  return {.body = "taken", .type = "text/plain"};
}

}  // namespace meantime::test
