// SPDX-License-Identifier: MIT
#include "adapters/adapter_contract.hpp"

#include <fstream>

#include "delivery/adapters/chunks.hpp"
#include "delivery/render/render.hpp"
#include "delivery/render/units.hpp"
#include "meantime/delivery.hpp"
#include "meantime/memory_store.hpp"

namespace meantime::test {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

namespace {

std::string lines(std::size_t count) {
  std::string text;
  for (std::size_t i = 1; i <= count; ++i) text += "line " + std::to_string(i) + " of the output\n";
  return text;
}

delivery::Secret secret_in(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text << '\n';
  return delivery::Secret({.file = file, .variable = {}});
}

/// Asks the deliverer's questions of `adapter`, and counts in `under_way` what is being sent. Both outlive it.
class Borrowed final : public Adapter {
 public:
  Borrowed(Adapter& adapter, int& under_way) : adapter_(adapter), under_way_(under_way) {}
  AdapterTraits traits() const noexcept override { return adapter_.traits(); }
  Result<void> check(const Redirect& redirect) const override { return adapter_.check(redirect); }
  Result<std::vector<std::string>> plan(const Message& message) const override { return adapter_.plan(message); }
  Task<SendAnswer> send(Outgoing message) override {
    ++under_way_;
    SendAnswer answer = co_await adapter_.send(std::move(message));
    --under_way_;
    co_return answer;
  }

