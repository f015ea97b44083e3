// SPDX-License-Identifier: MIT
#include "store/redis/watches.hpp"

#include <span>

namespace meantime::store::redis {
namespace {
constexpr std::size_t channels_at_once = 512;
}  // namespace

Watches::Watches(Loop& loop, Deadlines& deadlines, Random& random, const RedisOptions& options,
                 std::shared_ptr<TlsContext> tls, const Keys& keys, std::string worker, std::function<Request()> hello,
                 std::function<Result<void>(const Replies&)> greeted, Heard heard)
    : loop_(loop),
      deadlines_(deadlines),
      options_(options),
      keys_(keys),
      notices_(keys.notices(worker)),
      workers_(keys.workers()),
      due_(keys.due_now()),
      done_prefix_(keys.tasks() + "done:"),
      changed_prefix_(keys.ours() + "changed:"),
      hello_(std::move(hello)),
      heard_(std::move(heard)),
      change_ready_([](void* self) { static_cast<Watches*>(self)->change_subscriptions(); }, this),
      link_(loop, deadlines, random, options, std::move(tls),
            LinkEvents{.greeting = [this] { return greeting(); },
                       .greeted = std::move(greeted),
                       .on_push = [this](ReplyView push) { on_push(push); },
                       .on_up = [this] { on_up(); },
                       .on_down = [this](const Error& why) { on_down(why); },
                       .errors_end_it = true}) {}

Watches::~Watches() {
  for (auto& [id, watch] : watches_) {
    // A look may outlive its store, as a frame that is never resumed.
    for (Confirmed* each = watch.first; each != nullptr; each = each->next_) each->waits_ = false;
  }
}

void Watches::change_soon(const TaskId& id) {
  changing_.push_back(id);
  loop_.post(change_ready_);
}

void Watches::change_subscriptions() {
  std::vector<std::string> to_subscribe;
  std::vector<std::string> to_unsubscribe;
  for (const TaskId& id : std::exchange(changing_, {})) {
    const auto at = watches_.find(id);
    if (at == watches_.end()) continue;
    Watch& watch = at->second;
    // The channel of the end last: its confirmation means both.
    if (std::exchange(watch.to_subscribe, false)) {
      to_subscribe.push_back(keys_.changed(id));
      to_subscribe.push_back(keys_.done(id));
    }
    if (std::exchange(watch.to_unsubscribe, false)) {
      to_unsubscribe.push_back(keys_.changed(id));
      to_unsubscribe.push_back(keys_.done(id));
    }
  }
  if (!link_.up()) return;  // the next greeting says what is wanted then
  const auto in_slices = [](std::span<const std::string> channels, auto send) {
    for (std::size_t first = 0; first < channels.size(); first += channels_at_once) {
      send(channels.subspan(first, std::min(channels_at_once, channels.size() - first)));
    }
  };
  in_slices(to_subscribe, [this](std::span<const std::string> some) {
    Request request;
    request.push_range("SUBSCRIBE", some.begin(), some.end());
    link_.tell(std::move(request));
  });
  in_slices(to_unsubscribe, [this](std::span<const std::string> some) {
    Request request;
    request.push_range("UNSUBSCRIBE", some.begin(), some.end());
    link_.tell(std::move(request));
  });
}

Request Watches::greeting() {
  Request request = hello_();
  boost::unordered::erase_if(watches_, [](const auto& each) { return each.second.users == 0; });
  std::vector<std::string> channels{notices_, workers_};
  subscribed_due_ = hears_due_;
  if (hears_due_) channels.push_back(due_);
  for (auto& [id, watch] : watches_) {
    watch.unconfirmed = 1;
    channels.push_back(keys_.changed(id));
    channels.push_back(keys_.done(id));
    if (channels.size() >= channels_at_once) {
      request.push_range("SUBSCRIBE", channels);
      channels.clear();
    }
  }
  if (!channels.empty()) request.push_range("SUBSCRIBE", channels);
  request.push("PING");  // answered behind all confirmations; a refused subscription is answered with its error
  return request;
}

void Watches::on_up() {
  // Those that came while the greeting was under way stand in none: nobody subscribed for them yet.
  for (auto& [id, watch] : watches_) {
    if (watch.users == 0 && !watch.to_unsubscribe) {  // given up while the greeting was under way
      watch.to_unsubscribe = true;
      change_soon(id);
    }
    if (watch.users == 0 || !watch.unheard || watch.unconfirmed != 0) continue;
    ++watch.unconfirmed;
    watch.to_subscribe = true;
    change_soon(id);
  }
  subscribe_due();  // it may have been asked for while the greeting was under way
  heard_.hears();
}

void Watches::on_down(const Error& why) {
  for (auto& [id, watch] : watches_) {
    watch.unheard = true;
    watch.unconfirmed = 0;
    watch.to_subscribe = watch.to_unsubscribe = false;
    release(watch);  // what waits for a confirmation looks now; what it misses is looked for again later
  }
  boost::unordered::erase_if(watches_, [](const auto& each) { return each.second.users == 0; });
  heard_.deaf(why);
}

void Watches::watch(const TaskId& id) {
  Watch& watch = watches_[id];
  if (watch.users++ != 0) return;
  if (!link_.up()) {
    watch.unheard = true;
    return;
  }
  if (std::exchange(watch.to_unsubscribe, false)) return;  // it never was unsubscribed
  ++watch.unconfirmed;
  watch.to_subscribe = true;
  change_soon(id);
}

void Watches::unwatch(const TaskId& id) {
  const auto at = watches_.find(id);
  if (at == watches_.end() || at->second.users == 0) return;
  --at->second.users;
  if (at->second.users != 0) return;
  if (link_.up()) {
    if (std::exchange(at->second.to_subscribe, false)) {  // it never was subscribed
      --at->second.unconfirmed;
      if (at->second.unconfirmed != 0) return;
      release(at->second);
      watches_.erase(at);
      return;
    }
    at->second.to_unsubscribe = true;  // the entry goes when that is confirmed
    change_soon(id);
  } else if (at->second.first == nullptr && at->second.unconfirmed == 0) {
    watches_.erase(at);
  }
}

void Watches::hear_due(bool wanted) {
  hears_due_ = wanted;
  if (link_.up()) subscribe_due();
}

void Watches::subscribe_due() {
  if (std::exchange(subscribed_due_, hears_due_) == hears_due_) return;
  Request request;
  request.push(hears_due_ ? "SUBSCRIBE" : "UNSUBSCRIBE", due_);
  link_.tell(std::move(request));
}

void Watches::on_push(ReplyView push) {
  const std::string_view kind = push[0].text();
  if (kind == "message") {
    on_message(push[1].text(), push[2].text());
  } else if (kind == "subscribe") {
    on_confirmed(push[1].text());
  } else if (kind == "unsubscribe" && push[1].text().starts_with(done_prefix_)) {
    const auto id = TaskId::parse(push[1].text().substr(done_prefix_.size()));
    if (!id) return;
    const auto at = watches_.find(*id);
    if (at != watches_.end() && at->second.users == 0 && at->second.first == nullptr) watches_.erase(at);
  }
}

void Watches::on_confirmed(std::string_view channel) {
  if (channel == notices_) {
    heard_.missed();
    return;
  }
  if (channel == due_) {  // what came before was not heard
    if (hears_due_) heard_.due();
    return;
  }
  if (!channel.starts_with(done_prefix_)) return;
  const auto id = TaskId::parse(channel.substr(done_prefix_.size()));
  const auto at = id ? watches_.find(*id) : watches_.end();
  if (at == watches_.end()) return;
  Watch& watch = at->second;
  if (watch.unconfirmed != 0) --watch.unconfirmed;
  if (watch.unconfirmed != 0 || watch.users == 0) return;
  release(watch);
  if (std::exchange(watch.unheard, false)) heard_.changed(*id);
}

void Watches::on_message(std::string_view channel, std::string_view text) {
  if (channel.starts_with(done_prefix_)) {
    if (const auto id = TaskId::parse(channel.substr(done_prefix_.size())); id && watches_.contains(*id)) {
      heard_.ended(*id);
    }
  } else if (channel.starts_with(changed_prefix_)) {
    if (const auto id = TaskId::parse(channel.substr(changed_prefix_.size())); id && watches_.contains(*id)) {
      heard_.changed(*id);
    }
  } else if (channel == workers_) {
    heard_.worker_died();
  } else if (channel == due_) {
    if (hears_due_) heard_.due();
  } else if (channel == notices_ && text.size() > 2) {
    const auto id = TaskId::parse(text.substr(2));
    if (id && text.front() == 'c') heard_.cancel(*id);
    if (id && text.front() == 'r') heard_.redirected(*id);
    if (id && text.front() == 'i') heard_.answered(*id);
  }
}

void Watches::release(Watch& watch) {
  while (watch.first != nullptr) watch.first->wake();
}

Watches::Confirmed::Confirmed(Watches& watches, const TaskId& id)
    : watches_(watches),
      id_(id),
      ready_([](void* self) { static_cast<Confirmed*>(self)->waiter_.resume(); }, this),
      limit_([](void* self) { static_cast<Confirmed*>(self)->wake(); }, this) {
  const auto at = watches.watches_.find(id);
  if (at == watches.watches_.end() || at->second.unconfirmed == 0 || !watches.link_.up()) return;
  waits_ = true;
  next_ = at->second.first;
  if (next_ != nullptr) next_->previous_ = this;
  at->second.first = this;
}

void Watches::Confirmed::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  watches_.deadlines_.arm(limit_, watches_.options_.command_timeout);
}

void Watches::Confirmed::wake() {
  if (!std::exchange(waits_, false)) return;
  limit_.disarm();
  const auto at = watches_.watches_.find(id_);
  if (previous_ != nullptr) {
    previous_->next_ = next_;
  } else if (at != watches_.watches_.end()) {
    at->second.first = next_;
  }
  if (next_ != nullptr) next_->previous_ = previous_;
  next_ = previous_ = nullptr;
  if (waiter_) watches_.loop_.post(ready_);
}

Watches::Confirmed::~Confirmed() {
  waiter_ = {};
  wake();
}

}  // namespace meantime::store::redis
