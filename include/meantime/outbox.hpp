// SPDX-License-Identifier: MIT
// outbox.hpp: the port behind which deliveries are kept: for each redirect of a task that ended, one record of what was
// sent and what is still to be. Part of every store, so that a task's end and its deliveries are one step.
// Threads: as store.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/coroutine.hpp"
#include "meantime/error.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// Which delivery: a task, and the place of the redirect among that task's redirects, from 1 on.
struct DeliveryId {
  TaskId task_id;
  std::uint32_t place = 1;

  /// `<task id>-<place>`.
  [[nodiscard]] std::string text() const;
  /// Errors: invalid_argument, with what one looks like.
  [[nodiscard]] static Result<DeliveryId> parse(std::string_view text);

  friend auto operator<=>(const DeliveryId&, const DeliveryId&) = default;
};

enum class DeliveryState : std::uint8_t {
  waiting,     ///< For its time, its destination, or the delivery before it in the same channel.
  sending,     ///< A process holds it.
  delivered,   ///< All of it arrived.
  suppressed,  ///< Not sent: somebody had read the result, and the redirect said that this is enough.
  partial,     ///< Given up after some of its messages arrived; may be replayed from there.
  dead,        ///< Given up before any arrived; may be replayed.
};
[[nodiscard]] std::string_view name_of(DeliveryState state) noexcept;
[[nodiscard]] std::optional<DeliveryState> parse_delivery_state(std::string_view text) noexcept;
/// Whether something is still to happen by itself.
[[nodiscard]] constexpr bool is_open(DeliveryState state) noexcept {
  return state == DeliveryState::waiting || state == DeliveryState::sending;
}

/// One delivery as the store knows it.
struct Delivery {
  DeliveryId id;
  std::string owner;
  std::string tool_name;
  Redirect redirect;
  DeliveryState state = DeliveryState::waiting;
  WallTime created_at{};  ///< When it came into being, or was replayed last.
  WallTime due_at{};      ///< Waiting: when it may be sent. Sending: when others may take it over.
  std::optional<WallTime> ended_at;
  std::string worker;          ///< Who holds it, or held it last.
  std::uint32_t claim = 0;     ///< Grows with each claim: the fencing number.
  std::uint32_t round = 1;     ///< Grows when it is replayed from the beginning: what was sent before was another one.
  std::uint32_t attempts = 0;  ///< Messages given to the platform, in all.
  std::uint32_t failures = 0;  ///< In a row, since something last arrived.
  std::uint32_t chunks = 0;    ///< How many messages it has; 0: not planned yet.
  std::uint32_t sent = 0;      ///< How many arrived.
  std::uint32_t repeated = 0;  ///< Messages that were sent again and may stand there twice.
  /// Message `sent` + 1 may have arrived: no answer came, or who held it died. It was sent after `stepped_at`.
  bool in_doubt = false;
  std::optional<WallTime> stepped_at;   ///< The last plan() or step().
  std::vector<std::string> remote_ids;  ///< What the platform calls the messages that arrived; may be empty texts.
  std::string error;                    ///< Why the last attempt failed: `<class>: <what to do>`.
};

/// Which claim of a delivery is speaking.
struct ClaimToken {
  DeliveryId id;
  std::uint32_t claim = 0;
};

