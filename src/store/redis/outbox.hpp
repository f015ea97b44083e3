// SPDX-License-Identifier: MIT
// outbox.hpp: the deliveries at a server, each call one script or one look. Threads: as redis_store.hpp.
#pragma once

#include <map>
#include <string>

#include "meantime/outbox.hpp"
#include "store/redis/delivery_fields.hpp"

namespace meantime::store::redis {

class RedisStore;

class RedisOutbox final : public Outbox {
 public:
  explicit RedisOutbox(RedisStore& store) : store_(store) {}

  Task<Result<Claimed>> claim(ClaimQuery query) override;
  Task<Result<void>> plan(ClaimToken claim, std::vector<std::string> chunks) override;
  Task<Result<std::vector<std::string>>> chunks(DeliveryId id) override;
  Task<Result<void>> step(ClaimToken claim, DeliveryStep step) override;
  Task<Result<Delivery>> find_delivery(DeliveryId id) override;
  Task<Result<DeliveryList>> list_deliveries(DeliveryQuery query) override;
  Task<Result<void>> replay(DeliveryId id) override;
  Task<Result<std::uint32_t>> suppress_read(TaskId task) override;
  Task<Result<void>> pause(std::string destination, Milliseconds time, std::string why) override;
  Task<Result<std::vector<DestinationLoad>>> destinations() override;
  void listen(OutboxListener* listener) override;

  /// Something may be due: heard from the server.
  void tell_due();

 private:
  /// A step whose answer never came: the same again is the same call.
  struct Unsure {
    std::uint32_t claim = 0;
    std::string what;
    std::string call;
  };
  std::string call_of(const ClaimToken& claim, const std::string& what);

  /// Newest first, and where to go on when there may be more below.
  struct Slice {
    std::vector<NumberedDelivery> deliveries;
    std::optional<std::uint64_t> more_below;
  };
  Task<Result<Slice>> slice_below(std::uint64_t below);
  Task<Result<Slice>> slice_of(TaskId task, std::uint64_t below);
  Task<Result<std::vector<NumberedDelivery>>> read(std::vector<DeliveryId> ids);

  RedisStore& store_;
  OutboxListener* listener_ = nullptr;
  std::map<DeliveryId, Unsure> unsure_;
};

}  // namespace meantime::store::redis
