// SPDX-License-Identifier: MIT
// sqlite_contract.cpp: the contract on the SQLite store.
#include "contract/outbox_contract.hpp"
#include "meantime/sqlite_store.hpp"
#include "support/temp_folder.hpp"

namespace meantime::test {
namespace {

class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest(boost::asio::io_context& loop, ManualClock& clock) : loop_(loop), clock_(clock) {}
  std::unique_ptr<Store> join() override {
    auto store = open_sqlite_store(loop_, clock_, random_, {.file = folder_.path() / "state" / "tasks.db"});
    if (!store) throw std::runtime_error(store.error().detail);
    return std::move(*store);
  }
  void let_lease_pass() override { clock_.advance(Milliseconds(12'001)); }
  void let_pass(Milliseconds time) override { clock_.advance(time); }

 private:
  boost::asio::io_context& loop_;
  ManualClock& clock_;
  SystemRandom random_;
  TempFolder folder_;
};

StoreKind sqlite() {
  return {"Sqlite", [](boost::asio::io_context& loop, ManualClock& clock) -> std::unique_ptr<StoreUnderTest> {
            return std::make_unique<SqliteUnderTest>(loop, clock);
          }};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(sqlite()), name_of_kind);
INSTANTIATE_TEST_SUITE_P(Sqlite, OutboxContract, ::testing::Values(sqlite()), name_of_kind);

}  // namespace
}  // namespace meantime::test
