// SPDX-License-Identifier: MIT
#include "store/redis/outbox.hpp"

namespace meantime::store::redis {
namespace {
std::unexpected<Error> not_yet() {
  return fail(errc::unsupported, "outbox", "not built yet");
}
}  // namespace
Task<Result<Claimed>> RedisOutbox::claim(ClaimQuery) {
  co_return not_yet();
}
Task<Result<void>> RedisOutbox::plan(ClaimToken, std::vector<std::string>) {
  co_return not_yet();
}
Task<Result<std::vector<std::string>>> RedisOutbox::chunks(DeliveryId) {
  co_return not_yet();
}
Task<Result<void>> RedisOutbox::step(ClaimToken, DeliveryStep) {
  co_return not_yet();
}
Task<Result<Delivery>> RedisOutbox::find_delivery(DeliveryId) {
  co_return not_yet();
}
Task<Result<DeliveryList>> RedisOutbox::list_deliveries(DeliveryQuery) {
  co_return not_yet();
}
Task<Result<void>> RedisOutbox::replay(DeliveryId) {
  co_return not_yet();
}
Task<Result<std::uint32_t>> RedisOutbox::suppress_read(TaskId) {
  co_return not_yet();
}
Task<Result<void>> RedisOutbox::pause(std::string, Milliseconds, std::string) {
  co_return not_yet();
}
Task<Result<std::vector<DestinationLoad>>> RedisOutbox::destinations() {
  co_return not_yet();
}
}  // namespace meantime::store::redis
