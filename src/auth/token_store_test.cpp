// SPDX-License-Identifier: MIT
#include "auth/token_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "support/temp_folder.hpp"

namespace meantime::auth {
namespace {

OauthMemory everything() {
  return {.resource = "https://h/mcp",
          .issuer = "https://as",
          .identity = ClientIdentity{.issuer = "https://as",
                                     .id = "me",
                                     .secret = "s\"1",
                                     .auth_method = "none",
                                     .redirect_uri = "http://127.0.0.1:1/callback",
                                     .secret_expires = WallTime(Milliseconds(5))},
          .token = Token{.access = "a",
                         .type = "DPoP",
                         .refresh = "r",
                         .scopes = {"x", "y"},
                         .expires = WallTime(Milliseconds(1'790'000'000'123))},
          .asked = {"x"},
          .dpop_key = "{}"};
}

TEST(TokenStore, GivesBackWhatItWasGiven) {
  const test::TempFolder folder;
  const auto place = (folder.path() / "deep" / "tokens").string();
  const auto store = make_file_token_store(place);
  EXPECT_EQ(*store->load("up"), OauthMemory{});
  ASSERT_TRUE(store->save("up", everything()));
  EXPECT_EQ(*make_file_token_store(place)->load("up"), everything());
  EXPECT_EQ(*store->load("other"), OauthMemory{});
  ASSERT_TRUE(store->save("up", OauthMemory{.issuer = "https://as2"}));
  EXPECT_EQ(*store->load("up"), (OauthMemory{.issuer = "https://as2"}));
}

TEST(TokenStore, NobodyElseCanReadIt) {
  const test::TempFolder folder;
  const auto place = folder.path() / "tokens";
  const auto store = make_file_token_store(place);
  ASSERT_TRUE(store->save("up", everything()));
  struct stat status{};
  ASSERT_EQ(stat(place.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ASSERT_EQ(stat((place / "up.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  chmod((place / "up.json").c_str(), 0644);
  EXPECT_EQ(store->load("up").error().code, errc::invalid_argument);
}

TEST(TokenStore, NamesStayInTheFolder) {
  const test::TempFolder folder;
  const auto place = folder.path() / "tokens";
  const auto store = make_file_token_store(place);
  for (const std::string& name : {std::string("../../etc/passwd"), std::string("a/b"), std::string(".."), std::string(),
                                  std::string(5000, 'x'), std::string("a.b"), std::string("a b")}) {
    ASSERT_TRUE(store->save(name, OauthMemory{.issuer = name})) << name;
  }
  for (const std::string& name : {std::string("a/b"), std::string("a.b"), std::string("a b")})
    EXPECT_EQ(store->load(name)->issuer, name);
  std::size_t files = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder.path()))
    files += each.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 7U);
}

TEST(TokenStore, WhatCannotBeReadIsSaid) {
  const test::TempFolder folder;
  const auto store = make_file_token_store(folder.path());
  for (const std::string_view text : {"", "{", "[]", "{}", R"({"format":2})", R"({"format":"1"})"}) {
    std::ofstream(folder.path() / "up.json") << text;
    chmod((folder.path() / "up.json").c_str(), 0600);
    EXPECT_EQ(store->load("up").error().code, errc::corrupt) << text;
  }
  std::ofstream(folder.path() / "up.json") << R"({"format":1,"token":7,"client":[],"asked":[1,"x"],"issuer":{}})";
  EXPECT_EQ(*store->load("up"), (OauthMemory{.asked = {"x"}}));
  std::filesystem::remove(folder.path() / "up.json");
  std::filesystem::create_symlink("/dev/null", folder.path() / "up.json");
  EXPECT_FALSE(store->load("up"));
}

TEST(TokenStore, AFolderThatIsNoneIsAnError) {
  const test::TempFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  EXPECT_FALSE(make_file_token_store(folder.path() / "file")->save("up", {}));
}

}  // namespace
}  // namespace meantime::auth
