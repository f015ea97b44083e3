// SPDX-License-Identifier: MIT
#include "auth/oauth_documents.hpp"

#include <gtest/gtest.h>

namespace meantime::auth {
namespace {

using Places = std::vector<std::string>;

TEST(Discovery, OfAResourceAsItsRefusalSaidThenForThePathThenForTheHost) {
  EXPECT_EQ(
      resource_metadata_places(*parse_url("https://h/mcp"), ""),
      (Places{"https://h/.well-known/oauth-protected-resource/mcp", "https://h/.well-known/oauth-protected-resource"}));
  EXPECT_EQ(resource_metadata_places(*parse_url("https://h/mcp/?a=1"), "https://h/own"),
            (Places{"https://h/own", "https://h/.well-known/oauth-protected-resource/mcp?a=1",
                    "https://h/.well-known/oauth-protected-resource"}));
  EXPECT_EQ(resource_metadata_places(*parse_url("https://h:8443"), ""),
            (Places{"https://h:8443/.well-known/oauth-protected-resource"}));
}

TEST(Discovery, OfAServerInTheOrderOfTheSpecification) {
  EXPECT_EQ(*server_metadata_places("https://as"), (Places{"https://as/.well-known/oauth-authorization-server",
                                                           "https://as/.well-known/openid-configuration"}));
  EXPECT_EQ(*server_metadata_places("https://as/t/1"), (Places{"https://as/.well-known/oauth-authorization-server/t/1",
                                                               "https://as/.well-known/openid-configuration/t/1",
                                                               "https://as/t/1/.well-known/openid-configuration"}));
  EXPECT_FALSE(server_metadata_places("https://as/?x=1"));
  EXPECT_FALSE(server_metadata_places("https://as/#x"));
  EXPECT_FALSE(server_metadata_places("as"));
}

TEST(Discovery, AResourceSpeaksForItselfAndWhatLiesBelowOnly) {
  const auto asked = *parse_url("https://h/a/mcp");
  const auto read = [&](std::string_view resource) {
    return read_resource_metadata(
        R"({"resource":")" + std::string(resource) + R"(","authorization_servers":["https://as"]})", asked);
  };
  for (const std::string_view fine : {"https://h/a/mcp", "https://h/a/mcp/", "https://h/a", "https://h", "https://h/",
                                      "https://H/a/mcp", "https://h:443/a/mcp"}) {
    const auto metadata = read(fine);
    ASSERT_TRUE(metadata) << fine;
    EXPECT_EQ(metadata->resource, fine) << "to the letter";
  }
  for (const std::string_view other : {"https://evil/a/mcp", "http://h/a/mcp", "https://h:444/a/mcp", "https://h/a/mc",
                                       "https://h/a/mcp/x", "https://h/b", "https://h/a/mcp?x=1"}) {
    const auto metadata = read(other);
    ASSERT_FALSE(metadata) << other;
    EXPECT_EQ(metadata.error().code, errc::invalid_argument) << other;
  }
  for (const std::string_view none : {"", "h", "https://h/a/mcp#x", "ftp://h"})
    EXPECT_EQ(read(none).error().code, errc::corrupt) << none;
}

TEST(Discovery, ResourceDocumentsGoodAndBad) {
  const auto asked = *parse_url("https://h/mcp");
  const auto good = read_resource_metadata(
      R"({"resource":"https://h/mcp","authorization_servers":["https://as1",7,"https://as2"],"scopes_supported":["a","b c","a\"",1],"dpop_bound_access_tokens_required":true,"x":{}})",
      asked);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->issuers, (Places{"https://as1", "https://as2"}));
  EXPECT_EQ(*good->scopes, (Places{"a", "b", "c"}));
  EXPECT_TRUE(good->dpop_required);
  EXPECT_FALSE(
      read_resource_metadata(R"({"resource":"https://h/mcp","authorization_servers":["https://as1"]})", asked)->scopes);
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"resource":"https://h/mcp"})", R"({"resource":"https://h/mcp","authorization_servers":[]})",
        R"({"resource":"https://h/mcp","authorization_servers":"https://as"})",
        R"({"resource":1,"authorization_servers":["https://as"]})",
        R"({"resource":"https://h/mcp","authorization_servers":[1]})"}) {
    EXPECT_EQ(read_resource_metadata(bad, asked).error().code, errc::corrupt) << bad;
  }
}

TEST(Discovery, AServersDocumentMustBeItsOwnAndSafe) {
  const std::string_view good =
      R"({"issuer":"https://as","authorization_endpoint":"https://as/a?x=1","token_endpoint":"https://as/t","code_challenge_methods_supported":["S256"],"scopes_supported":["a"],)"
      R"("token_endpoint_auth_methods_supported":["none"],"client_id_metadata_document_supported":true,"authorization_response_iss_parameter_supported":true})";
  const auto server = read_server_metadata(good, "https://as", false);
  ASSERT_TRUE(server) << server.error().detail;
  EXPECT_TRUE(server->takes_client_documents);
  EXPECT_TRUE(server->sends_issuer);
  EXPECT_EQ(*server->challenge_methods, (Places{"S256"}));
  for (const std::string_view other : {"https://as/", "https://AS", "https://as:443", "http://as", "https://evil"}) {
    EXPECT_EQ(read_server_metadata(good, other, false).error().code, errc::corrupt) << other;
  }
  for (const std::string_view endpoint :
       {"http://as/t", "javascript:alert(1)", "/t", "https://u:p@as/t", "https://as/t#x", "http://127.0.0.1/t"}) {
    const auto document = R"({"issuer":"https://as","token_endpoint":")" + std::string(endpoint) + R"("})";
    EXPECT_FALSE(read_server_metadata(document, "https://as", false)) << endpoint;
  }
  EXPECT_TRUE(
      read_server_metadata(R"({"issuer":"https://as","token_endpoint":"http://127.0.0.1/t"})", "https://as", true));
  for (const std::string_view bad : {"", "[]", "{}", R"({"issuer":1})"})
    EXPECT_FALSE(read_server_metadata(bad, "https://as", true)) << bad;
}

}  // namespace
}  // namespace meantime::auth
