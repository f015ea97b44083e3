// SPDX-License-Identifier: MIT
#include "auth/digest.hpp"

#include <gtest/gtest.h>

namespace meantime::auth {
namespace {

TEST(Digest, HmacIsThatOfRfc4231) {
  const std::string mac = hmac_sha256("Jefe", "what do ya want for nothing?");
  Digest digest{};
  ASSERT_EQ(mac.size(), digest.size());
  std::copy(mac.begin(), mac.end(), digest.begin());
  EXPECT_EQ(hex(digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, IsSha256) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const Sha256 again;
  EXPECT_EQ(again("abc"), sha256("abc"));
  EXPECT_EQ(again(""), sha256(""));
  EXPECT_EQ(parse_hex(hex(sha256("x"))), sha256("x"));
  EXPECT_FALSE(parse_hex("ab"));
  EXPECT_FALSE(parse_hex(std::string(64, 'g')));
}

TEST(Base64, HasTheVectorsOfRfc4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(base64(plain), coded);
    const auto bare = coded.substr(0, coded.find('='));
    EXPECT_EQ(base64url(plain), bare);
    EXPECT_EQ(decode_base64url(bare), plain);
  }
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(base64("\xfb\xff"), "+/8=");
  EXPECT_EQ(decode_base64url("-_8"), "\xfb\xff");
}

TEST(Base64, IsReadStrictly) {
  for (const std::string_view text : {"Zg==", "Zg=", "Z", "Zh", "Zm9vY", "Zm 9", "Zm9v\n", "+/8", "Zm9v\xff"}) {
    EXPECT_FALSE(decode_base64url(text)) << text;
  }
}

TEST(Secrets, AreTheSameOrNot) {
  EXPECT_TRUE(same_secret("a", "a"));
  EXPECT_FALSE(same_secret("a", "b"));
  EXPECT_FALSE(same_secret("a", "ab"));
  EXPECT_TRUE(same_secret("", ""));
  SystemRandom random;
  EXPECT_EQ(random_text(random, 32).size(), 43U);
  EXPECT_NE(random_text(random, 32), random_text(random, 32));
}

}  // namespace
}  // namespace meantime::auth
