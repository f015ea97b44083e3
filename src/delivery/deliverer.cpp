// SPDX-License-Identifier: MIT
// deliverer.cpp: claims what is due, and sends each delivery's messages in order, step by step. What follows from an
// answer: retry.cpp; who may send where: destinations.cpp.
#include <array>
#include <cstring>
#include <map>

#include "core/utf8.hpp"
#include "delivery/destinations.hpp"
#include "delivery/lane_pace.hpp"
#include "delivery/retry.hpp"
#include "engine/deadlines.hpp"
#include "engine/pause.hpp"
#include "engine/wake.hpp"
#include "mcp/tool_content.hpp"
#include "meantime/delivery.hpp"
#include "meantime/random.hpp"

namespace meantime {

using namespace delivery;

class Deliverer::Impl final : public OutboxListener {
 public:
  Impl(DelivererPorts ports, DelivererOptions options)
      : ports_(ports),
        options_(options),
        outbox_(ports.store.outbox()),
        deadlines_(ports.clock),
        wake_(ports.loop),
        idle_(ports.loop),
        next_look_([](void* self) { static_cast<Impl*>(self)->wake_.notify(); }, this) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override {
    if (started_) outbox_.listen(nullptr);
  }

  void start() {
    if (std::exchange(started_, true)) return;
    outbox_.listen(this);
    loop_ = claim_for_ever();
  }

  Task<void> drain(Milliseconds limit) {
    draining_ = true;
    wake_.notify();
    Deadline too_long([](void* self) { static_cast<Impl*>(self)->give_up_draining(); }, this);
    deadlines_.arm(too_long, limit);
    while (in_flight_ > 0 && !drained_too_long_) co_await idle_.wait();
  }

  void on_due() override { wake_.notify(); }

  Result<void> add(Destination settings, std::unique_ptr<Adapter> adapter) {
    auto added = destinations_.add(std::move(settings));
    if (!added) return std::unexpected(std::move(added.error()));
    Place& place = places_[(*added)->name];
    place.settings = *added;
    place.traits = adapter->traits();
    place.adapter = std::move(adapter);
    wake_.notify();
    return {};
  }

  Task<Result<SendAnswer>> test(std::string name, std::string channel_id) {
    auto wanted = destinations_.resolve({.destination = std::move(name), .channel_id = std::move(channel_id)}, {});
    if (!wanted) co_return std::unexpected(std::move(wanted.error()));
    Place& place = places_.at(wanted->destination);
    const WallTime now = ports_.clock.wall_now();
    Message message;
    message.record = {.task_id = TaskIdSource(ports_.random).make(now),
                      .tool_name = "meantime",
                      .status = TaskStatus::completed,
                      .reason = EndReason::finished,
                      .created_at = now,
                      .ended_at = now};
    message.text = "This is a test: results can be delivered here.";
    message.redirect = *wanted;
    message.id = {message.record.task_id, 1};
    auto chunks = plan(*place.adapter, message);
    if (!chunks) co_return std::unexpected(std::move(chunks.error()));
    const Delivery delivery{.id = message.id, .redirect = *wanted};
    SendAnswer answer;
    for (std::uint32_t number = 1; number <= chunks->size(); ++number) {
      Outgoing out{.chunk = (*chunks)[number - 1],
                   .number = number,
                   .of = static_cast<std::uint32_t>(chunks->size()),
                   .key = message_key(delivery, number),
                   .redirect = *wanted,
                   .whole_text = {},
                   .task_id = message.id.task_id};
      Sending sending(ports_.loop);
      const Task<void> work = send_into(*place.adapter, std::move(out), sending);
      if (!sending.answer) co_await sending.wake.wait();
      answer = std::move(*sending.answer);
      if (answer.verdict != SendVerdict::arrived) break;
    }
    co_return answer;
  }

  Destinations& rules() { return destinations_; }

 private:
  struct Sending {
    explicit Sending(boost::asio::io_context& loop) : wake(loop) {}
    Wake wake;
    std::optional<SendAnswer> answer;
  };

  /// One destination of this process.
  struct Place {
    const Destination* settings = nullptr;
    std::unique_ptr<Adapter> adapter;
    AdapterTraits traits;
    std::uint32_t in_flight = 0;
    std::uint32_t troubles = 0;  // in a row; from failures_to_pause on it is tried with one delivery at a time
    std::map<std::string, LanePace> paces;  // of its channels
  };

