// SPDX-License-Identifier: MIT
#include "auth/oauth_documents.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "auth/challenge.hpp"

namespace meantime::auth {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_value = 4096;
constexpr std::size_t most_values = 256;

std::unexpected<Error> corrupt(std::string detail) {
  return fail(errc::corrupt, "auth.oauth", std::move(detail));
}

std::optional<json::object> read_object(std::string_view text) {
  boost::system::error_code problem;
  auto value = json::parse(text, problem);
  if (problem || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().size() > longest_value) return {};
  return std::string(value->get_string());
}

bool flag_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<std::vector<std::string>> texts_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& each : value->get_array()) {
    if (each.is_string() && each.get_string().size() <= longest_value && texts.size() < most_values) {
      texts.emplace_back(each.get_string());
    }
  }
  return texts;
}

// Only words that may stand in a scope parameter.
std::optional<std::vector<std::string>> scopes_of(const json::object& object) {
  auto texts = texts_of(object, "scopes_supported");
  if (texts) texts = split_scopes(join_scopes(*texts));
  return texts;
}

std::string_view without_last_slash(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// The same URL, or one whose path is a beginning of the other's, up to a "/": what a document for the whole host names.
bool speaks_for(const Url& resource, const Url& asked) {
  if (resource.scheme != asked.scheme || resource.host != asked.host || resource.port != asked.port) return false;
  if (!resource.query.empty() && resource.query != asked.query) return false;
  const auto whole = without_last_slash(resource.path);
  const auto path = without_last_slash(asked.path);
  return path.starts_with(whole) && (path.size() == whole.size() || path[whole.size()] == '/');
}

}  // namespace

std::vector<std::string> resource_metadata_places(const Url& resource, std::string_view said) {
  constexpr std::string_view well_known = "/.well-known/oauth-protected-resource";
  std::vector<std::string> places;
  const auto add = [&](std::string place) {
    if (std::ranges::find(places, place) == places.end()) places.push_back(std::move(place));
  };
  if (!said.empty()) add(std::string(said));
  std::string for_path = resource.origin() + std::string(well_known) + std::string(without_last_slash(resource.path));
  if (!resource.query.empty()) for_path += "?" + resource.query;
  add(std::move(for_path));
  add(resource.origin() + std::string(well_known));
  return places;
}

Result<std::vector<std::string>> server_metadata_places(std::string_view issuer) {
  const auto url = parse_url(issuer);
  if (!url) return std::unexpected(url.error());
  if (!url->query.empty() || url->has_fragment) {
    return fail(errc::invalid_argument, "auth.oauth", "an issuer is a URL without query and fragment");
  }
  const auto origin = url->origin();
  const std::string path(without_last_slash(url->path));
  std::vector<std::string> places{origin + "/.well-known/oauth-authorization-server" + path,
                                  origin + "/.well-known/openid-configuration" + path};
  if (!path.empty()) places.push_back(origin + path + "/.well-known/openid-configuration");
  return places;
}

Result<ResourceMetadata> read_resource_metadata(std::string_view text, const Url& asked) {
  const auto document = read_object(text);
  if (!document) return corrupt("the upstream's resource metadata is not a JSON object");
  ResourceMetadata metadata;
  metadata.resource = text_of(*document, "resource");
  const auto resource = parse_url(metadata.resource);
  if (!resource || resource->has_fragment) return corrupt("the upstream's resource metadata names no resource");
  if (!speaks_for(*resource, asked)) {
    return fail(errc::invalid_argument, "auth.oauth",
                "the resource metadata is for another resource than " + asked.origin() + asked.path +
                    "; no token is asked for: check the upstream's url");
  }
  auto issuers = texts_of(*document, "authorization_servers");
  if (!issuers || issuers->empty()) return corrupt("the upstream's resource metadata names no authorization server");
  metadata.issuers = std::move(*issuers);
  metadata.scopes = scopes_of(*document);
  metadata.dpop_required = flag_of(*document, "dpop_bound_access_tokens_required");
  return metadata;
}

Result<ServerMetadata> read_server_metadata(std::string_view text, std::string_view issuer, bool local_is_fine) {
  const auto document = read_object(text);
  if (!document) return corrupt("the authorization server's metadata is not a JSON object");
  ServerMetadata server;
  server.issuer = text_of(*document, "issuer");
  if (server.issuer != issuer) {
    return corrupt("the metadata found for the authorization server " + std::string(issuer) +
                   " is of another issuer; it is not used");
  }
  server.authorization_endpoint = text_of(*document, "authorization_endpoint");
  server.token_endpoint = text_of(*document, "token_endpoint");
  server.registration_endpoint = text_of(*document, "registration_endpoint");
  server.jwks_uri = text_of(*document, "jwks_uri");
  for (const auto* endpoint :
       {&server.authorization_endpoint, &server.token_endpoint, &server.registration_endpoint, &server.jwks_uri}) {
    if (endpoint->empty()) continue;
    const auto url = parse_url(*endpoint);
    if (!url || url->has_fragment || !is_safe(*url, local_is_fine)) {
      return corrupt("an endpoint in the metadata of " + std::string(issuer) + " is not an https URL");
    }
  }
  server.scopes = scopes_of(*document).value_or(std::vector<std::string>());
  server.token_auth_methods = texts_of(*document, "token_endpoint_auth_methods_supported");
  server.token_auth_algorithms =
      texts_of(*document, "token_endpoint_auth_signing_alg_values_supported").value_or(std::vector<std::string>());
  server.challenge_methods = texts_of(*document, "code_challenge_methods_supported");
  server.dpop_algorithms =
      texts_of(*document, "dpop_signing_alg_values_supported").value_or(std::vector<std::string>());
  server.takes_client_documents = flag_of(*document, "client_id_metadata_document_supported");
  server.sends_issuer = flag_of(*document, "authorization_response_iss_parameter_supported");
  return server;
}

ServerMetadata assumed_server(const Url& resource) {
  const auto origin = resource.origin();
  ServerMetadata server;
  server.issuer = origin;
  server.authorization_endpoint = origin + "/authorize";
  server.token_endpoint = origin + "/token";
  server.registration_endpoint = origin + "/register";
  server.assumed = true;
  return server;
}

}  // namespace meantime::auth
