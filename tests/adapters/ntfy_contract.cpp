// SPDX-License-Identifier: MIT
// ntfy_contract.cpp: the ntfy adapter does what every adapter must, and what only it can.
#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/ntfy.hpp"
#include "fakes/fake_ntfy.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* token = "tk_s3cr3t";

std::string said(int code) {
  return R"({"code":)" + std::to_string(code) + R"(,"http":)" + std::to_string(code / 100) + R"(,"error":"no"})";
}

AdapterKind ntfy() {
  return {
      .name = "Ntfy",
      .channel = "builds",
      .wrong_channel = "two words",
      .secret = token,
      .limits = delivery::ntfy_limits,
      .make_fake = [](boost::asio::io_context& io,
                      Clock& clock) { return std::make_unique<FakeNtfy>(io, clock, FakeNtfyOptions{.token = token}); },
      .make_adapter =
          [](AdapterParts parts) {
            return std::make_unique<delivery::NtfyAdapter>(
                delivery::NtfySettings{.place = {.base_url = parts.base_url, .addresses = http::Addresses::any},
                                       .token = parts.secret},
                parts.client, parts.clock);
          },
      .answers =
          {{"too many", {429, said(42901)}, SendVerdict::retry_after, 5s, true},
           {"too many, with a time", {429, said(42901), {{"Retry-After", "9"}}}, SendVerdict::retry_after, 9s, true},
           // The clock stands at 14:13:20.
           {"the day's are used up", {429, said(42908)}, SendVerdict::retry_after, 9h + 46min + 40s, true},
           {"unauthorized", {401, said(40101)}, SendVerdict::auth},
           {"forbidden", {403, said(40301)}, SendVerdict::auth},
           {"no topic", {400, said(40009)}, SendVerdict::target_gone},
           {"not this topic", {400, said(40010)}, SendVerdict::target_gone},
           {"bad", {400, said(40024)}, SendVerdict::payload}}};
}

INSTANTIATE_TEST_SUITE_P(Ntfy, AdapterContract, testing::Values(ntfy()), adapter_name);

class NtfyAdapterTest : public AdapterContract {};
INSTANTIATE_TEST_SUITE_P(Own, NtfyAdapterTest, testing::Values(ntfy()), adapter_name);

TEST_P(NtfyAdapterTest, AFileThatIsRefusedIsSaidInTheText) {
  const auto chunks = plan(message(std::string(20'000, 'x')));
  ASSERT_THAT(chunks, SizeIs(1));
  for (const int code : {40014, 41301, 42905}) {
    fake_->next(FakeAnswer{code / 100, said(code)}, "/builds");
    EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
    EXPECT_THAT(fake_->messages().back().text, WithoutItsFile());
  }
  EXPECT_THAT(fake_->messages(), SizeIs(3));
}

TEST_P(NtfyAdapterTest, TheTextBesideAFileKeepsItsLinesAndItsLetters) {
  const auto chunks = plan(message("Grüße 😀\nsecond line\n" + std::string(20'000, 'x')));
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_THAT(fake_->messages()[0].text, AllOf(HasSubstr("Grüße 😀\nsecond line\n"), HasSubstr("crawl completed")));
  EXPECT_EQ(fake_->messages()[0].file, whole_text_);
}

}  // namespace
}  // namespace meantime::test
