// SPDX-License-Identifier: MIT
#include "delivery/retry.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace meantime::delivery {
namespace {

constexpr Milliseconds longest_backoff{900'000};
constexpr Milliseconds least_backoff{10};
// Nobody mends a token within seconds; but when somebody did, what waits should not wait for hours.
constexpr Milliseconds after_refused_credentials{300'000};

std::string error_of(const SendAnswer& answer) {
  return std::string(name_of(answer.verdict)) + ": " + (answer.detail.empty() ? "no reason was given" : answer.detail);
}

}  // namespace

Milliseconds backoff(std::uint32_t failures, double chance, Milliseconds first) noexcept {
  constexpr std::uint32_t enough = 12;
  const auto most = std::min<Milliseconds>(first * (1LL << std::min(failures, enough)), longest_backoff);
  return std::max(least_backoff, Milliseconds(static_cast<std::int64_t>(static_cast<double>(most.count()) * chance)));
}

DeliveryStep give_up(const Delivery& delivery, std::string error) {
  return {.state = delivery.sent > 0 ? DeliveryState::partial : DeliveryState::dead,
          .sent = delivery.sent,
          .failed = true,
          .error = std::move(error)};
}

Decision decide(const SendAnswer& answer, const Delivery& delivery, std::uint32_t number, const AdapterTraits& traits,
                const Destination& destination, WallTime now, double chance) {
  Decision out;
  out.step.attempts = 1;
  out.step.sent = delivery.sent;
  if (answer.verdict == SendVerdict::arrived) {
    out.step.state = number == delivery.chunks ? DeliveryState::delivered : DeliveryState::sending;
    out.step.sent = number;
    out.step.remote_id = answer.remote_id;
    return out;
  }
  out.step.error = error_of(answer);
  out.step.state = DeliveryState::waiting;
  switch (answer.verdict) {
    case SendVerdict::arrived:
      break;
    case SendVerdict::retry_after: {
      // The platform is well, it only wants less.
      out.step.again_in = std::clamp(answer.after, least_backoff, destination.longest_wait);
      if (answer.whole_destination) out.pause = out.step.again_in;
      break;
    }
    case SendVerdict::retry_now:
    case SendVerdict::retry_backoff:
      out.step.failed = true;
      out.step.again_in = backoff(delivery.failures, chance, destination.first_backoff);
      out.trouble = true;
      break;
    case SendVerdict::unknown:
      out.step.failed = true;
      out.step.in_doubt = true;
      out.step.again_in = backoff(delivery.failures, chance, destination.first_backoff);
      out.trouble = true;
      if (traits.repeats == Repeats::not_noticed && !destination.repeat_in_doubt) {
        out.step = give_up(delivery, out.step.error);
        out.step.attempts = 1;
      }
      break;
    case SendVerdict::auth:
      // Its place in its channel stays, and it goes on as soon as the destination does.
      out.step.again_in = least_backoff;
      out.pause = after_refused_credentials;
      break;
    case SendVerdict::target_gone:
    case SendVerdict::payload:
      out.step = give_up(delivery, out.step.error);
      out.step.attempts = 1;
      return out;
  }
  if (out.step.state != DeliveryState::waiting) return out;
  const bool too_old = now + out.step.again_in - delivery.created_at > destination.max_age;
  if (too_old || (out.step.failed && delivery.failures + 1 >= destination.max_failures)) {
    const std::uint32_t attempts = out.step.attempts;
    out.step = give_up(delivery, out.step.error + (too_old ? " (given up: it is too old)" : " (given up)"));
    out.step.attempts = attempts;
  }
  return out;
}

InDoubt decide_in_doubt(const Delivery& delivery, const AdapterTraits& traits, const Destination& destination,
                        WallTime now) {
  switch (traits.repeats) {
    case Repeats::noticed:
      return InDoubt::send_again;
    case Repeats::noticed_soon:
      if (delivery.stepped_at && now - *delivery.stepped_at < traits.notices_for) return InDoubt::send_again;
      break;
    case Repeats::not_noticed:
      break;
  }
  return destination.repeat_in_doubt ? InDoubt::send_and_say_so : InDoubt::give_up;
}

std::string message_key(const Delivery& delivery, std::uint32_t number) {
  const std::string name = delivery.id.text() + '/' + std::to_string(delivery.round) + '/' + std::to_string(number);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(name.data(), name.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL gives no SHA-256, by which messages are named");
  }
  constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
  constexpr std::size_t length = 32;
  std::string key;
  for (std::size_t bit = 0; key.size() < length; bit += 5) {
    const unsigned pair = (digest.at(bit / 8) << 8U) | digest.at(bit / 8 + 1);
    key += letters[(pair >> (11 - bit % 8)) & 31U];
  }
  return key;
}

}  // namespace meantime::delivery
