// SPDX-License-Identifier: MIT
// outbox.hpp: the deliveries at a server, each call one script or one look. Threads: as redis_store.hpp.
#pragma once

#include "meantime/outbox.hpp"

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
  void listen(OutboxListener* listener) override { listener_ = listener; }

 private:
  RedisStore& store_;
  OutboxListener* listener_ = nullptr;
};

}  // namespace meantime::store::redis
