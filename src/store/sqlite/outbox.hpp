// SPDX-License-Identifier: MIT
// outbox.hpp: the outbox's calls, each handed to the thread that reads or the thread that writes. Threads: the loop's.
#pragma once

#include <functional>
#include <memory>

#include "meantime/clock.hpp"
#include "store/sqlite/lookout.hpp"
#include "store/sqlite/reader.hpp"
#include "store/sqlite/writer.hpp"

namespace meantime::store {

class SqliteOutbox final : public Outbox {
 public:
  /// Part of its store: all of these are the store's own. `join`: so that others can tell this worker.
  SqliteOutbox(Clock& clock, Completions& completions, const std::unique_ptr<Reader>& reader,
               const std::unique_ptr<Writer>& writer, Lookout& lookout, std::function<Result<void>()> join)
      : clock_(clock),
        completions_(completions),
        reader_(reader),
        writer_(writer),
        lookout_(lookout),
        join_(std::move(join)) {}

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

 private:
  template <class T, class Step>
  Task<Result<T>> read(Step step);
  template <class T, class Step>
  Task<Result<T>> write(const char* op, Step step);

  Clock& clock_;
  Completions& completions_;
  const std::unique_ptr<Reader>& reader_;
  const std::unique_ptr<Writer>& writer_;
  Lookout& lookout_;
  std::function<Result<void>()> join_;
};

}  // namespace meantime::store
