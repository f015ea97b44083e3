// SPDX-License-Identifier: MIT
// adapter.hpp: the port behind which a chat platform, a webhook or a mail server stands. One class for each, chosen by
// name in the configuration; a program adds its own with Deliverer::add (examples/own_adapter.cpp).
// Threads: the loop's. What blocks goes elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/outbox.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// What there is to tell.
struct Message {
  TaskRecord record;
  std::string text;       ///< The result, or what the tool gave beside its error; its beginning and end if it is long.
  bool text_cut = false;  ///< The middle of the result is not in `text`.
  Redirect redirect;
  DeliveryId id;
};

/// One message of a delivery on its way.
struct Outgoing {
  std::string_view chunk;    ///< As plan() made it. Valid until send() ends.
  std::uint32_t number = 1;  ///< From 1 on...
  std::uint32_t of = 1;      ///< ...of so many.
  std::string key;           ///< 32 characters 0-9a-z, the same each time this message is sent.
  Redirect redirect;
  bool maybe_repeated = false;  ///< It may have arrived before, and this platform would not notice.
  /// The whole result, for a file; asks the store.
  std::function<Task<Result<std::string>>()> whole_text;
  TaskId task_id;  ///< Whose result it is.
};

/// What the platform said.
enum class SendVerdict : std::uint8_t {
  arrived,
  retry_now,      ///< Nothing of it left this machine, as when a kept connection was closed.
  retry_after,    ///< The platform named a time.
  retry_backoff,  ///< It is troubled: later, with growing pauses.
  auth,           ///< Our credentials do not count: the whole destination stops.
  target_gone,    ///< This channel cannot be written to: this delivery ends.
  payload,        ///< It does not take this message: this delivery ends.
  unknown,        ///< It was sent, and no answer came: it may have arrived.
};
[[nodiscard]] std::string_view name_of(SendVerdict verdict) noexcept;

struct SendAnswer {
  SendVerdict verdict = SendVerdict::arrived;
  std::string remote_id;           ///< When it arrived and the platform names it.
  Milliseconds after{0};           ///< With retry_after.
  bool whole_destination = false;  ///< With retry_after: the limit is not of this channel alone.
  std::string detail;              ///< What went wrong and the remedy. Never holds a secret.
};

/// Whether the platform notices a message that it is sent twice (by Outgoing::key).
enum class Repeats : std::uint8_t {
  noticed,       ///< Always.
  noticed_soon,  ///< For a while (`AdapterTraits::notices_for`).
  not_noticed,
};

struct AdapterTraits {
  Repeats repeats = Repeats::not_noticed;
  Milliseconds notices_for{0};
  std::uint32_t channels_at_once = 4;  ///< Of one destination.
  Milliseconds between_messages{0};    ///< In one channel; one burst of `burst` may go without.
  std::uint32_t burst = 1;
};

/// One configured destination.
class Adapter {
 public:
  virtual ~Adapter() = default;
  [[nodiscard]] virtual AdapterTraits traits() const noexcept = 0;

  /// Whether this redirect's channel can be written to at all. Errors: invalid_argument, with what one looks like.
  [[nodiscard]] virtual Result<void> check(const Redirect& redirect) const = 0;

  /// Makes the messages, in order; at least one. Each is a text of the adapter's own, kept in the store until it
  /// arrived and given back to send(), perhaps in another process. No I/O. Errors: invalid_argument (it cannot be told
  /// there).
  [[nodiscard]] virtual Result<std::vector<std::string>> plan(const Message& message) const = 0;

  /// Sends one message, once. Cancel: dropping the Task ends the exchange; the message may have arrived.
  [[nodiscard]] virtual Task<SendAnswer> send(Outgoing message) = 0;
};

}  // namespace meantime
