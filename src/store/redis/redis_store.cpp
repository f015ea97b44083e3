// SPDX-License-Identifier: MIT
#include "store/redis/redis_store.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <span>

#include "store/redis/server_errors.hpp"

namespace meantime {
namespace store::redis {
namespace {

// Who it is in records and in CLIENT LIST: the machine, the process, and something that no other start of it has.
std::string name_worker(Random& random) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string out;
  constexpr std::size_t longest_host = 24;
  for (const char c : std::string_view(host.data())) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!plain || out.size() == longest_host) break;
    out += c;
  }
  if (out.empty()) out = "worker";
  out += ":" + std::to_string(getpid()) + ":";
  std::array<std::byte, 4> noise{};
  random.fill(noise);
  constexpr std::string_view letters = "0123456789abcdefghjkmnpqrstvwxyz";
  for (const std::byte b : noise) out += letters[std::to_integer<unsigned>(b) % letters.size()];
  return out;
}

bool fits(Reply::Kind kind, char shape) noexcept {
  switch (shape) {
    case 'L':
      return kind == Reply::Kind::list;
    case 'I':
      return kind == Reply::Kind::integer;
    default:
      return kind == Reply::Kind::text || kind == Reply::Kind::null;
  }
}

}  // namespace

RedisStore::RedisStore(boost::asio::io_context& io, Clock& clock, Random& random, RedisOptions options,
                       std::shared_ptr<TlsContext> tls)
    : clock_(clock),
      options_(std::move(options)),
      loop_(io),
      deadlines_(clock),
      keys_(options_.key_prefix),
      worker_(name_worker(random)),
      renewed_(clock.now()),
      pool_(loop_, 1),
      watches_(
          loop_, deadlines_, random, options_, tls, keys_, worker_, [this] { return hello(); },
          [this](const Replies& replies) { return greeted(replies, false); },
          Heard{.ended =
                    [this](const TaskId& id) {
                      if (listener_ != nullptr) listener_->on_ended(id);
                    },
                .changed =
                    [this](const TaskId& id) {
                      if (listener_ != nullptr) listener_->on_changed(id);
                    },
                .cancel =
                    [this](const TaskId& id) {
                      if (listener_ != nullptr) listener_->on_cancel_requested(id);
                    },
                .redirected =
                    [this](const TaskId& id) {
                      if (listener_ != nullptr) listener_->on_redirected(id);
                    },
                .answered =
                    [this](const TaskId& id) {
                      if (listener_ != nullptr) listener_->on_input_answered(id);
                    },
                .worker_died =
                    [this] {
                      if (listener_ != nullptr) listener_->on_worker_died();
                    },
                .missed =
                    [this] {
                      if (registered_) group_.spawn(look_for_missed_notices());
                    },
                .due = [this] { outbox_.tell_due(); },
                .deaf = [this](const Error& why) { on_deaf(why); },
                .hears =
                    [this] {
                      if (std::exchange(told_deaf_, false)) group_.spawn(tell_hears());
                    }}),
      commands_(loop_, deadlines_, random, options_, tls,
                LinkEvents{.greeting =
                               [this] {
                                 Request request = hello();
                                 add_loads(request);
                                 return request;
                               },
                           .greeted = [this](const Replies& replies) { return greeted(replies, true); },
                           .on_push = [](ReplyView) {},  // this connection subscribes to nothing
                           .on_up = [this] { on_up(); },
                           .on_down = [this](const Error& why) { on_down(why); }}) {}

void RedisStore::open() {
  commands_.open();
  watches_.open();
}

Request RedisStore::hello() const {
  Request request;
  const std::string user = options_.username.empty() ? "default" : options_.username;
  if (options_.password.empty() && options_.username.empty()) {
    request.push("HELLO", "3", "SETNAME", "meantime:" + worker_);
  } else {
    request.push("HELLO", "3", "AUTH", user, options_.password, "SETNAME", "meantime:" + worker_);
  }
  if (options_.database != 0) request.push("SELECT", std::to_string(options_.database));
  request.push("TIME");
  return request;
}

