// SPDX-License-Identifier: MIT
#include "auth/token_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

#include "support/manual_clock.hpp"
#include "support/temp_folder.hpp"

namespace meantime::auth {
namespace {

class TokenFile : public testing::Test {
 protected:
  void write(const std::string& text, mode_t mode = 0600) {
    const auto next = folder_.path() / "next";
    std::ofstream(next) << text;
    chmod(next.c_str(), mode);
    std::filesystem::rename(next, path());
  }
  [[nodiscard]] std::string path() const { return (folder_.path() / "tokens").string(); }
  Result<std::unique_ptr<TokenFileAuthenticator>> open() {
    return TokenFileAuthenticator::open(path(), {.resource = "https://h/mcp", .scopes = scopes_}, clock_, random_);
  }
  static Verdict ask(Authenticator& authenticator, std::string_view header) {
    auto asked = authenticator.authenticate({.authorization = header});
    EXPECT_TRUE(asked.done()) << "a token file suspends nobody";
    return asked.take();
  }

  test::TempFolder folder_;
  boost::asio::io_context loop_;
  test::ManualClock clock_{loop_};
  SystemRandom random_;
  std::vector<std::string> scopes_;
};

TEST_F(TokenFile, ACallerIsKnownByItsToken) {
  const auto token = make_token(random_);
  write("# callers\n\n" + *token_line("alice", token, {}) + "\n" + *token_line("bob", "other", {"read", "write"}) +
        "\r\n");
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ((*opened)->size(), 2U);
  const auto alice = ask(**opened, "Bearer " + token);
  ASSERT_TRUE(alice);
  EXPECT_EQ((*alice)->owner, "alice");
  EXPECT_TRUE((*alice)->every_scope);
  const auto bob = ask(**opened, "bearer  other ");
  ASSERT_TRUE(bob);
  EXPECT_EQ((*bob)->scopes, (std::vector<std::string>{"read", "write"}));
  const auto nobody = ask(**opened, "Bearer " + token + "x");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().status, 401);
  EXPECT_EQ(nobody.error().error, "invalid_token");
  EXPECT_EQ(nobody.error().www_authenticate.find("resource_metadata"), std::string::npos)
      << "there is no authorization server";
  EXPECT_EQ(nobody.error().www_authenticate.find(token), std::string::npos);
}

TEST_F(TokenFile, ScopesThatEveryRequestNeeds) {
  scopes_ = {"tasks"};
  write(*token_line("all", "a", {}) + "\n" + *token_line("some", "b", {"tasks"}) + "\n" +
        *token_line("none", "c", {"other"}) + "\n");
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_TRUE(ask(**opened, "Bearer a"));
  EXPECT_TRUE(ask(**opened, "Bearer b"));
  const auto refused = ask(**opened, "Bearer c");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 403);
  EXPECT_NE(refused.error().www_authenticate.find("insufficient_scope"), std::string::npos);
  EXPECT_NE(refused.error().www_authenticate.find("scope=\"tasks\""), std::string::npos);
}

TEST_F(TokenFile, IsReadAgainWhenItHasChanged) {
  write(*token_line("alice", "a", {}) + "\n");
  auto opened = open();
  ASSERT_TRUE(opened);
  write(*token_line("bob", "b", {}) + "\n");
  EXPECT_TRUE(ask(**opened, "Bearer a")) << "not looked at within a second";
  clock_.advance(std::chrono::seconds(1));
  EXPECT_FALSE(ask(**opened, "Bearer a"));
  EXPECT_TRUE(ask(**opened, "Bearer b"));
}

