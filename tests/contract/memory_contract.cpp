// SPDX-License-Identifier: MIT
// memory_contract.cpp: the contract on the memory store.
#include "contract/outbox_contract.hpp"
#include "meantime/memory_store.hpp"

namespace meantime::test {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  MemoryUnderTest(boost::asio::io_context& loop, ManualClock& clock)
      : loop_(loop), clock_(clock), backend_(make_memory_backend(clock, {.max_finished = 10'000})) {}
  std::unique_ptr<Store> join() override { return make_memory_store(loop_, backend_); }
  void let_lease_pass() override { clock_.advance(Milliseconds(12'001)); }
  void let_pass(Milliseconds time) override { clock_.advance(time); }

 private:
  boost::asio::io_context& loop_;
  ManualClock& clock_;
  std::shared_ptr<MemoryBackend> backend_;
};

StoreKind memory() {
  return {"Memory", [](boost::asio::io_context& loop, ManualClock& clock) -> std::unique_ptr<StoreUnderTest> {
            return std::make_unique<MemoryUnderTest>(loop, clock);
          }};
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, ::testing::Values(memory()), name_of_kind);
INSTANTIATE_TEST_SUITE_P(Memory, OutboxContract, ::testing::Values(memory()), name_of_kind);

}  // namespace
}  // namespace meantime::test
