// SPDX-License-Identifier: MIT
#include "store/redis/link.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::size_t write_bytes = 1UL << 20U;    // made ready at once
constexpr std::size_t piece_bytes = 256UL << 10U;  // so that one sees whether the other side takes them
constexpr std::size_t in_flight = 8'192;           // commands; more would only make a lost connection dearer
constexpr std::size_t waiting_limit = 512UL << 20U;
constexpr Milliseconds first_pause{50};
constexpr Milliseconds last_pause{1'000};
// A server that was never reached in so many attempts is likely not there: who asks is told so soon. One that was there
// is waited for, since it may only start anew.
constexpr std::uint32_t failures_that_say_away = 3;
constexpr Milliseconds patience_while_away{300};
constexpr std::string_view interrupted_op = "redis.interrupted";

Error unavailable(std::string detail) {
  return Error{errc::unavailable, "redis", std::move(detail), Milliseconds(1'000)};
}

}  // namespace

struct Link::Op {
  Op(Request asked, Link& owner)
      : request(std::move(asked)),
        expected(request.get_expected_responses()),
        link(&owner),
        ready([](void* self) { static_cast<Op*>(self)->waiter.resume(); }, this),
        limit([](void* self) { static_cast<Op*>(self)->link->give_up(*static_cast<Op*>(self)); }, this) {}

  Request request;
  std::size_t expected;
  Link* link;
  Replies replies;
  std::optional<Error> error;
  std::coroutine_handle<> waiter;
  bool done = false;  ///< Answered, or given up: an answer that still comes is for nobody.
  bool once = false;  ///< Not for another connection.
  Resend resend = Resend::yes;
  Ready ready;
  Deadline limit;
};

Link::Answer::~Answer() {
  if (!op_) return;
  op_->waiter = {};
  op_->ready.unlink();
}

bool Link::Answer::await_ready() const noexcept {
  return op_->done;
}

void Link::Answer::await_suspend(std::coroutine_handle<> waiter) const noexcept {
  op_->waiter = waiter;
}

Result<Replies> Link::Answer::await_resume() const {
  if (op_->error) return std::unexpected(*op_->error);
  return std::move(op_->replies);
}

Link::Link(Loop& loop, Deadlines& deadlines, Random& random, const RedisOptions& options,
           std::shared_ptr<TlsContext> tls, LinkEvents events)
    : loop_(loop),
      deadlines_(deadlines),
      random_(random),
      options_(options),
      tls_(std::move(tls)),
      events_(std::move(events)),
      trouble_(unavailable("not connected to " + options.place() + " yet")),
      write_ready_([](void* self) { static_cast<Link*>(self)->start_write(); }, this),
      ended_ready_([](void* self) { static_cast<Link*>(self)->after_connection(); }, this),
      pause_([](void* self) { static_cast<Link*>(self)->attempt(); }, this),
      health_([](void* self) { static_cast<Link*>(self)->look_at_health(); }, this) {}

Link::~Link() {
  for (Ops* ops : {&waiting_, &sent_}) {
    for (const auto& op : *ops) {
      op->limit.disarm();
      op->ready.unlink();
    }
  }
}

void Link::open() {
  if (!connection_ && !pause_.armed() && !ended_ready_.queued()) attempt();
}

void Link::attempt() {
  ending_ = false;
  heard_ = wrote_ = deadlines_.clock().now();
  deadlines_.arm(health_, options_.command_timeout);
  connection_ = run_connection();
}

Task<void> Link::run_connection() {
  auto connected = co_await connect_stream(loop_.io(), options_, tls_);
  if (!connected) {
    end_connection(std::move(connected.error()));
    co_return;
  }
  stream_ = std::move(*connected);
  auto fine = co_await greet();
  if (!fine && tls_ && options_.tls.certificate_file.empty() && fine.error().op == "redis.connection") {
    // A server says so with an alert after the handshake, or only by hanging up.
    fine.error().detail += " (does the server ask for a client certificate? then name cert and key)";
  }
  if (fine) {
    up_ = true;
    was_up_ = true;
    failures_ = 0;
    told_.clear();
    write_soon();
    events_.on_up();
    do {
      fine = co_await read_more();
    } while (fine && !ending_);
  }
  if (!fine) end_connection(std::move(fine.error()));
}

Task<Result<void>> Link::greet() {
  const Request hello = events_.greeting();
  if (auto sent = co_await stream_->write_all(hello.payload()); !sent) co_return sent;
  Replies answers;
  for (;;) {
    while (answers.size() < hello.get_expected_responses()) {
      auto reply = reader_.next();
      if (!reply) break;
      if (reply->view().kind() == Reply::Kind::push) {
        events_.on_push(reply->view());
      } else {
        answers.push_back(std::move(*reply));
        if (answers.size() == 1 && answers.front().view().is_error()) co_return events_.greeted(answers);
      }
    }
    if (answers.size() == hello.get_expected_responses()) co_return events_.greeted(answers);
    if (reader_.failed()) break;
    const auto [into, size] = reader_.room();
    auto got = co_await stream_->read_some(into, size);
    if (!got) co_return std::unexpected(std::move(got.error()));
    reader_.commit(*got);
    heard_ = deadlines_.clock().coarse_now();
  }
  co_return fail(errc::unavailable, "redis", options_.place() + " answers with something that is no Redis protocol");
}

Task<Result<void>> Link::read_more() {
  while (auto reply = reader_.next()) {
    if (auto fine = dispatch(std::move(*reply)); !fine) co_return fine;
  }
  if (reader_.failed()) {
    co_return fail(errc::unavailable, "redis", options_.place() + " sent something that is no Redis protocol");
  }
  const auto [into, size] = reader_.room();
  auto got = co_await stream_->read_some(into, size);
  if (!got) co_return std::unexpected(std::move(got.error()));
  reader_.commit(*got);
  heard_ = deadlines_.clock().coarse_now();
  co_return Result<void>{};
}

Result<void> Link::dispatch(Reply reply) {
  const ReplyView view = reply.view();
  if (view.kind() == Reply::Kind::push) {
    events_.on_push(view);
    return {};
  }
  if (sent_.empty() || (events_.errors_end_it && view.is_error())) {
    return fail(errc::unavailable, "redis",
                view.is_error() ? options_.place() + " says: " + std::string(view.text())
                                : options_.place() + " sent an answer to nothing that was asked");
  }
  const std::shared_ptr<Op>& op = sent_.front();
  op->replies.push_back(std::move(reply));
  if (op->replies.size() < op->expected) return {};
  const std::shared_ptr<Op> answered = op;
  sent_.pop_front();
  if (!answered->done) complete(answered, std::move(answered->replies));
  if (!waiting_.empty()) write_soon();
  check_idle();
  return {};
}

void Link::complete(const std::shared_ptr<Op>& op, Result<Replies> answer) {
  op->limit.disarm();
  op->done = true;
  if (answer) {
    op->replies = std::move(*answer);
  } else {
    op->replies.clear();
    op->error = std::move(answer.error());
  }
  if (op->waiter) loop_.post(op->ready);
}

void Link::give_up(Op& op) {
  op.done = true;
  op.error = up_ ? unavailable(options_.place() + " has not answered within " +
                               std::to_string(options_.command_timeout.count()) + " ms: ask again")
                 : trouble_;
  if (op.waiter) loop_.post(op.ready);
  // Those that were never sent go; of those that were sent the answer may still come, and is counted.
  while (!waiting_.empty() && waiting_.front()->done) {
    waiting_bytes_ -= waiting_.front()->request.payload().size();
    waiting_.pop_front();
  }
  check_idle();
}

bool Link::interrupted(const Error& error) noexcept {
  return error.op == interrupted_op;
}

Link::Answer Link::ask(Request request, Resend resend) {
  auto op = std::make_shared<Op>(std::move(request), *this);
  op->resend = resend;
  const std::size_t size = op->request.payload().size();
  if (waiting_bytes_ != 0 && waiting_bytes_ + size > waiting_limit) {
    op->done = true;
    op->error = unavailable("too much is waiting for " + options_.place() + " already");
    return Answer(std::move(op));
  }
  const bool away = !was_up_ && failures_ >= failures_that_say_away;
  deadlines_.arm(op->limit, away ? std::min(patience_while_away, options_.command_timeout) : options_.command_timeout);
  waiting_bytes_ += size;
  waiting_.push_back(op);
  write_soon();
  return Answer(std::move(op));
}

void Link::tell(Request request) {
  if (!up_) return;
  auto op = std::make_shared<Op>(std::move(request), *this);
  op->once = true;
  waiting_bytes_ += op->request.payload().size();
  waiting_.push_back(std::move(op));
  write_soon();
}

void Link::write_soon() {
  if (up_ && !writing_) loop_.post(write_ready_);
}

bool Link::fill_outgoing() {
  outgoing_.clear();
  const bool silent = sent_.empty();
  while (!waiting_.empty() && outgoing_.size() < write_bytes && sent_.size() < in_flight) {
    std::shared_ptr<Op> op = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= op->request.payload().size();
    if (op->done) continue;
    outgoing_ += op->request.payload();
    if (op->expected != 0) sent_.push_back(std::move(op));
  }
  if (silent && !outgoing_.empty()) heard_ = deadlines_.clock().now();  // it had nothing to say so far
  return !outgoing_.empty();
}

void Link::start_write() {
  if (!up_ || writing_ || !fill_outgoing()) return;
  writing_ = true;
  writer_ = write_batches();
}

Task<void> Link::write_batches() {
  do {
    for (std::size_t at = 0; at < outgoing_.size(); at += piece_bytes) {
      auto written = co_await stream_->write_all(std::string_view(outgoing_).substr(at, piece_bytes));
      if (!written) {
        end_connection(std::move(written.error()));
        co_return;
      }
      wrote_ = deadlines_.clock().coarse_now();
    }
  } while (fill_outgoing());
  writing_ = false;
  check_idle();
}

void Link::check_idle() {
  if (on_idle_ && idle()) on_idle_();
}

void Link::abandon(Error why) {
  if (connection_) end_connection(std::move(why));
}

void Link::end_connection(Error why) {
  if (ending_) return;
  ending_ = true;
  trouble_ = std::move(why);
  loop_.post(ended_ready_);  // not now: the one who says so may run inside what is taken down
}

void Link::after_connection() {
  const bool was_up = up_;
  up_ = writing_ = false;
  health_.disarm();
  writer_.reset();
  connection_.reset();
  stream_.reset();
  reader_.reset();
  outgoing_.clear();
  for (; !sent_.empty(); sent_.pop_back()) {
    std::shared_ptr<Op>& op = sent_.back();
    if (op->done || op->once) continue;
    if (op->resend == Resend::no) {
      Error error = unavailable("the connection to " + options_.place() + " broke before it answered: ask again");
      error.op = interrupted_op;
      complete(op, std::unexpected(std::move(error)));
      continue;
    }
    op->replies.clear();
    waiting_bytes_ += op->request.payload().size();
    waiting_.push_front(std::move(op));
  }
  std::erase_if(waiting_, [this](const std::shared_ptr<Op>& op) {
    if (!op->once) return false;
    waiting_bytes_ -= op->request.payload().size();
    return true;
  });
  deadlines_.arm(pause_, next_pause());
  if (!was_up_ && failures_ == failures_that_say_away) {
    for (const auto& op : std::exchange(waiting_, {})) {
      if (!op->done) complete(op, std::unexpected(trouble_));
    }
    waiting_bytes_ = 0;
  }
  if (was_up || told_ != trouble_.detail) {
    told_ = trouble_.detail;
    events_.on_down(trouble_);
  }
  if (on_idle_) on_idle_();  // who waits for answers gets none now
}

Milliseconds Link::next_pause() {
  Milliseconds pause = first_pause * (1U << std::min(failures_++, 6U));
  pause = std::min(pause, last_pause);
  std::uint8_t noise = 0;
  random_.fill(std::as_writable_bytes(std::span(&noise, 1)));
  return pause / 2 + pause * noise / 512;  // many clients of one server that is back do not come in one wave
}

// A peer that vanished without a word is found by its silence.
void Link::look_at_health() {
  const SteadyTime now = deadlines_.clock().now();
  // Its answers may have to wait for the rest of what is being written: then it must take that.
  const bool takes_bytes = writing_ && now - wrote_ < options_.command_timeout;
  const bool owes_answers = !up_ || writing_ || !sent_.empty();
  if (owes_answers && !takes_bytes && now - heard_ >= options_.command_timeout) {
    end_connection(unavailable(options_.place() +
                               (up_ ? " has not answered within " : " could not be reached within ") +
                               std::to_string(options_.command_timeout.count()) + " ms" +
                               (!up_ && tls_ && !stream_ ? " (does that port speak TLS?)" : "")));
    return;
  }
  if (up_ && sent_.empty() && !writing_) {
    Request ping;
    ping.push("PING");
    tell(std::move(ping));
    heard_ = now;  // from here on its silence counts
  }
  deadlines_.arm(health_, options_.command_timeout);
}

}  // namespace meantime::store::redis