  Task<void> claim_for_ever() {
    while (!draining_) {
      Milliseconds next = options_.look_again;
      if (auto claimed_next = co_await claim_some()) next = std::min(next, *claimed_next);
      if (draining_) break;
      deadlines_.arm(next_look_, next);
      co_await wake_.wait();
      next_look_.disarm();
    }
  }

  // When to look again by the clock, if anything waits for that.
  Task<std::optional<Milliseconds>> claim_some() {
    ClaimQuery query{.limit = options_.at_once - std::min(in_flight_, options_.at_once), .hold = options_.hold};
    std::vector<std::string> doubtful;
    query.of_one_destination = UINT32_MAX;
    for (const auto& [name, place] : places_) {
      if (place.troubles >= options_.failures_to_pause) {
        if (place.in_flight == 0) doubtful.push_back(name);
      } else if (place.in_flight < place.traits.channels_at_once) {
        query.destinations.push_back(name);
        query.of_one_destination = std::min(query.of_one_destination, place.traits.channels_at_once);
      }
    }
    std::optional<Milliseconds> next;
    const auto merge = [&next](const Claimed& claimed) {
      if (claimed.next_in) next = std::min(next.value_or(*claimed.next_in), *claimed.next_in);
    };
    if (query.limit > 0 && !query.destinations.empty()) {
      auto claimed = co_await claim(std::move(query));
      if (!claimed) co_return after_store_fault;
      merge(*claimed);
    }
    // One that failed again and again is asked with a single delivery whether it is well.
    for (std::string& name : doubtful) {
      auto claimed = co_await claim(
          {.destinations = {std::move(name)}, .limit = 1, .of_one_destination = 1, .hold = options_.hold});
      if (!claimed) co_return after_store_fault;
      if (claimed->deliveries.empty()) merge(*claimed);
    }
    // What is due but has no room here goes on when something ends, which wakes this.
    if (next && *next <= Milliseconds(0) && in_flight_ > 0) next.reset();
    co_return next;
  }

  Task<Result<Claimed>> claim(ClaimQuery query) {
    auto claimed = co_await outbox_.claim(std::move(query));
    if (!claimed) {
      fault("outbox.claim", claimed.error().detail);
      co_return claimed;
    }
    for (Delivery& each : claimed->deliveries) {
      const auto place = places_.find(each.redirect.destination);
      if (place == places_.end()) continue;
      ++in_flight_;
      ++place->second.in_flight;
      group_.spawn(deliver_counted(place->second, std::move(each)));
    }
    co_return claimed;
  }

  struct InFlight {
    Impl& impl;
    Place& place;
    InFlight(Impl& i, Place& p) : impl(i), place(p) {}
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight() {
      --place.in_flight;
      if (--impl.in_flight_ == 0) impl.idle_.notify();
      impl.wake_.notify();
    }
  };

  Task<void> deliver_counted(Place& place, Delivery delivery) {
    const InFlight counted(*this, place);
    co_await deliver(place, std::move(delivery));
  }

  Task<void> deliver(Place& place, Delivery delivery) {
    auto chunks = co_await chunks_of(place, delivery);
    if (!chunks) co_return;
    LanePace& pace = pace_of(place, delivery.redirect.channel_id);
    while (delivery.sent < delivery.chunks) {
      const std::uint32_t number = delivery.sent + 1;
      const Milliseconds wait = pace.wait(ports_.clock.now());
      if (wait > options_.hold / 4 || draining_) {
        co_await put_down(delivery, draining_ ? Milliseconds(0) : wait);
        co_return;
      }
      co_await Pause(deadlines_, wait);
      bool maybe_repeated = false;
      const bool was_in_doubt = std::exchange(delivery.in_doubt, false);
      if (was_in_doubt) {
        switch (decide_in_doubt(delivery, place.traits, *place.settings, ports_.clock.wall_now())) {
          case InDoubt::send_again:
            break;
          case InDoubt::send_and_say_so: {
            // Counted before it is sent: who dies in between has perhaps repeated it.
            maybe_repeated = true;
            DeliveryStep counted{.sent = delivery.sent, .repeated = 1, .in_doubt = true};
            if (!co_await record(place, delivery, {.step = std::move(counted)})) co_return;
            break;
          }
          case InDoubt::give_up: {
            auto over = give_up(delivery, "unknown_outcome: message " + std::to_string(number) +
                                              " may have arrived; replay the delivery if it did not");
            co_await record(place, delivery, {.step = std::move(over)});
            co_return;
          }
        }
      }
      pace.sent(ports_.clock.now());
      const SendAnswer answer = co_await send(place, delivery, chunks->at(number - 1), number, maybe_repeated);
      Decision decision =
          decide(answer, delivery, number, place.traits, *place.settings, ports_.clock.wall_now(), chance());
      // A refusal says nothing of the attempt before, which may have arrived all the same.
      if (was_in_doubt && decision.step.state == DeliveryState::waiting) decision.step.in_doubt = true;
      if (!co_await record(place, delivery, std::move(decision))) co_return;
    }
  }

