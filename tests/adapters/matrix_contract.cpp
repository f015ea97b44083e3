// SPDX-License-Identifier: MIT
// matrix_contract.cpp: the Matrix adapter does what every adapter must, and what only it can.
#include "adapters/adapter_contract.hpp"
#include "delivery/adapters/matrix.hpp"
#include "fakes/fake_matrix.hpp"

namespace meantime::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* token = "syt_Ym90_s3cr3t";

std::string said(const std::string& code, const std::string& more = {}) {
  return R"({"errcode":")" + code + R"(","error":"no")" + more + '}';
}

std::unique_ptr<Adapter> make_matrix(AdapterParts parts) {
  return std::make_unique<delivery::MatrixAdapter>(
      delivery::MatrixSettings{.place = {.base_url = parts.base_url, .addresses = http::Addresses::any},
                               .token = parts.secret},
      parts.client, parts.clock);
}

AdapterKind matrix() {
  return {.name = "Matrix",
          .channel = "!room:example.org",
          .wrong_channel = "#alias:example.org",
          .secret = token,
          .limits = delivery::matrix_limits,
          .message_path = "/send/m.room.message/",
          .make_fake =
              [](boost::asio::io_context& io, Clock& clock) {
                return std::make_unique<FakeMatrix>(
                    io, clock,
                    FakeMatrixOptions{.token = token, .rooms = {"!room:example.org", "!secret:example.org"}});
              },
          .make_adapter = make_matrix,
          .answers = {{"limit by header",
                       {429, said("M_LIMIT_EXCEEDED"), {{"Retry-After", "3"}}},
                       SendVerdict::retry_after,
                       3s,
                       true},
                      {"limit in the body",
                       {429, said("M_LIMIT_EXCEEDED", R"(,"retry_after_ms":1500)")},
                       SendVerdict::retry_after,
                       1500ms,
                       true},
                      {"limit without a time", {429, said("M_LIMIT_EXCEEDED")}, SendVerdict::retry_after, 5s, true},
                      {"unknown token", {401, said("M_UNKNOWN_TOKEN")}, SendVerdict::auth},
                      {"soft logout", {401, said("M_UNKNOWN_TOKEN", R"(,"soft_logout":true)")}, SendVerdict::auth},
                      {"deactivated", {403, said("M_USER_DEACTIVATED")}, SendVerdict::auth},
                      {"not in the room", {403, said("M_FORBIDDEN")}, SendVerdict::target_gone},
                      {"no such room", {404, said("M_NOT_FOUND")}, SendVerdict::target_gone},
                      {"too large", {413, said("M_TOO_LARGE")}, SendVerdict::payload},
                      {"bad", {400, said("M_BAD_JSON")}, SendVerdict::payload},
                      {"over quota", {403, said("M_RESOURCE_LIMIT_EXCEEDED")}, SendVerdict::retry_backoff},
                      {"unknown, by its status", {500, said("M_UNKNOWN")}, SendVerdict::retry_backoff}},
          .remembers = 30min};
}

INSTANTIATE_TEST_SUITE_P(Matrix, AdapterContract, testing::Values(matrix()), adapter_name);

class MatrixAdapterTest : public AdapterContract {};
INSTANTIATE_TEST_SUITE_P(Own, MatrixAdapterTest, testing::Values(matrix()), adapter_name);

TEST_P(MatrixAdapterTest, AnEncryptedRoomGetsNothing) {
  const auto chunks = plan(message("hello"));
  Outgoing out = outgoing(chunks, 1);
  out.redirect.channel_id = "!secret:example.org";
  const SendAnswer answer = send(std::move(out));
  EXPECT_EQ(answer.verdict, SendVerdict::target_gone);
  EXPECT_THAT(answer.detail, HasSubstr("encrypted"));
  EXPECT_THAT(fake_->messages(), IsEmpty());
}

TEST_P(MatrixAdapterTest, ARoomIsAskedOnceWhetherItIsEncrypted) {
  EXPECT_EQ(send_one().verdict, SendVerdict::arrived);
  EXPECT_EQ(send_one().verdict, SendVerdict::arrived);
  EXPECT_THAT(fake_->requests(), SizeIs(3));
}

TEST_P(MatrixAdapterTest, AFileThatIsRefusedIsSaidInTheText) {
  const auto chunks = plan(message(std::string(20'000, 'x')));
  ASSERT_THAT(chunks, SizeIs(1));
  fake_->next(FakeAnswer{413, said("M_TOO_LARGE")}, "/upload");
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_THAT(fake_->messages()[0].text, WithoutItsFile());
}

TEST_P(MatrixAdapterTest, F23_ABreakBetweenTextAndFileRepeatsNeither) {
  const auto chunks = plan(message(std::string(20'000, 'x')));
  fake_->next(FakeAnswer{502, "busy"}, "kf");  // the file's transaction
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::retry_backoff);
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(2));
  EXPECT_EQ(fake_->noticed(), 1U);
  EXPECT_EQ(fake_->messages()[1].file, whole_text_);
}

}  // namespace
}  // namespace meantime::test
