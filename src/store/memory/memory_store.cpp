// SPDX-License-Identifier: MIT
// memory_store.cpp: one worker over a MemoryBackend. Every call is done when it returns.
#include "meantime/memory_store.hpp"

#include "store/memory/backend.hpp"

namespace meantime {
namespace {

class MemoryOutbox final : public Outbox {
 public:
  MemoryOutbox(std::shared_ptr<MemoryBackend> backend, MemoryBackend::WorkerPtr worker)
      : backend_(std::move(backend)), worker_(std::move(worker)) {}

  Task<Result<Claimed>> claim(ClaimQuery query) override { co_return all().claim(query, worker_->name); }
  Task<Result<void>> plan(ClaimToken claim, std::vector<std::string> chunks) override {
    co_return all().plan(claim, worker_->name, std::move(chunks));
  }
  Task<Result<std::vector<std::string>>> chunks(DeliveryId id) override { co_return all().chunks(id); }
  Task<Result<void>> step(ClaimToken claim, DeliveryStep step) override {
    auto done = all().step(claim, worker_->name, step);
    // Another process may have waited for this channel.
    if (done && step.state != DeliveryState::sending) backend_->tell_due();
    co_return done;
  }
  Task<Result<Delivery>> find_delivery(DeliveryId id) override { co_return all().find(id); }
  Task<Result<DeliveryList>> list_deliveries(DeliveryQuery query) override { co_return all().list(query); }
  Task<Result<void>> replay(DeliveryId id) override {
    auto done = all().replay(id);
    if (done) backend_->tell_due();
    co_return done;
  }
  Task<Result<std::uint32_t>> suppress_read(TaskId task) override { co_return all().suppress_read(task); }
  Task<Result<void>> pause(std::string destination, Milliseconds time, std::string why) override {
    all().pause(destination, time, std::move(why));
    if (time <= Milliseconds(0)) backend_->tell_due();
    co_return Result<void>{};
  }
  Task<Result<std::vector<DestinationLoad>>> destinations() override { co_return all().destinations(); }
  void listen(OutboxListener* listener) override {
    worker_->outbox_listener = listener;
    if (listener != nullptr) backend_->tell_due();
  }

 private:
  store::MemoryDeliveries& all() { return backend_->deliveries(); }

  std::shared_ptr<MemoryBackend> backend_;
  MemoryBackend::WorkerPtr worker_;
};

class MemoryStore final : public Store {
 public:
  MemoryStore(boost::asio::io_context& loop, std::shared_ptr<MemoryBackend> backend)
      : backend_(std::move(backend)), worker_(backend_->join(loop)), outbox_(backend_, worker_) {}
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;
  ~MemoryStore() override { backend_->leave(*worker_); }

  Task<Result<StartVerdict>> start(const TaskStart& start) override { co_return backend_->start(*worker_, start); }
  Task<Result<FinishVerdict>> finish(RunToken run, TaskEnd end) override {
    co_return backend_->finish(*worker_, run, std::move(end));
  }
  Task<Result<TaskRecord>> find(TaskId task) override { co_return backend_->find(task); }
  Task<Result<TextPage>> read_result(TaskId task, std::uint64_t offset_chars, std::uint64_t limit_chars) override {
    co_return backend_->read_result(task, offset_chars, limit_chars);
  }
  Task<Result<TaskList>> list(ListQuery query) override { co_return backend_->list(query); }
  Task<Result<void>> set_progress(RunToken run, Progress progress) override {
    co_return backend_->set_progress(*worker_, run, std::move(progress));
  }
  Task<Result<void>> append_output(RunToken run, std::string bytes) override {
    co_return backend_->append_output(*worker_, run, bytes);
  }
  Task<Result<std::string>> read_output(TaskId task, std::uint64_t offset_bytes, std::uint64_t limit_bytes) override {
    co_return backend_->read_output(task, offset_bytes, limit_bytes);
  }
  Task<Result<void>> request_cancel(TaskId task) override { co_return backend_->request_cancel(*worker_, task); }
  Task<Result<void>> add_redirect(TaskId task, Redirect redirect) override {
    co_return backend_->add_redirect(*worker_, task, std::move(redirect));
  }
  Task<Result<void>> ask_input(RunToken run, std::vector<InputRequest> requests) override {
    co_return backend_->ask_input(*worker_, run, std::move(requests));
  }
  Task<Result<std::uint32_t>> answer_input(TaskId task, std::vector<InputResponse> responses) override {
    co_return backend_->answer_input(*worker_, task, std::move(responses));
  }
  Task<Result<std::vector<InputResponse>>> input_responses(TaskId task) override {
    co_return backend_->input_responses(task);
  }
  Task<Result<std::vector<TaskId>>> cancel_requests() override {
    co_return std::vector<TaskId>(worker_->cancels.begin(), worker_->cancels.end());
  }
  Outbox& outbox() noexcept override { return outbox_; }
  Task<Result<void>> heartbeat() override {
    backend_->heartbeat(*worker_);
    co_return Result<void>{};
  }
  Milliseconds lease() const noexcept override { return MemoryBackend::lease; }
  Task<Result<LostReport>> reap_lost(ReclaimPolicy policy) override { co_return backend_->reap_lost(*worker_, policy); }
  Task<Result<std::uint64_t>> forget_ended(WallTime ended_before) override {
    co_return backend_->forget_ended(ended_before);
  }
  void listen(StoreListener* listener) override { worker_->listener = listener; }
  void watch(const TaskId& task) override { ++worker_->watches[task].count; }
  void unwatch(const TaskId& task) override {
    const auto found = worker_->watches.find(task);
    if (found != worker_->watches.end() && --found->second.count == 0) worker_->watches.erase(found);
  }
  Task<void> close() override {
    backend_->leave(*worker_);
    co_return;
  }
  std::string_view worker() const noexcept override { return worker_->name; }

 private:
  std::shared_ptr<MemoryBackend> backend_;
  MemoryBackend::WorkerPtr worker_;
  MemoryOutbox outbox_;
};

}  // namespace

std::shared_ptr<MemoryBackend> make_memory_backend(Clock& clock, MemoryRetention retention) {
  return std::make_shared<MemoryBackend>(clock, retention);
}

std::unique_ptr<Store> make_memory_store(boost::asio::io_context& loop, std::shared_ptr<MemoryBackend> backend) {
  return std::make_unique<MemoryStore>(loop, std::move(backend));
}

std::unique_ptr<Store> make_memory_store(boost::asio::io_context& loop, Clock& clock, MemoryRetention retention) {
  return make_memory_store(loop, make_memory_backend(clock, retention));
}

}  // namespace meantime
