// SPDX-License-Identifier: MIT
#include "delivery/render/clean.hpp"

#include <gtest/gtest.h>

#include "core/utf8.hpp"
#include "support/random_text.hpp"

namespace meantime::render {
namespace {

TEST(Clean, TerminalSequencesAreLeftOut) {
  EXPECT_EQ(without_controls("\x1b[1;31mred\x1b[0m"), "red");
  EXPECT_EQ(without_controls("\x1b[?25lhidden\x1b[2K"), "hidden");
  EXPECT_EQ(without_controls("\x1b]0;title\atext"), "text");
  EXPECT_EQ(without_controls("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\"), "link");
  EXPECT_EQ(without_controls("\x1b(Btext\x1b=more\x1bMup"), "textmoreup");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "31mred"),
            "red");
  EXPECT_EQ(without_controls("\x1bPdata\x1b\\after"), "after");
}

TEST(Clean, ASequenceThatNeverEndsTakesItsLineAtMost) {
  EXPECT_EQ(without_controls("a\x1b]0;never\nb"), "a\nb");
  EXPECT_EQ(without_controls("a\x1b["), "a");
  EXPECT_EQ(without_controls("a\x1b"), "a");
  EXPECT_EQ(without_controls("a\x1b[31\nb"), "a\nb");
}

TEST(Clean, LineEndsBecomeOneKindAndControlsGo) {
  EXPECT_EQ(without_controls("a\r\nb\rc\u2028d\u0085"
                             "e\r\r\nf"),
            "a\nb\nc\nd\ne\nf");
  EXPECT_EQ(without_controls(std::string_view("a\0b\x07"
                                              "c\x7f\td\b",
                                              9)),
            "abc\td");
}

TEST(Clean, TextThatTurnsWhatFollowsItIsLeftOut) {
  EXPECT_EQ(without_controls("a\u202Eb\u2066c\uFEFFd"), "abcd");
  EXPECT_EQ(without_controls("\u05E9\u05DC\u05D5\u05DD \u2019 \u200D \u00A0"),
            "\u05E9\u05DC\u05D5\u05DD \u2019 \u200D \u00A0");
}

TEST(Clean, IllFormedBytesAreRepaired) {
  EXPECT_EQ(without_controls("a\xFF\xC2"), "a\uFFFD\uFFFD");
  EXPECT_TRUE(utf8::valid(clean("\xED\xA0\x80 \xF0\x9F\x98 \xE2\x80")));
}

struct Secret {
  std::string_view text, shown;
};

TEST(Clean, SecretsAreRedacted) {
  const std::string long_word(40, 'k');
  for (const auto& [text, shown] : {
           Secret{"Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer [redacted]"},
           Secret{"curl -H 'X: bearer abcdefghijklmnop1234'", "curl -H 'X: bearer [redacted]'"},
           Secret{"password=hunter2 next", "password=[redacted] next"},
           Secret{R"({"api_key": "0123-4567", "n": 1})", R"({"api_key": [redacted], "n": 1})"},
           Secret{"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=[redacted]"},
           Secret{"access_token: zzzzzzzz", "access_token: [redacted]"},
           Secret{"GET /x?sig=AbC%2Bdef&v=1", "GET /x?sig=[redacted]&v=1"},
           Secret{"redis://user:secret@host:6379/0", "redis://[redacted]@host:6379/0"},
           Secret{"redis://:secret@host", "redis://[redacted]@host"},
           Secret{"xoxb-123456789012-abcdefABCDEF", "[redacted]"},
           Secret{"ghp_0123456789abcdefghijABCDEFGHIJ012345", "[redacted]"},
           Secret{"https://discord.com/api/webhooks/1234/abcdefghijklmnopqrstuvwxyz0123",
                  "https://discord.com/api/webhooks/1234/[redacted]"},
           Secret{"https://hooks.slack.com/services/T000/B000/XXXX", "https://hooks.slack.com/services/[redacted]"},
           Secret{"https://mm.example/hooks/abcdefghijklmnopqrstuvwxyz", "https://mm.example/hooks/[redacted]"},
           Secret{"https://api.telegram.org/bot123456789:ABCdefGHIjklMNOpqrSTUvwxYZ012345678/sendMessage",
                  "https://api.telegram.org/bot[redacted]/sendMessage"},
           Secret{"token 123456789:ABCdefGHIjklMNOpqrSTUvwxYZ012345678", "token [redacted]"},
           Secret{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[redacted]"},
           Secret{"AKIAABCDEFGHIJKLMNOP", "[redacted]"},
           Secret{"whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=", "[redacted]"},
           Secret{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc+/=\n-----END RSA PRIVATE KEY-----\nend",
                  "-----BEGIN RSA PRIVATE KEY-----[redacted]\nend"},
       }) {
    EXPECT_EQ(without_secrets(std::string(text)), shown);
    EXPECT_EQ(without_secrets(std::string(shown)), shown) << "twice changes nothing";
  }
}

TEST(Clean, WhatIsNoSecretStays) {
  for (const std::string_view text :
       {"max_tokens: 4096 and tokens=100", "https://example.org/a:b@c", "see https://example.org:8080/path",
        "commit 0123456789abcdef0123456789abcdef01234567", "basic training, bearer of news", "password: ", "token = x",
        "task-management-system-description", "the key: value pairs", "12:34:56 started", "mail a.b@example.org"}) {
    EXPECT_EQ(without_secrets(std::string(text)), text);
  }
}

TEST(Clean, NobodyIsCalledWhereThePlatformHasNoOtherGuard) {
  EXPECT_EQ(without_mentions("@all, a@b @ c @", MentionGuard::zero_width_space), "@\u200Ball, a@\u200Bb @ c @");
  EXPECT_EQ(without_mentions("@all", MentionGuard::none), "@all");
  const std::string once = without_mentions("@@all", MentionGuard::zero_width_space);
  EXPECT_EQ(without_mentions(once, MentionGuard::zero_width_space), once);
}

TEST(Clean, CleaningTwiceIsCleaningOnce) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const std::string once = clean(test::random_text(seed, 600));
    ASSERT_TRUE(utf8::valid(once));
    ASSERT_EQ(once.find('\x1b'), std::string::npos);
    ASSERT_EQ(once.find('\r'), std::string::npos);
    ASSERT_EQ(clean(once), once) << "seed " << seed;
  }
}

}  // namespace
}  // namespace meantime::render
