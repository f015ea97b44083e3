// SPDX-License-Identifier: MIT
#include "store/sqlite/outbox.hpp"

#include "store/messages.hpp"

namespace meantime::store {

template <class T, class Step>
Task<Result<T>> SqliteOutbox::read(Step step) {
  auto job = std::make_shared<Call<Job<Queries>, T, Step>>(std::move(step));
  co_return co_await answer_of(completions_, *reader_, std::move(job));
}

template <class T, class Step>
Task<Result<T>> SqliteOutbox::write(const char* op, Step step) {
  if (!writer_) co_return read_only(op);
  auto job = std::make_shared<Call<WriteJob, T, Step>>(std::move(step));
  co_return co_await answer_of(completions_, *writer_, std::move(job));
}

Task<Result<Claimed>> SqliteOutbox::claim(ClaimQuery query) {
  auto step = [query = std::move(query), now = clock_.wall_now()](Rows& rows) -> Result<Claimed> {
    return rows.deliveries().claim(query, now);
  };
  return write<Claimed>("outbox.claim", std::move(step));
}

Task<Result<void>> SqliteOutbox::plan(ClaimToken claim, std::vector<std::string> chunks) {
  auto step = [claim, chunks = std::move(chunks), now = clock_.wall_now()](Rows& rows) {
    return rows.deliveries().plan(claim, chunks, now);
  };
  return write<void>("outbox.plan", std::move(step));
}

Task<Result<std::vector<std::string>>> SqliteOutbox::chunks(DeliveryId id) {
  return read<std::vector<std::string>>([id](Queries& queries) { return queries.chunks(id); });
}

Task<Result<void>> SqliteOutbox::step(ClaimToken claim, DeliveryStep step) {
  auto work = [claim, step = std::move(step), now = clock_.wall_now()](Rows& rows) {
    auto done = rows.deliveries().step(claim, step, now);
    // Another process may have waited for this channel.
    if (done && step.state != DeliveryState::sending) rows.notices().due = true;
    return done;
  };
  return write<void>("outbox.step", std::move(work));
}

Task<Result<Delivery>> SqliteOutbox::find_delivery(DeliveryId id) {
  return read<Delivery>([id](Queries& queries) { return queries.find_delivery(id); });
}

Task<Result<DeliveryList>> SqliteOutbox::list_deliveries(DeliveryQuery query) {
  auto step = [query = std::move(query)](Queries& queries) { return queries.list_deliveries(query); };
  return read<DeliveryList>(std::move(step));
}

Task<Result<void>> SqliteOutbox::replay(DeliveryId id) {
  auto step = [id, now = clock_.wall_now()](Rows& rows) {
    auto done = rows.deliveries().replay(id, now);
    if (done) rows.notices().due = true;
    return done;
  };
  return write<void>("outbox.replay", std::move(step));
}

Task<Result<std::uint32_t>> SqliteOutbox::suppress_read(TaskId task) {
  auto step = [task, now = clock_.wall_now()](Rows& rows) -> Result<std::uint32_t> {
    return rows.deliveries().suppress_read(task, now);
  };
  return write<std::uint32_t>("outbox.suppress_read", std::move(step));
}

Task<Result<void>> SqliteOutbox::pause(std::string destination, Milliseconds time, std::string why) {
  auto step = [destination = std::move(destination), time, why = std::move(why),
               now = clock_.wall_now()](Rows& rows) -> Result<void> {
    rows.deliveries().pause(destination, now, time, why);
    if (time <= Milliseconds(0)) rows.notices().due = true;
    return {};
  };
  return write<void>("outbox.pause", std::move(step));
}

Task<Result<std::vector<DestinationLoad>>> SqliteOutbox::destinations() {
  auto step = [now = clock_.wall_now()](Queries& queries) { return queries.destinations(now); };
  return read<std::vector<DestinationLoad>>(std::move(step));
}

void SqliteOutbox::listen(OutboxListener* listener) {
  lookout_.listen(listener);
  // Without a socket for notices its own looks find what is due.
  if (listener != nullptr) std::ignore = join_();
}

}  // namespace meantime::store
