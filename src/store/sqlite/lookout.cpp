// SPDX-License-Identifier: MIT
#include "store/sqlite/lookout.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>

namespace meantime::store {
namespace {

using boost::asio::posix::stream_descriptor;

// The safety net under the notices, and what finds a hung worker: with the default lease of 12 s, within 15 s.
constexpr Milliseconds longest_look_interval{2'000};
constexpr int messages_per_turn = 64;
constexpr std::size_t message_bytes = 16UL << 10U;

}  // namespace

/// A look on its way through the reader.
class Lookout::LookJob final : public Job<Queries> {
 public:
  LookJob(std::weak_ptr<Lookout> lookout, std::vector<TaskId> tasks)
      : lookout_(std::move(lookout)), tasks_(std::move(tasks)) {}
  void run(Queries& queries) override { seen_ = queries.look(tasks_); }
  void refuse(const Error& error) override { seen_ = std::unexpected(error); }
  void complete() override {
    if (const auto lookout = lookout_.lock()) lookout->looked(seen_);
  }

 private:
  std::weak_ptr<Lookout> lookout_;
  std::vector<TaskId> tasks_;
  Result<Sighting> seen_;
};

Lookout::Lookout(boost::asio::io_context& loop, Clock& clock, Milliseconds lease, const RunFolder& folder,
                 Reader& reader, std::shared_ptr<Completions> completions)
    : loop_(loop),
      clock_(clock),
      look_interval_(std::min(longest_look_interval, lease / 4)),
      folder_(folder),
      reader_(reader),
      completions_(std::move(completions)),
      socket_(loop),
      alarm_(clock.make_alarm([this] {
        look_at_all();
        set_alarm();
      })) {}

void Lookout::listen(StoreListener* listener) {
  listener_ = listener;
  if (listener_ != nullptr) look_soon();  // somebody may have died before this process began
}

void Lookout::watch(const TaskId& task) {
  if (++watches_[task] > 1) return;
  if (watches_.size() == 1) set_alarm();
  to_look_.insert(task);
  look_soon();
}

void Lookout::unwatch(const TaskId& task) {
  const auto found = watches_.find(task);
  if (found == watches_.end() || --found->second > 0) return;
  watches_.erase(found);
  if (!watches_.empty()) return;
  // With nothing to wait for, nothing keeps the loop from ending.
  alarm_->clear();
  guards_.clear();
}

void Lookout::hear_socket() {
  if (socket_.is_open() || folder_.socket() < 0) return;
  const int fd = dup(folder_.socket());
  if (fd < 0) return;  // the looks still find everything
  socket_.assign(fd);
  wait_for_notice();
}

void Lookout::tell_available(bool available, std::string_view detail) {
  if (!stopped_ && listener_ != nullptr) listener_->on_available(available, detail);
}

void Lookout::tell_due() {
  if (!stopped_ && outbox_listener_ != nullptr) outbox_listener_->on_due();
}

void Lookout::stop() {
  stopped_ = true;
  listener_ = nullptr;
  outbox_listener_ = nullptr;
  alarm_->clear();
  guards_.clear();
  boost::system::error_code ignored;  // closing a descriptor that is being let go of
  socket_.close(ignored);
}

void Lookout::wait_for_notice() {
  socket_.async_wait(stream_descriptor::wait_read, [weak = weak_from_this()](boost::system::error_code ec) {
    const auto self = weak.lock();
    if (ec || !self || self->stopped_) return;
    self->receive();
    if (!self->stopped_) self->wait_for_notice();
  });
}

void Lookout::receive() {
  std::array<char, message_bytes> message;
  // A full socket does not keep the loop from its other work.
  for (int i = 0; i < messages_per_turn && !stopped_; ++i) {
    const ssize_t size = recv(socket_.native_handle(), message.data(), message.size(), MSG_DONTWAIT);
    if (size < 0) return;
    handle(parse_notice({message.data(), static_cast<std::size_t>(size)}));
  }
}

void Lookout::handle(const Notice& notice) {
  switch (notice.kind) {
    case NoticeKind::ended:
      look_at(notice.tasks);
      return;
    case NoticeKind::changed:
      for (const TaskId& task : notice.tasks) {
        if (!stopped_ && listener_ != nullptr && watches_.contains(task)) listener_->on_changed(task);
      }
      return;
    case NoticeKind::cancel:
      look_soon();
      return;
    case NoticeKind::redirect:
      for (const TaskId& task : notice.tasks) {
        if (!stopped_ && listener_ != nullptr) listener_->on_redirected(task);
      }
      return;
    case NoticeKind::answered:
      for (const TaskId& task : notice.tasks) {
        if (!stopped_ && listener_ != nullptr) listener_->on_input_answered(task);
      }
      return;
    case NoticeKind::due:
      tell_due();
      return;
    case NoticeKind::worker_gone:
      if (listener_ != nullptr) listener_->on_worker_died();
      return;
    case NoticeKind::look:
      look_at_all();
      tell_due();
      return;
  }
}

void Lookout::look_at(const std::vector<TaskId>& tasks) {
  for (const TaskId& task : tasks) {
    if (watches_.contains(task)) to_look_.insert(task);
  }
  if (!to_look_.empty()) look_soon();
}

void Lookout::look_at_all() {
  for (const auto& [task, count] : watches_) to_look_.insert(task);
  look_soon();
}

void Lookout::look_soon() {
  if (stopped_ || std::exchange(look_wanted_, true) || looking_) return;
  // Posted: all that is watched in one turn of the loop is one look.
  looking_ = true;
  boost::asio::post(loop_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->stopped_) return;
    self->look_wanted_ = false;
    std::vector<TaskId> tasks(self->to_look_.begin(), self->to_look_.end());
    self->to_look_.clear();
    self->completions_->expect_one();
    self->reader_.add(std::make_shared<LookJob>(weak, std::move(tasks)));
  });
}