Result<void> RedisStore::greeted(const Replies& replies, bool commands) {
  for (const Reply& reply : replies) {
    if (reply.view().is_error()) {
      return std::unexpected(error_of(reply.view().text(), "store.connect", options_.place()));
    }
  }
  if (replies.front().view().kind() != Reply::Kind::list) {
    return fail(errc::unavailable, "store.connect", options_.place() + " does not answer as a Redis or Valkey does");
  }
  const ReplyView time = replies.at(options_.database != 0 ? 2 : 1).view();
  constexpr std::int64_t most_seconds = 1'000'000'000'000;
  const WallTime theirs{std::chrono::seconds(std::clamp<std::int64_t>(time[0].integer(), 0, most_seconds))};
  const auto apart = clock_.wall_now() - theirs;
  clock_is_odd_ = apart > usual_ahead / 2 || apart < -usual_ahead / 2;
  std::string_view mode;
  std::string_view role;
  std::string_view key;
  bool is_key = true;
  for (const ReplyView each : replies.front().view()) {
    if (is_key) {
      key = each.text();
    } else if (key == "mode") {
      mode = each.text();
    } else if (key == "role") {
      role = each.text();
    }
    is_key = !is_key;
  }
  if (commands && (role == "replica" || role == "slave")) {
    return std::unexpected(error_of("READONLY its role is replica", "store.connect", options_.place()));
  }
  if (mode == "cluster" && options_.key_prefix.find('{') == std::string::npos) {
    return std::unexpected(error_of("CROSSSLOT the prefix '" + options_.key_prefix + "' has no hash tag",
                                    "store.connect", options_.place()));
  }
  return {};
}

void RedisStore::on_up() {
  group_.spawn(after_up());
}

Task<void> RedisStore::after_up() {
  co_await loop_.turn();  // the listener is told outside of the connection's own work
  if (registered_ && !closing_) {
    // Before all else: others may be about to think this worker dead, or the server may have lost its data.
    if (auto renewed = co_await heartbeat(); !renewed && !commands_.up()) co_return;
  }
  if (std::exchange(told_away_, false) && listener_ != nullptr) {
    listener_->on_available(true, options_.place() + " is back");
  }
}

void RedisStore::on_down(const Error& why) {
  told_away_ = true;
  if (listener_ == nullptr || closing_) return;
  listener_->on_available(false, options_.place() + " is away: " + trouble_of(why, options_.place()));
}

Task<void> RedisStore::look_for_missed_notices() {
  auto wanted = co_await cancel_requests();
  if (!wanted || listener_ == nullptr) co_return;  // away again: the next time it is back looks again
  for (const TaskId& id : *wanted) listener_->on_cancel_requested(id);
  // Redirects, too: of the tasks that run here, those that have one.
  constexpr std::int64_t at_once = 500;
  for (std::int64_t first = 0;; first += at_once) {
    Request which;
    which.push("ZRANGE", keys_.running(worker_), std::to_string(first), std::to_string(first + at_once - 1));
    auto page = co_await ask(std::move(which), "store.find", "L");
    if (!page || page->front().view().size() == 0) co_return;
    Request lengths;
    std::vector<TaskId> ids;
    for (const ReplyView each : page->front().view()) {
      const auto id = TaskId::parse(each.text());
      if (!id) continue;
      ids.push_back(*id);
      lengths.push("HSTRLEN", keys_.task(*id), "rd");
    }
    if (ids.empty()) continue;
    auto sizes = co_await ask(std::move(lengths), "store.find", "I");
    if (!sizes || listener_ == nullptr) co_return;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if ((*sizes)[i].view().integer() > 0) listener_->on_redirected(ids[i]);
    }
  }
}

void RedisStore::on_deaf(const Error& why) {
  // A broken connection is made anew and told of by the one for commands; a refusal stays until somebody mends it.
  if (why.op != "store.connect" || told_away_ || listener_ == nullptr || closing_) return;
  told_deaf_ = true;
  listener_->on_available(false, options_.place() + " lets us hear no notices, so that others' ends and cancels are " +
                                     "only found by looking every few seconds: " + trouble_of(why, options_.place()));
}

Task<void> RedisStore::tell_hears() {
  co_await loop_.turn();
  if (listener_ != nullptr) listener_->on_available(true, options_.place() + " lets us hear notices");
}

// Declared dead meanwhile, or the server lost its data.
void RedisStore::notice_forgotten() {
  if (listener_ == nullptr) return;
  loop_.post_from_anywhere([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && listener_ != nullptr) listener_->on_forgotten();
  });
}

Error RedisStore::out_of_step(std::string op) {
  Error error{errc::unavailable, std::move(op),
              "store unavailable: " + options_.place() +
                  " sent an answer that does not belong to what was asked: its connection is made anew, ask again",
              std::chrono::seconds(1)};
  commands_.abandon(error);
  return error;
}

Error RedisStore::refused(std::string_view refusal, std::string op) {
  Error error = error_of(refusal, std::move(op), options_.place());
  if (leave_server(refusal)) commands_.abandon(error);
  return error;
}