  // The pace of a channel that nobody writes to, and that may be written to, is not worth keeping.
  LanePace& pace_of(Place& place, const std::string& channel) {
    if (place.paces.size() >= most_idle_paces && place.in_flight <= 1) {
      std::erase_if(place.paces, [now = ports_.clock.now()](const auto& each) { return each.second.full(now); });
    }
    return place.paces.try_emplace(channel, place.traits).first->second;
  }

  Task<SendAnswer> send(Place& place, const Delivery& delivery, std::string_view chunk, std::uint32_t number,
                        bool maybe_repeated) {
    const TaskId id = delivery.id.task_id;
    for (bool again = false;; again = true) {
      Outgoing out{.chunk = chunk,
                   .number = number,
                   .of = delivery.chunks,
                   .key = message_key(delivery, number),
                   .redirect = delivery.redirect,
                   .maybe_repeated = maybe_repeated,
                   .whole_text = [this, id] { return whole_text(id); },
                   .task_id = id};
      SendAnswer answer = co_await answer_of(*place.adapter, delivery, std::move(out));
      if (answer.verdict != SendVerdict::retry_now || again) co_return answer;
    }
  }

  // Whatever the adapter does: what takes long is held on to, and what takes for ever is given up.
  Task<SendAnswer> answer_of(Adapter& adapter, const Delivery& delivery, Outgoing out) {
    Sending sending(ports_.loop);
    const SteadyTime until = ports_.clock.now() + options_.longest_send;
    Deadline hold_on([](void* self) { static_cast<Wake*>(self)->notify(); }, &sending.wake);
    const Task<void> work = send_into(adapter, std::move(out), sending);
    while (!sending.answer) {
      deadlines_.arm(hold_on, options_.hold / 3);
      co_await sending.wake.wait();
      if (sending.answer) break;
      if (ports_.clock.now() >= until) {
        co_return SendAnswer{.verdict = SendVerdict::unknown,
                             .detail = "the adapter did not answer within " +
                                       std::to_string(options_.longest_send.count()) + " ms and was dropped"};
      }
      DeliveryStep held{.sent = delivery.sent, .in_doubt = true, .hold = options_.hold};
      if (auto kept = co_await outbox_.step({delivery.id, delivery.claim}, std::move(held));
          !kept && kept.error().code == errc::already_final) {
        co_return SendAnswer{.verdict = SendVerdict::unknown, .detail = "another process took the delivery over"};
      }
    }
    co_return std::move(*sending.answer);
  }

  static Task<void> send_into(Adapter& adapter, Outgoing out, Sending& sending) {
    SendAnswer answer;
    try {
      answer = co_await adapter.send(std::move(out));
    } catch (const std::exception& thrown) {
      answer = {.verdict = SendVerdict::unknown, .detail = std::string("the adapter threw: ") + thrown.what()};
    }
    sending.answer = std::move(answer);
    sending.wake.notify();
  }

  // What goes before the first message: its texts, kept so that whoever takes over sends the same.
  Task<std::optional<std::vector<std::string>>> chunks_of(Place& place, Delivery& delivery) {
    if (delivery.chunks > 0) {
      auto chunks = co_await outbox_.chunks(delivery.id);
      if (!chunks) {
        fault("outbox.chunks", chunks.error().detail);
        co_return std::nullopt;  // it is due again when the hold is over
      }
      if (chunks->size() == delivery.chunks) co_return std::move(*chunks);
      co_await record(place, delivery,
                      {.step = give_up(delivery, "internal: its messages are gone; replay it from the beginning")});
      co_return std::nullopt;
    }
    auto message = co_await message_of(delivery);
    if (!message) {
      if (message.error().code == errc::unavailable) {
        co_await put_down(delivery, after_store_fault);
      } else {
        co_await record(place, delivery, {.step = give_up(delivery, "not_found: " + message.error().detail)});
      }
      co_return std::nullopt;
    }
    auto planned = plan(*place.adapter, *message);
    if (!planned || planned->empty()) {
      const std::string why = planned ? "the adapter made no message of it" : planned.error().detail;
      co_await record(place, delivery, {.step = give_up(delivery, "payload: " + why)});
      co_return std::nullopt;
    }
    if (auto kept = co_await outbox_.plan({delivery.id, delivery.claim}, *planned); !kept) {
      if (kept.error().code != errc::already_final) fault("outbox.plan", kept.error().detail);
      co_return std::nullopt;
    }
    delivery.chunks = static_cast<std::uint32_t>(planned->size());
    co_return std::move(*planned);
  }

