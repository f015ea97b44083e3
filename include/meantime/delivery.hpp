// SPDX-License-Identifier: MIT
// delivery.hpp: brings results to where they were meant for: which destinations there are, who may use them, and the
// Deliverer, which sends what the store's outbox holds. Threads: all members on the thread of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/adapter.hpp"
#include "meantime/clock.hpp"
#include "meantime/random.hpp"
#include "meantime/store.hpp"
#include "meantime/telemetry.hpp"

namespace boost::asio {
class io_context;
}

namespace meantime {

/// A channel that stands for "the one the call came from".
inline constexpr std::string_view channel_of_caller = "caller";

/// The most that Destination::max_age may be: what is to be delivered is kept that long by every store.
inline constexpr Milliseconds longest_max_age{5 * 86'400'000LL};

/// What is settled about a destination, whatever platform it is of.
struct Destination {
  std::string name;
  std::string platform;                  ///< "discord", "slack", ...; shown, and matched with the caller's.
  std::string channel_id;                ///< Where to; `channel_of_caller`: as each call's caller says.
  std::vector<std::string> owners;       ///< Who may send here; empty: everybody.
  std::uint32_t max_chars = 0;           ///< Of a result's text, where the redirect does not say; 0 = 9,000.
  bool repeat_in_doubt = true;           ///< Sends a message again that may have arrived, and says so; else gives up.
  Milliseconds max_age{86'400'000};      ///< Given up after so long; at most longest_max_age.
  Milliseconds first_backoff{1'000};     ///< The most that is waited after a first failure; it doubles with each.
  std::uint32_t max_failures = 20;       ///< Given up after so many failures in a row.
  Milliseconds longest_wait{3'600'000};  ///< Of what a platform asks for; a longer one is not waited out at once.
};

/// Sends the results of some calls somewhere without being asked.
struct DefaultRedirect {
  std::string destination;
  std::string tool;      ///< Empty: all; may end with '*'.
  std::string owner;     ///< Empty: all.
  std::string platform;  ///< Where the call came from; empty: anywhere.
  RedirectOn on = RedirectOn::always;
  bool suppress_if_read = true;
};

/// Which redirects may be set, and which are set by themselves: asked by TaskManager.
class DeliveryRules {
 public:
  virtual ~DeliveryRules() = default;
  /// What `wanted` means for a task of `owner`: a known destination that is allowed, with its channel and platform.
  /// A channel in `wanted` is a trusted program's own and stays. Errors: invalid_argument, with the names that exist.
  [[nodiscard]] virtual Result<Redirect> resolve(Redirect wanted, const Caller& owner) const = 0;
  /// For a call of `tool` by `caller`; at most max_redirects.
  [[nodiscard]] virtual std::vector<Redirect> defaults(std::string_view tool, const Caller& caller) const = 0;
  /// The destinations that `owner` may name.
  [[nodiscard]] virtual std::vector<std::string> names_for(const Caller& owner) const = 0;
};

struct DelivererOptions {
  std::uint32_t at_once = 256;           ///< Deliveries in flight.
  Milliseconds hold{60'000};             ///< After so long without a step another process may take a delivery over.
  Milliseconds longest_send{600'000};    ///< An adapter that does not answer for so long is dropped: outcome unknown.
  Milliseconds look_again{10'000};       ///< Finds what a missed notice told of.
  std::uint64_t text_chars = 1'000'000;  ///< Of a result, for its messages; more is read for a file alone.
  std::uint32_t failures_to_pause = 5;   ///< Of a destination in a row, before it is left alone for a while.
  Milliseconds longest_pause{300'000};
};

/// All outlive it. Null telemetry: none is sent.
struct DelivererPorts {
  boost::asio::io_context& loop;
  Clock& clock;
  Random& random;
  Store& store;
  Telemetry* telemetry = nullptr;
};

/// Delivers to the destinations that it was given, until drained or destroyed: what is under way then stays in the
/// outbox, for a later process.
class Deliverer final : public DeliveryRules {
 public:
  explicit Deliverer(DelivererPorts ports, DelivererOptions options = {});
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;
  ~Deliverer() override;

  /// Errors: invalid_argument (a name that is taken or empty, a max_age that is too long).
  [[nodiscard]] Result<void> add(Destination destination, std::unique_ptr<Adapter> adapter);
  /// Errors: invalid_argument (an unknown destination).
  [[nodiscard]] Result<void> add_default(DefaultRedirect redirect);
  /// From now on deliveries are claimed. Once.
  void start();
  /// Claims no more, and waits for what is being sent, at most so long.
  [[nodiscard]] Task<void> drain(Milliseconds limit);

  /// Sends a message that says it is a test, outside of the outbox. Errors: invalid_argument (no such destination);
  /// whatever the platform says is the answer.
  [[nodiscard]] Task<Result<SendAnswer>> test(std::string destination, std::string channel_id);

  [[nodiscard]] std::vector<Destination> destinations() const;

  Result<Redirect> resolve(Redirect wanted, const Caller& owner) const override;
  std::vector<Redirect> defaults(std::string_view tool, const Caller& caller) const override;
  std::vector<std::string> names_for(const Caller& owner) const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meantime
