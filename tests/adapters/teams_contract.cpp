// SPDX-License-Identifier: MIT
// teams_contract.cpp: the Teams adapter does what every adapter must.
#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/teams.hpp"
#include "fakes/fake_teams.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* path = "/workflows/0f3/triggers/manual/paths/invoke?api-version=2016-06-01&sig=s3cr3t";

AdapterKind teams() {
  return {
      .name = "Teams",
      .channel = "general",
      .secret = path,
      .limits = delivery::teams_limits,
      .make_fake = [](boost::asio::io_context& io,
                      Clock& clock) { return std::make_unique<FakeTeams>(io, clock, path, "general"); },
      .make_adapter =
          [](AdapterParts parts) {
            return std::make_unique<delivery::TeamsAdapter>(
                delivery::TeamsSettings{.place = {.addresses = http::Addresses::any}, .url = parts.secret_url},
                parts.client, parts.clock);
          },
      .answers =
          {{"too many", {429, "{}", {{"Retry-After", "2"}}}, SendVerdict::retry_after, 2s, true},
           {"too many, no time", {429, "{}"}, SendVerdict::retry_backoff},
           {"a wrong signature", {401, R"({"error":{"code":"DirectApiAuthorizationRequired"}})"}, SendVerdict::auth},
           {"switched off", {400, R"({"error":{"code":"WorkflowTriggerIsNotEnabled"}})"}, SendVerdict::target_gone},
           {"gone", {404, R"({"error":{"code":"WorkflowNotFound"}})"}, SendVerdict::target_gone},
           {"too large", {413, "Request Entity Too Large"}, SendVerdict::payload}},
      .names_messages = false};
}

INSTANTIATE_TEST_SUITE_P(Teams, AdapterContract, testing::Values(teams()), adapter_name);

class TeamsAdapterTest : public AdapterContract {};
INSTANTIATE_TEST_SUITE_P(Own, TeamsAdapterTest, testing::Values(teams()), adapter_name);

TEST_P(TeamsAdapterTest, ACardStaysWithinItsBytesWhateverTheTextIsMadeOf) {
  for (const char* piece : {"\"\\", "\n", "😀", "ä\t", "```\n", "<&>"}) {
    std::string text;
    while (text.size() < 60'000) text += piece;
    Message long_one = message(text + "end");
    long_one.redirect.max_chars = 100'000;
    const auto chunks = plan(long_one);
    for (std::uint32_t number = 1; number <= chunks.size(); ++number) {
      const SendAnswer answer = send(outgoing(chunks, number, true));  // with its note
      EXPECT_EQ(answer.verdict, SendVerdict::arrived) << piece << ": " << answer.detail;
    }
  }
}

}  // namespace
}  // namespace meantime::test