struct ClaimQuery {
  /// Those that this process can deliver to.
  std::vector<std::string> destinations;
  std::uint32_t limit = 64;
  /// At most so many of one destination at a time, in this call.
  std::uint32_t of_one_destination = 16;
  /// After so long without a step others may take a delivery over.
  Milliseconds hold{60'000};
};

struct Claimed {
  std::vector<Delivery> deliveries;  ///< Longest due first; held by this worker now.
  /// How long until the next one of these destinations is due; absent: none waits for a time.
  std::optional<Milliseconds> next_in;
};

/// What became of one attempt, or of the whole.
struct DeliveryStep {
  /// sending: goes on, and is held for `hold` again. waiting: let go of, due again in `again_in`. Else: it is over.
  DeliveryState state = DeliveryState::sending;
  std::uint32_t sent = 0;                ///< How many arrived so far; not fewer than before.
  std::optional<std::string> remote_id;  ///< Of message `sent`, when it has just arrived.
  std::uint32_t attempts = 0;            ///< How many more messages were given to the platform.
  std::uint32_t repeated = 0;            ///< How many of them may stand there twice.
  bool failed = false;                   ///< One more failure in a row; the row is over when `sent` grows.
  bool in_doubt = false;                 ///< Message `sent` + 1 may have arrived: no answer came.
  Milliseconds again_in{0};
  Milliseconds hold{60'000};
  std::string error;  ///< Empty: as it was.
};

struct DeliveryQuery {
  std::optional<TaskId> task_id;
  std::optional<std::string> owner;
  std::string destination;            ///< Empty: any.
  std::vector<DeliveryState> states;  ///< Empty: any.
  std::uint32_t limit = 100;          ///< 1 to 1,000.
  std::string cursor;                 ///< From a page before.
};

struct DeliveryList {
  std::vector<Delivery> deliveries;  ///< Newest first.
  std::string next_cursor;           ///< Empty: that was all.
};

/// A destination as the outbox knows it.
struct DestinationLoad {
  std::string name;
  std::optional<WallTime> paused_until;
  std::string why;  ///< It is paused.
  std::uint64_t waiting = 0;
  std::uint64_t sending = 0;
  std::uint64_t failed = 0;  ///< partial or dead.
};

/// Told of what there is to deliver. Called on the loop, never from inside a call to the store.
class OutboxListener {
 public:
  virtual ~OutboxListener() = default;
  /// Something may be due now: claim().
  virtual void on_due() = 0;
};

/// The deliveries of a store. A delivery comes into being in the same step as its task's end, or as add_redirect() of a
/// task that has ended, for each redirect that is for such an end; it goes with its task, which stays while one is
/// open. Of one destination and channel one delivery is held at a time, and one that is half sent, or whose first
/// message of several may have arrived, keeps the others waiting, so that messages of two never mix. Cancel: as Store.
class Outbox {
 public:
  virtual ~Outbox() = default;

  /// Takes due deliveries of these destinations that nobody holds and whose destination is not paused.
  /// Errors: unavailable.
  [[nodiscard]] virtual Task<Result<Claimed>> claim(ClaimQuery query) = 0;

  /// Keeps the messages of a delivery as its adapter made them, before the first is sent: who takes it over sends the
  /// same. Errors: already_final (it is not this claim's any more), not_found, unavailable.
  [[nodiscard]] virtual Task<Result<void>> plan(ClaimToken claim, std::vector<std::string> chunks) = 0;

  /// The messages of a planned delivery that is not over; none when it is not planned. Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<std::vector<std::string>>> chunks(DeliveryId id) = 0;

  /// Says what became of an attempt; answers when durable. Errors: as plan().
  [[nodiscard]] virtual Task<Result<void>> step(ClaimToken claim, DeliveryStep step) = 0;

  /// Errors: not_found, unavailable.
  [[nodiscard]] virtual Task<Result<Delivery>> find_delivery(DeliveryId id) = 0;
  /// Errors: invalid_argument (limit, cursor), unavailable.
  [[nodiscard]] virtual Task<Result<DeliveryList>> list_deliveries(DeliveryQuery query) = 0;

  /// Sends one that is over again: what did not arrive of a partial one, all of the others, as a new round.
  /// Errors: not_found, invalid_argument (it is still open), unavailable.
  [[nodiscard]] virtual Task<Result<void>> replay(DeliveryId id) = 0;

  /// The owner has read the result: what waits with `suppress_if_read`, and was never begun, is not sent any more.
  /// Answers how many. Errors: unavailable.
  [[nodiscard]] virtual Task<Result<std::uint32_t>> suppress_read(TaskId task) = 0;

  /// Nothing of this destination is claimed for so long, by any process; 0: go on. Errors: unavailable.
  [[nodiscard]] virtual Task<Result<void>> pause(std::string destination, Milliseconds time, std::string why) = 0;

  /// Those that are paused or have deliveries, by name. Errors: unavailable.
  [[nodiscard]] virtual Task<Result<std::vector<DestinationLoad>>> destinations() = 0;

  /// One listener for each store object; null takes it away.
  virtual void listen(OutboxListener* listener) = 0;
};

}  // namespace meantime