void Lookout::looked(const Result<Sighting>& seen) {
  looking_ = false;
  if (std::exchange(look_wanted_, false)) look_soon();
  if (!seen) return;  // the store is away: the next look comes by the alarm
  for (const TaskId& task : seen->ended) {
    if (!stopped_ && listener_ != nullptr && watches_.contains(task)) listener_->on_ended(task);
  }
  boost::unordered::erase_if(
      cancels_told_, [&](const TaskId& task) { return std::ranges::find(seen->cancels, task) == seen->cancels.end(); });
  for (const TaskId& task : seen->cancels) {
    if (!stopped_ && listener_ != nullptr && cancels_told_.insert(task).second) listener_->on_cancel_requested(task);
  }
  if (!stopped_) check_workers(seen->workers);
}

void Lookout::check_workers(const std::vector<PeerRow>& workers) {
  const SteadyTime now = clock_.now();
  bool died = false;
  for (const PeerRow& worker : workers) {
    died = died || worker.is_dead(folder_, now) || !guard(worker);
  }
  std::erase_if(guards_, [&](const auto& entry) {
    return std::ranges::none_of(workers, [&](const PeerRow& each) { return each.name == entry.first; });
  });
  if (died && listener_ != nullptr) listener_->on_worker_died();
}

// False: its process is gone.
bool Lookout::guard(const PeerRow& worker) {
  if (watches_.empty() || guards_.contains(worker.name)) return true;
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, worker.pid, 0));
  // Without a descriptor (an old kernel, another container) the lock and the lease still tell.
  if (fd < 0) return errno != ESRCH || !folder_.is_dead(worker.name, worker.boot);
  auto& process = guards_.emplace(worker.name, Guard{stream_descriptor(loop_, fd)}).first->second.process;
  process.async_wait(stream_descriptor::wait_read,
                     [weak = weak_from_this(), name = worker.name, boot = worker.boot](boost::system::error_code ec) {
                       const auto self = weak.lock();
                       if (ec || !self || self->stopped_) return;
                       self->guards_.erase(name);
                       if (self->listener_ != nullptr && self->folder_.is_dead(name, boot)) {
                         self->listener_->on_worker_died();
                       }
                     });
  return true;
}

void Lookout::set_alarm() {
  if (!stopped_ && !watches_.empty()) alarm_->set(clock_.now() + look_interval_);
}

}  // namespace meantime::store