 private:
  Adapter& adapter_;
  int& under_way_;
};

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AdapterContract);

AdapterContract::AdapterContract()
    : fake_(kind_.make_fake(io_, clock_)), client_(std::make_unique<http::Client>(loop_)), adapter_(make_adapter()) {}

AdapterContract::~AdapterContract() {
  adapter_.reset();
  client_.reset();
  run_ready(io_);
  EXPECT_THAT(fake_->complaints(), IsEmpty()) << "it sent what the platform does not take";
  EXPECT_EQ(fake_->left(), 0U) << "not all faults were met";
}

std::unique_ptr<Adapter> AdapterContract::make_adapter() {
  return kind_.make_adapter({.base_url = fake_->url(),
                             .secret = secret_in(folder_.path() / "secret", kind_.secret),
                             .secret_url = secret_in(folder_.path() / "url", fake_->url() + kind_.secret),
                             .client = *client_,
                             .clock = clock_});
}

Message AdapterContract::message(std::string text, std::string error) const {
  Message out;
  out.id = {*TaskId::parse("abcdefabcdef"), 1};
  out.record.task_id = out.id.task_id;
  out.record.tool_name = "crawl";
  out.record.status = error.empty() ? TaskStatus::completed : TaskStatus::failed;
  out.record.reason = error.empty() ? EndReason::finished : EndReason::tool_error;
  out.record.error = std::move(error);
  out.record.created_at = clock_.wall_now() - std::chrono::seconds(90);
  out.record.ended_at = clock_.wall_now();
  out.record.result_bytes = text.size();
  out.record.result_chars = render::length(text, render::Unit::code_points);
  out.text = std::move(text);
  out.redirect = redirect();
  return out;
}

Redirect AdapterContract::redirect() const {
  return {.destination = "there", .channel_id = kind_.channel, .platform = "test"};
}

std::vector<std::string> AdapterContract::plan(const Message& message) {
  auto chunks = adapter_->plan(message);
  EXPECT_TRUE(chunks) << chunks.error().detail;
  return chunks ? *chunks : std::vector<std::string>{};
}

Outgoing AdapterContract::outgoing(const std::vector<std::string>& chunks, std::uint32_t number, bool maybe_repeated) {
  constexpr std::size_t key_size = 32;
  std::string key = "key0of0message0" + std::to_string(number) + "0";
  key.insert(key.begin(), key_size - key.size(), 'k');
  std::ranges::rotate(key, key.begin() + 16);  // they differ in their beginnings
  return {.chunk = chunks.at(number - 1),
          .number = number,
          .of = static_cast<std::uint32_t>(chunks.size()),
          .key = std::move(key),
          .redirect = redirect(),
          .maybe_repeated = maybe_repeated,
          .whole_text = [this]() -> Task<Result<std::string>> { return ready_text(whole_text_); }};
}

Task<Result<std::string>> AdapterContract::ready_text(std::string text) {
  co_return text;
}

SendAnswer AdapterContract::send(Outgoing message) {
  SendAnswer answer = run(io_, adapter_->send(std::move(message)));
  EXPECT_THAT(answer.detail, Not(HasSubstr(kind_.secret))) << "a secret is told";
  if (answer.verdict != SendVerdict::arrived) {
    EXPECT_THAT(answer.detail, Not(IsEmpty()));
  }
  return answer;
}

SendAnswer AdapterContract::send_one(bool maybe_repeated) {
  const auto chunks = plan(message("hello"));
  return send(outgoing(chunks, 1, maybe_repeated));
}

TEST_P(AdapterContract, S41_AResultArrivesWithItsToolAndItsText) {
  ASSERT_TRUE(adapter_->check(redirect()));
  const SendAnswer answer = send_one();
  EXPECT_EQ(answer.verdict, SendVerdict::arrived) << answer.detail;
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_EQ(fake_->messages()[0].channel, kind_.channel);
  EXPECT_THAT(fake_->messages()[0].text, AllOf(HasSubstr("crawl"), HasSubstr("hello")));
  if (kind_.names_messages) {
    EXPECT_EQ(answer.remote_id, fake_->messages()[0].id);
  }
}

TEST_P(AdapterContract, S42_AFailureArrivesWithItsMessage) {
  const auto chunks = plan(message("half of it", "Weather: it rains"));
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
  ASSERT_THAT(fake_->messages(), SizeIs(1));
  EXPECT_THAT(fake_->messages()[0].text, AllOf(HasSubstr("it rains"), HasSubstr("half of it")));
}

TEST_P(AdapterContract, S43_ALongTextArrivesInOrderWithinThePlatformsLimit) {
  constexpr std::size_t few = 330;  // about 8,000 characters: within the default of a redirect
  const auto chunks = plan(message(lines(few)));
  for (std::uint32_t number = 1; number <= chunks.size(); ++number) {
    const SendAnswer answer = send(outgoing(chunks, number));
    ASSERT_EQ(answer.verdict, SendVerdict::arrived) << answer.detail;
  }
  std::string all;
  for (const FakeMessage& each : fake_->messages()) all += each.text + each.file;
  std::size_t at = 0;
  const bool whole = fake_->messages().size() == chunks.size() && fake_->messages().back().file_name.empty();
  if (whole) {
    for (std::size_t i = 1; i <= few; ++i) {
      const std::size_t found = all.find("line " + std::to_string(i) + " of the output", at);
      ASSERT_NE(found, std::string::npos) << "line " << i << " is missing or out of order";
      at = found;
    }
  } else {
    EXPECT_THAT(all, HasSubstr("line 1 of the output"));
  }
}

TEST_P(AdapterContract, AHugeTextIsShownInPartsAndGoesWholeAsAFileWhereFilesAreTaken) {
  constexpr std::size_t many = 20'000;
  whole_text_ = lines(many);
  Message long_one = message(lines(many));
  const auto chunks = plan(long_one);
  for (std::uint32_t number = 1; number <= chunks.size(); ++number) {
    const SendAnswer answer = send(outgoing(chunks, number));
    ASSERT_EQ(answer.verdict, SendVerdict::arrived) << answer.detail;
  }
  ASSERT_THAT(fake_->messages(), Not(IsEmpty()));
  if (!kind_.limits.takes_files) return;
  const auto with_file = std::ranges::find_if(fake_->messages(), [](const auto& each) { return !each.file.empty(); });
  ASSERT_NE(with_file, fake_->messages().end());
  EXPECT_EQ(with_file->file, whole_text_);
  EXPECT_THAT(with_file->file_name, testing::MatchesRegex("crawl-[0-9a-z]+\\.txt"));
}

TEST_P(AdapterContract, NobodyIsCalledByWhatATokenOrAMentionLooksLike) {
  // The fake complains about a request that would call people, or lets the platform open links.
  const auto chunks = plan(message("@everyone @here <!channel> <@U123> <b>&amp; https://example.org ``` x"));
  EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
  EXPECT_THAT(fake_->messages(), SizeIs(1));
}

TEST_P(AdapterContract, S44_WhatThePlatformAnswersIsUnderstood) {
  for (const AnswerCase& each : kind_.answers) {
    SCOPED_TRACE(each.name);
    fake_->next(each.answer, kind_.message_path);
    adapter_ = make_adapter();  // what it learned from the one before does not count
    const SendAnswer answer = send_one();
    EXPECT_EQ(answer.verdict, each.verdict)
        << name_of(answer.verdict) << " in place of " << name_of(each.verdict) << ": " << answer.detail;
    if (each.verdict != SendVerdict::retry_after) continue;
    if (each.after != Milliseconds(0)) EXPECT_EQ(answer.after, each.after);
    EXPECT_EQ(answer.whole_destination, each.whole_destination);
  }
  EXPECT_THAT(fake_->messages(), IsEmpty());
}

TEST_P(AdapterContract, APlatformInTroubleIsTriedAgainLater) {
  for (const int status : {500, 502, 503}) {
    fake_->next(FakeAnswer{.status = status, .body = "<html>Bad Gateway</html>", .type = "text/html"},
                kind_.message_path);
    EXPECT_EQ(send_one().verdict, SendVerdict::retry_backoff) << status;
  }
}

TEST_P(AdapterContract, ASecretThatIsAnsweredBackIsNotTold) {
  fake_->next(FakeAnswer{.status = 400, .body = "you said: " + kind_.secret, .type = "text/plain"}, kind_.message_path);
  EXPECT_NE(send_one().verdict, SendVerdict::arrived);  // send() looks for the secret
}

TEST_P(AdapterContract, F23_AnAnswerThatNeverCameLeavesItOpenWhetherItArrived) {
  for (const Fault fault : {Fault::cut_before, Fault::cut_after, Fault::cut_in_answer}) {
    fake_->next(fault, kind_.message_path);
    const SendAnswer answer = send_one();
    EXPECT_EQ(answer.verdict, SendVerdict::unknown) << static_cast<int>(fault) << ": " << answer.detail;
  }
}

TEST_P(AdapterContract, F23_AKeptConnectionThatBreaksSendsNothingTwiceByItself) {
  EXPECT_EQ(send_one().verdict, SendVerdict::arrived);
  const std::size_t before = fake_->requests().size();
  fake_->next(Fault::cut_after, kind_.message_path);
  const auto chunks = plan(message("another"));
  const SendAnswer answer = send(outgoing({chunks[0], chunks[0]}, 2));
  EXPECT_EQ(answer.verdict, SendVerdict::unknown) << answer.detail;
  EXPECT_EQ(fake_->requests().size(), before + 1);
}

TEST_P(AdapterContract, F23_AGatewayThatGaveUpWaitingLeavesItOpenWhetherItArrived) {
  fake_->next(FakeAnswer{.status = 504, .body = "<html>Gateway Time-out</html>", .type = "text/html"},
              kind_.message_path);
  EXPECT_EQ(send_one().verdict, SendVerdict::unknown);
}

TEST_P(AdapterContract, AnAnswerIsWaitedForAndMayBeGivenUp) {
  const auto chunks = plan(message("hello"));
  fake_->next(Fault::hold, kind_.message_path);
  auto waiting = adapter_->send(outgoing(chunks, 1));
  run_until(io_, [&] { return fake_->held() == 1; });
  EXPECT_FALSE(waiting.done());
  fake_->release();
  EXPECT_EQ(run(io_, std::move(waiting)).verdict, SendVerdict::arrived);

  fake_->next(Fault::hold, kind_.message_path);
  auto dropped = adapter_->send(outgoing(chunks, 1));
  run_until(io_, [&] { return fake_->held() == 1; });
  dropped = {};
  run_until(io_, [&] { return fake_->held() == 0; });  // its connection is closed
}

TEST_P(AdapterContract, NobodyListeningIsTriedAgainLater) {
  fake_->refuse();
  EXPECT_EQ(send_one().verdict, SendVerdict::retry_backoff);
  fake_->accept();
  EXPECT_EQ(send_one().verdict, SendVerdict::arrived);
}

TEST_P(AdapterContract, F23_AMessageThatCameTwiceIsNoticedOrSaysThatItMayHave) {
  EXPECT_EQ(send_one().verdict, SendVerdict::arrived);
  const AdapterTraits traits = adapter_->traits();
  if (traits.repeats != Repeats::not_noticed) {
    EXPECT_GT(kind_.remembers, Milliseconds(0));
    if (traits.repeats == Repeats::noticed_soon) {
      EXPECT_LE(traits.notices_for, kind_.remembers);
      clock_.advance(traits.notices_for);
    }
    const SendAnswer again = send_one();
    EXPECT_EQ(again.verdict, SendVerdict::arrived);
    EXPECT_THAT(fake_->messages(), SizeIs(1));
    EXPECT_EQ(fake_->noticed(), 1U);
    if (kind_.names_messages) {
      EXPECT_EQ(again.remote_id, fake_->messages()[0].id);
    }
  }
  EXPECT_EQ(send(outgoing(plan(message("hello")), 1, true)).verdict, SendVerdict::arrived);
  if (traits.repeats == Repeats::not_noticed) {
    ASSERT_THAT(fake_->messages(), SizeIs(2));
    EXPECT_THAT(fake_->messages()[1].text, HasSubstr("possibly repeated"));
  }
}

TEST_P(AdapterContract, TheSecretIsReadAgainAfterItWasRefused) {
  const auto chunks = plan(message("hello"));
  std::ofstream(folder_.path() / "secret") << "wrong\n";
  std::ofstream(folder_.path() / "url") << fake_->url() + kind_.secret.substr(0, kind_.secret.size() - 1) << "Z\n";
  const SendAnswer refused = run(io_, adapter_->send(outgoing(chunks, 1)));
  if (refused.verdict != SendVerdict::arrived) {
    EXPECT_THAT(refused.verdict, AnyOf(SendVerdict::auth, SendVerdict::target_gone)) << refused.detail;
    (void)make_adapter();  // writes the right secret
    EXPECT_EQ(send(outgoing(chunks, 1)).verdict, SendVerdict::arrived);
  }
}

TEST_P(AdapterContract, AMissingSecretIsSaid) {
  std::filesystem::remove(folder_.path() / "secret");
  std::filesystem::remove(folder_.path() / "url");
  const auto chunks = plan(message("hello"));
  const SendAnswer answer = run(io_, adapter_->send(outgoing(chunks, 1)));
  if (answer.verdict == SendVerdict::arrived) return;  // it needs none
  EXPECT_EQ(answer.verdict, SendVerdict::auth);
  EXPECT_THAT(answer.detail, HasSubstr("put the secret there"));
  EXPECT_THAT(fake_->requests(), IsEmpty());
}

TEST_P(AdapterContract, AChannelThatCannotBeIsRefusedAtOnce) {
  if (kind_.wrong_channel.empty()) return;
  Redirect wrong = redirect();
  wrong.channel_id = kind_.wrong_channel;
  const auto checked = adapter_->check(wrong);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, errc::invalid_argument);
}