  static Result<std::vector<std::string>> plan(const Adapter& adapter, const Message& message) {
    try {
      if (auto fine = adapter.check(message.redirect); !fine) return std::unexpected(std::move(fine.error()));
      return adapter.plan(message);
    } catch (const std::exception& thrown) {
      return fail(errc::internal, "delivery.plan", std::string("the adapter threw: ") + thrown.what());
    }
  }

  Task<Result<Message>> message_of(const Delivery& delivery) {
    Message message;
    // Both are asked at once: a store answers them in one go.
    auto reading = ports_.store.read_result(delivery.id.task_id, 0, options_.text_chars);
    auto record = co_await ports_.store.find(delivery.id.task_id);
    if (!record) co_return std::unexpected(std::move(record.error()));
    message.record = std::move(*record);
    message.redirect = delivery.redirect;
    message.id = delivery.id;
    if (message.record.result_bytes > 0) {
      auto text = co_await std::move(reading);
      if (!text) co_return std::unexpected(std::move(text.error()));
      message.text_cut = message.record.result_cut || message.record.result_chars > options_.text_chars;
      message.text = std::move(text->text);
      if (message.record.media_type == MediaType::mcp_result && !message.text_cut) {
        message.text = mcp::words_of_result(std::move(message.text));
      }
    }
    co_return message;
  }

  Task<Result<std::string>> whole_text(TaskId id) {
    auto record = co_await ports_.store.find(id);
    if (!record) co_return std::unexpected(std::move(record.error()));
    auto text = co_await ports_.store.read_result(id, 0, 0);
    if (!text) co_return std::unexpected(std::move(text.error()));
    if (record->media_type == MediaType::mcp_result && !record->result_cut) {
      co_return mcp::words_of_result(std::move(text->text));
    }
    co_return std::move(text->text);
  }

  // Lets go of it: nothing of it is on its way.
  Task<void> put_down(const Delivery& delivery, Milliseconds again_in) {
    DeliveryStep step{
        .state = DeliveryState::waiting, .sent = delivery.sent, .in_doubt = delivery.in_doubt, .again_in = again_in};
    auto done = co_await outbox_.step({delivery.id, delivery.claim}, std::move(step));
    if (!done && done.error().code != errc::already_final) fault("outbox.step", done.error().detail);
  }

  // True: this claim goes on.
  Task<bool> record(Place& place, Delivery& delivery, Decision decision) {
    decision.step.hold = options_.hold;
    const DeliveryStep step = decision.step;
    const bool arrived = step.sent > delivery.sent;
    std::optional<Milliseconds> pause = decision.pause;
    if (arrived) place.troubles = 0;
    if (decision.trouble && ++place.troubles >= options_.failures_to_pause && !pause) {
      const std::uint32_t over = std::min<std::uint32_t>(place.troubles - options_.failures_to_pause, 10);
      pause = std::min<Milliseconds>(first_pause * (1LL << over), options_.longest_pause);
    }
    if (pause) {
      auto paused = co_await outbox_.pause(place.settings->name, *pause, step.error);
      if (!paused) fault("outbox.pause", paused.error().detail);
      fault("delivery", "destination '" + place.settings->name + "' is left alone for " +
                            std::to_string(pause->count()) + " ms: " + step.error);
    }
    // What arrived must be written down: who takes over would send it again.
    for (std::uint32_t failures = 0;; ++failures) {
      auto done = co_await outbox_.step({delivery.id, delivery.claim}, step);
      if (done) break;
      if (done.error().code != errc::unavailable || failures >= tries_to_record) {
        fault("outbox.step", done.error().detail);
        co_return false;
      }
      co_await Pause(deadlines_, after_store_fault);
    }
    delivery.sent = step.sent;
    if (arrived) delivery.failures = 0;
    if (!is_open(step.state)) tell(delivery, step);
    co_return step.state == DeliveryState::sending;
  }

