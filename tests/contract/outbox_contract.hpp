// SPDX-License-Identifier: MIT
// outbox_contract.hpp: what every store's outbox must do; put a store under it as under store_contract.hpp.
#pragma once

#include "contract/store_contract.hpp"

namespace meantime::test {

inline Redirect to(std::string destination, std::string channel = "general", RedirectOn on = RedirectOn::always) {
  return {.destination = std::move(destination), .channel_id = std::move(channel), .platform = "discord", .on = on};
}

class DueHeard final : public OutboxListener {
 public:
  int due = 0;
  void on_due() override { ++due; }
};

class OutboxContract : public StoreContract {
 protected:
  void let_pass(std::int64_t millis) { state_->let_pass(Milliseconds(millis)); }
  ClaimQuery query(std::vector<std::string> destinations = {"chat", "mail"}) {
    return {.destinations = std::move(destinations), .hold = Milliseconds(5'000)};
  }
  std::vector<Delivery> claim(Store& store, ClaimQuery query) {
    auto claimed = wait(store.outbox().claim(std::move(query)));
    EXPECT_TRUE(claimed) << claimed.error().detail;
    return claimed ? claimed->deliveries : std::vector<Delivery>();
  }
  std::vector<Delivery> claim(Store& store) { return claim(store, query()); }
  Delivery claim_one(Store& store) {
    auto got = claim(store);
    EXPECT_EQ(got.size(), 1U);
    return got.empty() ? Delivery{} : got.front();
  }
  Delivery at(Store& store, const DeliveryId& id) {
    auto found = wait(store.outbox().find_delivery(id));
    EXPECT_TRUE(found) << found.error().detail;
    return found ? *found : Delivery{};
  }
  static ClaimToken token(const Delivery& delivery) { return {delivery.id, delivery.claim}; }
  void must_step(Store& store, const Delivery& delivery, DeliveryStep step) {
    const auto done = wait(store.outbox().step(token(delivery), std::move(step)));
    ASSERT_TRUE(done) << done.error().detail;
  }
  void must_plan(Store& store, const Delivery& delivery, std::vector<std::string> chunks) {
    const auto done = wait(store.outbox().plan(token(delivery), std::move(chunks)));
    ASSERT_TRUE(done) << done.error().detail;
  }
  // A task that ended with these redirects.
  TaskId ended(std::vector<Redirect> redirects, bool well = true) {
    const TaskId id = start(*a_);
    for (Redirect& each : redirects) EXPECT_TRUE(wait(a_->add_redirect(id, std::move(each))));
    EXPECT_TRUE(finish(*a_, id, well ? done("result") : failed("Bad: weather")));
    return id;
  }
  void deliver(Store& store, const Delivery& delivery, std::uint32_t chunks = 1) {
    must_plan(store, delivery, std::vector<std::string>(chunks, "text"));
    for (std::uint32_t sent = 1; sent <= chunks; ++sent) {
      must_step(store, delivery,
                {.state = sent == chunks ? DeliveryState::delivered : DeliveryState::sending,
                 .sent = sent,
                 .remote_id = "m" + std::to_string(sent),
                 .attempts = 1,
                 .hold = Milliseconds(5'000)});
    }
  }
};

}  // namespace meantime::test
