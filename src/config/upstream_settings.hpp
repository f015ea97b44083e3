// SPDX-License-Identifier: MIT
// upstream_settings.hpp: what a configuration says about an MCP server behind this one. Values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/tool_rules.hpp"

namespace meantime::config {

/// How we prove to an upstream who we are, by OAuth 2.1. Secrets stand in here as read: never log one of these.
struct OauthClientSettings {
  enum class Kind : std::uint8_t { authorization_code, client_credentials };
  Kind kind = Kind::authorization_code;
  std::string issuer;               ///< Authorization server that client_id belongs to; empty: whichever it names.
  std::string client_id;            ///< Empty: by client_metadata_url, else registered.
  std::string client_secret;        ///< From client_secret_file or client_secret_env.
  std::string client_metadata_url;  ///< https
  std::string private_key;          ///< PEM or JWK, from private_key_file: private_key_jwt in place of a secret.
  std::vector<std::string> scopes;  ///< Empty: what the upstream asks for.
  std::uint16_t redirect_port = 0;  ///< For the browser's way back; 0: any.
};

/// Where and how an upstream over Streamable HTTP is reached. Headers and token are secrets: never log one of these.
struct UpstreamHttp {
  std::string url;                             ///< http or https, without user, password and fragment.
  std::map<std::string, std::string> headers;  ///< With every request; placeholders are filled in already.
  std::string bearer_token;                    ///< From bearer_token_file or _env; empty: none.
  std::filesystem::path bearer_token_file;     ///< Where it came from, to be read again when it is refused.
  std::optional<OauthClientSettings> oauth;    ///< Absent: a 401 is an error.
  std::filesystem::path tls_ca;                ///< PEM; empty: the system's authorities.
  std::filesystem::path tls_certificate;       ///< PEM, with tls_key: our own.
  std::filesystem::path tls_key;
};

/// An MCP server that is started and spoken to over its standard input and output, or that is reached over HTTP.
struct UpstreamSettings {
  enum class Start : std::uint8_t {
    lazy,   ///< With the first request that needs it; asking for the list of tools is one.
    eager,  ///< With us.
  };

  std::string name;
  std::vector<std::string> command;                ///< Empty: `http` is set.
  std::vector<std::string> environment_from;       ///< Names of our environment; a trailing * stands for any rest.
  std::map<std::string, std::string> environment;  ///< Set so, whatever ours has.
  std::string folder;
  std::optional<UpstreamHttp> http;

  std::string protocol;  ///< The one revision to speak, as "2025-11-25"; empty: what it speaks best.
  Start start = Start::lazy;
  Milliseconds idle_stop{0};         ///< A program without a call for so long is ended, until the next; 0: never.
  Milliseconds start_limit{30'000};  ///< For the program's start and the first greeting.
  bool resources = true;             ///< Its resources are offered.
  bool prompts = true;               ///< Its prompts are offered.

  std::string prefix;  ///< Before the names of its tools and prompts.
  NameFilter filter;   ///< By the upstream's names.
  ToolRules rules;     ///< For all its tools.
  std::map<std::string, ToolRules> tools;

  /// The rules for one of its tools, by the upstream's name for it.
  [[nodiscard]] ToolRules rules_of(std::string_view tool) const;
};

}  // namespace meantime::config