TEST_P(AdapterContract, AMessageOfAnotherKindIsRefused) {
  EXPECT_EQ(send(outgoing({"no message of this adapter"}, 1)).verdict, SendVerdict::payload);
  EXPECT_THAT(fake_->requests(), IsEmpty());
}

TEST_P(AdapterContract, S40_TheDelivererBringsAResultThereInOrderThroughTroubleOfAllKinds) {
  SystemRandom random;
  const auto store = make_memory_store(io_, clock_);
  int under_way = 0;
  auto deliverer =
      std::make_unique<Deliverer>(DelivererPorts{.loop = io_, .clock = clock_, .random = random, .store = *store});
  ASSERT_TRUE(deliverer->add({.name = "there", .platform = "test", .channel_id = kind_.channel},
                             std::make_unique<Borrowed>(*adapter_, under_way)));
  deliverer->start();
  for (const AnswerCase& each : kind_.answers) {
    if (each.verdict == SendVerdict::retry_after) fake_->next(each.answer, kind_.message_path);
  }
  fake_->next(FakeAnswer{.status = 503, .body = "busy", .type = "text/plain"}, kind_.message_path);
  fake_->next(Fault::cut_before, kind_.message_path);

  const Message long_one = message(lines(300));
  const TaskId id = long_one.id.task_id;
  ASSERT_TRUE(run(io_, store->start({.task_id = id,
                                     .tool_name = "crawl",
                                     .caller = &long_one.record.caller,
                                     .created_at = clock_.wall_now(),
                                     .redirects = std::vector{redirect()}})));
  ASSERT_TRUE(run(io_, store->finish({id, 1}, {.result = long_one.text, .ended_at = clock_.wall_now()})));
  whole_text_ = long_one.text;

  Delivery delivery;
  constexpr int most_rounds = 10'000;
  for (int round = 0; round < most_rounds && (round == 0 || is_open(delivery.state)); ++round) {
    clock_.advance(std::chrono::seconds(5));
    run_until(io_, [&] { return under_way == 0; });
    run_ready(io_);
    auto found = run(io_, store->outbox().find_delivery({id, 1}));
    ASSERT_TRUE(found);
    delivery = *found;
  }
  EXPECT_EQ(delivery.state, DeliveryState::delivered) << delivery.error;
  EXPECT_EQ(delivery.sent, delivery.chunks);
  EXPECT_THAT(fake_->messages(), SizeIs(testing::Ge(delivery.chunks)));
  EXPECT_EQ(fake_->left(), 0U);
  for (std::size_t i = 0; delivery.chunks > 1 && i < delivery.chunks; ++i) {
    const std::string counter = "(" + std::to_string(i + 1) + "/" + std::to_string(delivery.chunks) + ")";
    EXPECT_THAT(fake_->messages()[i].text, HasSubstr(counter)) << "they are out of order";
  }
  deliverer.reset();
  run(io_, store->close());
}

}  // namespace meantime::test