  void tell(const Delivery& delivery, const DeliveryStep& step) {
    if (step.state != DeliveryState::delivered) {
      fault("delivery", "delivery " + delivery.id.text() + " to '" + delivery.redirect.destination +
                            "' is given up after " + std::to_string(delivery.sent) + " of " +
                            std::to_string(delivery.chunks) + " messages: " + step.error);
    }
    if (ports_.telemetry == nullptr) return;
    const std::string task_id = delivery.id.task_id.text();
    const bool fine = step.state == DeliveryState::delivered;
    const std::string_view error = step.error;
    const TaskEvent event{.phase = TaskEvent::Phase::redirect_delivered,
                          .status = fine ? "ok" : "error",
                          .tool_name = delivery.tool_name,
                          .task_id = task_id,
                          .user_id = delivery.owner,
                          .duration = ports_.clock.wall_now() - delivery.created_at,
                          .backgrounded = true,
                          .error_type = fine ? std::string_view() : error.substr(0, error.find(':')),
                          .error_message = fine ? std::string_view() : error.substr(0, utf8::cut_length(error, 500)),
                          .chunks_sent = delivery.sent,
                          .redirect_destination = delivery.redirect.destination,
                          .redirect_channel_id = delivery.redirect.channel_id,
                          .redirect_platform = delivery.redirect.platform};
    try {
      ports_.telemetry->on_event(event);
    } catch (const std::exception& thrown) {
      fault("telemetry.on_event", thrown.what());
    }
  }

  // What telemetry throws must not reach a delivery (S51).
  void fault(std::string_view where, std::string_view what) noexcept {
    if (ports_.telemetry == nullptr) return;
    try {
      ports_.telemetry->on_fault(where, what);
    } catch (...) {
      ++telemetry_faults_;  // counted is all that is left to do
    }
  }

  double chance() {
    std::array<std::byte, 4> bytes{};
    ports_.random.fill(bytes);
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data(), bytes.size());
    return static_cast<double>(number) / static_cast<double>(UINT32_MAX);
  }

  void give_up_draining() {
    drained_too_long_ = true;
    idle_.notify();
  }

  static constexpr Milliseconds after_store_fault{1'000};
  static constexpr Milliseconds first_pause{5'000};
  static constexpr std::uint32_t tries_to_record = 30;
  static constexpr std::size_t most_idle_paces = 1'000;

  DelivererPorts ports_;
  DelivererOptions options_;
  Outbox& outbox_;
  Deadlines deadlines_;
  Wake wake_;
  Wake idle_;
  Deadline next_look_;
  Destinations destinations_;
  std::map<std::string, Place, std::less<>> places_;
  std::uint32_t in_flight_ = 0;
  std::uint64_t telemetry_faults_ = 0;
  bool started_ = false;
  bool draining_ = false;
  bool drained_too_long_ = false;
  Task<void> loop_;
  TaskGroup group_;  // last: its coroutines use all of the above
};

Deliverer::Deliverer(DelivererPorts ports, DelivererOptions options) : impl_(std::make_unique<Impl>(ports, options)) {}
Deliverer::~Deliverer() = default;

Result<void> Deliverer::add(Destination destination, std::unique_ptr<Adapter> adapter) {
  return impl_->add(std::move(destination), std::move(adapter));
}
Result<void> Deliverer::add_default(DefaultRedirect redirect) {
  return impl_->rules().add_default(std::move(redirect));
}
void Deliverer::start() {
  impl_->start();
}
Task<void> Deliverer::drain(Milliseconds limit) {
  co_await impl_->drain(limit);
}
Task<Result<SendAnswer>> Deliverer::test(std::string destination, std::string channel_id) {
  return impl_->test(std::move(destination), std::move(channel_id));
}
std::vector<Destination> Deliverer::destinations() const {
  return impl_->rules().all();
}
Result<Redirect> Deliverer::resolve(Redirect wanted, const Caller& owner) const {
  return impl_->rules().resolve(std::move(wanted), owner);
}
std::vector<Redirect> Deliverer::defaults(std::string_view tool, const Caller& caller) const {
  return impl_->rules().defaults(tool, caller);
}
std::vector<std::string> Deliverer::names_for(const Caller& owner) const {
  return impl_->rules().names_for(owner);
}

}  // namespace meantime
