// SPDX-License-Identifier: MIT
// oauth_documents.hpp: what resources and authorization servers say of themselves: where it lies, and whether to
// believe it. Pure functions over texts; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/url.hpp"
#include "auth/web.hpp"
#include "meantime/error.hpp"

namespace meantime::auth {

/// Of a protected resource (RFC 9728).
struct ResourceMetadata {
  std::string resource;              ///< To the letter: sent back so.
  std::vector<std::string> issuers;  ///< `authorization_servers`, never empty.
  std::optional<std::vector<std::string>> scopes;
  bool dpop_required = false;  ///< `dpop_bound_access_tokens_required`
};

/// Of an authorization server (RFC 8414, OpenID Connect Discovery).
struct ServerMetadata {
  std::string issuer;
  std::string authorization_endpoint;  ///< Empty: none.
  std::string token_endpoint;
  std::string registration_endpoint;  ///< Empty: none.
  std::string jwks_uri;               ///< Empty: none.
  std::vector<std::string> scopes;
  std::optional<std::vector<std::string>> token_auth_methods;
  std::vector<std::string> token_auth_algorithms;
  std::optional<std::vector<std::string>> challenge_methods;  ///< Of PKCE.
  std::vector<std::string> dpop_algorithms;
  bool takes_client_documents = false;  ///< `client_id_metadata_document_supported`
  bool sends_issuer = false;            ///< `authorization_response_iss_parameter_supported`
  bool assumed = false;                 ///< There was no document: the endpoints of 2025-03-26.
};

/// Where a resource's document may lie, in order: as its refusal said, for its path, for the whole host.
[[nodiscard]] std::vector<std::string> resource_metadata_places(const Url& resource, std::string_view said);
/// Where an authorization server's document may lie, in order. Errors: invalid_argument (no URL, a query or fragment).
[[nodiscard]] Result<std::vector<std::string>> server_metadata_places(std::string_view issuer);

/// Errors: corrupt (no such document), invalid_argument (it speaks for another resource than the one asked).
[[nodiscard]] Result<ResourceMetadata> read_resource_metadata(std::string_view json, const Url& asked);
/// Errors: corrupt, also when the document's issuer is not `issuer` to the letter or an endpoint is unsafe.
[[nodiscard]] Result<ServerMetadata> read_server_metadata(std::string_view json, std::string_view issuer,
                                                          bool local_is_fine);
/// An authorization server without any document, as 2025-03-26 had them: /authorize, /token and /register.
[[nodiscard]] ServerMetadata assumed_server(const Url& resource);

}  // namespace meantime::auth