TEST_F(TokenFile, AChangeThatCannotBeReadLocksNobodyOut) {
  write(*token_line("alice", "a", {}) + "\n");
  auto opened = open();
  ASSERT_TRUE(opened);
  write("alice:nonsense\n");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_TRUE(ask(**opened, "Bearer a"));
  EXPECT_NE((*opened)->problem().find("line 1"), std::string::npos);
  write(*token_line("bob", "b", {}) + "\n", 0644);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_FALSE(ask(**opened, "Bearer b")) << "others may read it";
  EXPECT_NE((*opened)->problem().find("chmod 600"), std::string::npos);
  write(*token_line("bob", "b", {}) + "\n");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_TRUE(ask(**opened, "Bearer b"));
  EXPECT_EQ((*opened)->problem(), "");
}

TEST_F(TokenFile, OthersMustNotReadIt) {
  for (const mode_t mode : {0644, 0640, 0620, 0601}) {
    write(*token_line("alice", "a", {}) + "\n", mode);
    const auto opened = open();
    ASSERT_FALSE(opened) << mode;
    EXPECT_EQ(opened.error().code, errc::invalid_argument);
    EXPECT_NE(opened.error().detail.find("chmod 600"), std::string::npos);
  }
  std::filesystem::remove(path());
  EXPECT_EQ(open().error().code, errc::not_found);
  std::filesystem::create_directory(path());
  EXPECT_FALSE(open());
}

TEST_F(TokenFile, WrongLinesAreNamed) {
  const std::string digest = hash_token("a");
  for (const auto& line : {std::string("alice"), "alice:" + digest.substr(1), "alice:" + digest + "0", ":" + digest,
                           "a b:" + digest, "alice:" + digest + ":", "alice:" + digest + ":a\"b",
                           std::string("alice:mt_secret"), std::string("\xff:") + digest}) {
    const auto entries = parse_token_file("# one\n\n" + line + "\n");
    ASSERT_FALSE(entries) << line;
    EXPECT_TRUE(entries.error().detail.starts_with("line 3: ")) << entries.error().detail;
    EXPECT_EQ(entries.error().detail.find("mt_secret"), std::string::npos)
        << "a token that stands there by mistake is not repeated";
  }
  EXPECT_FALSE(parse_token_file("a:" + digest + "\nb:" + digest + "\n"));
  EXPECT_EQ(parse_token_file("a:" + digest + "\na:" + hash_token("b") + ": x, y ")->at(1).scopes,
            (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(parse_token_file("")->empty());
}

TEST_F(TokenFile, ATokenIsLongAndNewEachTime) {
  EXPECT_EQ(make_token(random_).size(), 46U);
  EXPECT_NE(make_token(random_), make_token(random_));
  EXPECT_FALSE(token_line("a:b", "t", {}));
  EXPECT_FALSE(token_line("", "t", {}));
  EXPECT_FALSE(token_line("a", "t", {"x y"}));
  EXPECT_FALSE(token_line("a", "t", {"x,y"}));
}

TEST_F(TokenFile, WhatIsNoBearerTokenIsRefusedAsItsKindDeserves) {
  write(*token_line("alice", "a", {}) + "\n");
  auto opened = open();
  ASSERT_TRUE(opened);
  auto& authenticator = **opened;
  for (const std::string_view header : {"Bearer", "Bearer ", "Bearer a b", "Bearer \"a\"", "Bearer a,b"}) {
    const auto verdict = ask(authenticator, header);
    ASSERT_FALSE(verdict) << header;
    EXPECT_EQ(verdict.error().status, 400) << header;
    EXPECT_EQ(verdict.error().error, "invalid_request");
  }
  for (const std::string_view header : {"Basic YTpi", "", "DPoP a", "a"}) {
    const auto verdict = ask(authenticator, header);
    ASSERT_FALSE(verdict) << header;
    EXPECT_EQ(verdict.error().status, 401) << header;
  }
  const auto none = authenticator.authenticate({}).take();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().status, 401);
  EXPECT_EQ(none.error().error, "") << "RFC 6750: no error code when nothing was sent";
  EXPECT_EQ(none.error().www_authenticate, "Bearer");
  const auto two = authenticator.authenticate({.authorization = "Bearer a", .several = true}).take();
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().status, 400);
}

}  // namespace
}  // namespace meantime::auth