Task<Result<Replies>> RedisStore::ask(Request request, std::string op, std::string_view shape) {
  auto replies = co_await commands_.ask(std::move(request));
  if (!replies) {
    co_return std::unexpected(unavailable_of(replies.error(), std::move(op), options_.place()));
  }
  std::size_t i = 0;
  for (const Reply& reply : *replies) {
    const ReplyView view = reply.view();
    if (view.is_error()) co_return std::unexpected(refused(view.text(), std::move(op)));
    if (!fits(view.kind(), shape[i++ % shape.size()])) co_return std::unexpected(out_of_step(std::move(op)));
  }
  co_return replies;
}

Task<Result<Replies>> RedisStore::load_scripts(std::string op) {
  Request loads;
  add_loads(loads);
  co_return co_await ask(std::move(loads), std::move(op), "T");
}

Task<Result<Reply>> RedisStore::run(const ScriptCall& call, std::string_view op, Link::Resend resend) {
  Request request = call.request();
  auto replies = co_await commands_.ask(request, resend);
  if (replies && replies->front().view().is_error() && leave_server(replies->front().view().text())) {
    // It did nothing: the server that is found instead, as after a failover, may.
    [[maybe_unused]] const Error left = refused(replies->front().view().text(), std::string(op));
    replies = co_await commands_.ask(request, resend);
  }
  if (replies && kind_of_refusal(replies->front().view().text()) == "NOSCRIPT" && replies->front().view().is_error()) {
    if (auto loaded = co_await load_scripts(std::string(op)); !loaded) {
      co_return std::unexpected(std::move(loaded.error()));
    }
    replies = co_await commands_.ask(std::move(request), resend);
  }
  if (!replies) {
    if (Link::interrupted(replies.error())) co_return std::unexpected(std::move(replies.error()));
    co_return std::unexpected(unavailable_of(replies.error(), std::string(op), options_.place()));
  }
  if (replies->front().view().is_error()) {
    co_return std::unexpected(refused(replies->front().view().text(), std::string(op)));
  }
  if (!fits(replies->front().view().kind(), call.shape().front())) {
    co_return std::unexpected(out_of_step(std::string(op)));
  }
  co_return std::move(replies->front());
}

std::int64_t RedisStore::finished_expiry_s() const {
  return std::chrono::ceil<std::chrono::seconds>(options_.retention + expiry_slack).count();
}

std::int64_t RedisStore::open_expiry_s() const {
  return std::chrono::ceil<std::chrono::seconds>(delivery_expiry + options_.retention + expiry_slack).count();
}

std::string RedisStore::name_call() {
  return worker_ + "#" + std::to_string(++named_calls_);
}

std::int64_t RedisStore::index_expiry_s() const {
  return std::chrono::ceil<std::chrono::seconds>(2 * running_expiry + options_.retention + expiry_slack).count();
}

// True when the expiry of that index is to be renewed: once an hour is plenty for one that lasts for days.
bool RedisStore::touch(const std::string& key) {
  constexpr std::size_t most = 20'000;
  const SteadyTime now = clock_.coarse_now();
  if (touched_.size() > most) touched_.clear();
  auto [at, fresh] = touched_.try_emplace(key, now);
  if (fresh) return true;
  if (now - at->second < std::chrono::hours(1)) return false;
  at->second = now;
  return true;
}

}  // namespace store::redis

Result<std::unique_ptr<Store>> open_redis_store(boost::asio::io_context& loop, Clock& clock, Random& random,
                                                RedisOptions options) {
  using namespace store::redis;
  const auto bad = [](std::string what) { return fail(errc::invalid_argument, "redis.options", std::move(what)); };
  if (options.lease < Milliseconds(1'000)) return bad("a lease below 1s would take slow workers for dead ones");
  if (options.command_timeout < Milliseconds(10)) return bad("command_timeout must be at least 10ms");
  if (options.retention < Milliseconds(1'000)) return bad("retention must be at least 1s");
  if (options.legacy_results && Keys::has_hash_tag(options.key_prefix)) {
    return bad("legacy_results writes keys without the prefix, which a hash tag in the prefix excludes: remove one");
  }
  if (options.host.empty() && options.unix_socket.empty()) return bad("neither a host nor a unix socket is named");
  std::shared_ptr<TlsContext> tls;
  if (options.tls.on) {
    auto made = make_tls_context(options.tls);
    if (!made) return std::unexpected(std::move(made.error()));
    tls = std::move(*made);
  }
  auto store = std::make_unique<RedisStore>(loop, clock, random, std::move(options), std::move(tls));
  store->open();
  return store;
}

}  // namespace meantime
