// SPDX-License-Identifier: MIT
#include "store/sqlite/notices.hpp"

#include <cerrno>

namespace meantime::store {
namespace {

constexpr std::size_t tasks_per_message = 400;

}  // namespace

Notice parse_notice(std::string_view message) {
  Notice notice;
  if (message.empty() || (message.size() - 1) % TaskId::bytes != 0) return notice;
  const auto kind = static_cast<NoticeKind>(message.front());
  if (kind != NoticeKind::ended && kind != NoticeKind::changed && kind != NoticeKind::cancel &&
      kind != NoticeKind::redirect && kind != NoticeKind::answered && kind != NoticeKind::due &&
      kind != NoticeKind::worker_gone) {
    return notice;
  }
  notice.kind = kind;
  for (std::size_t at = 1; at < message.size(); at += TaskId::bytes) {
    notice.tasks.push_back(TaskId::from_bytes(message.substr(at, TaskId::bytes)));
  }
  return notice;
}

void NoticeSender::send(const Notices& notices) {
  if (!notices.ended.empty()) to_all(NoticeKind::ended, notices.ended);
  if (!notices.changed.empty()) to_all(NoticeKind::changed, notices.changed);
  if (notices.worker_gone) send_worker_gone();
  if (notices.due) to_all(NoticeKind::due, {});
  to_owners(NoticeKind::cancel, notices.cancels);
  to_owners(NoticeKind::redirect, notices.redirects);
  to_owners(NoticeKind::answered, notices.answers);
}

void NoticeSender::to_owners(NoticeKind kind, const std::vector<std::pair<std::string, TaskId>>& tasks) {
  for (const auto& [worker, task] : tasks) {
    const auto& others = peers_.others();
    if (std::ranges::find(others, worker) == others.end()) continue;  // it is this one, or gone
    to(worker, static_cast<char>(kind) + std::string(task.raw()));
  }
}

void NoticeSender::send_worker_gone() {
  to_all(NoticeKind::worker_gone, {});
}

void NoticeSender::send_missed() {
  const auto again = std::exchange(missed_, {});
  for (const std::string& worker : again) to(worker, std::string(1, static_cast<char>(NoticeKind::look)));
}

void NoticeSender::to_all(NoticeKind kind, const std::vector<TaskId>& tasks) {
  const std::vector<std::string>& others = peers_.others();
  if (others.empty()) return;
  std::size_t sent = 0;
  do {
    std::string message(1, static_cast<char>(kind));
    const std::size_t end = std::min(tasks.size(), sent + tasks_per_message);
    for (; sent < end; ++sent) message += tasks[sent].raw();
    for (const std::string& worker : others) to(worker, message);
  } while (sent < tasks.size());
}

void NoticeSender::to(const std::string& worker, std::string_view message) {
  switch (peers_.send(worker, message)) {
    case 0:
    case ENOENT:
      return;
    case ECONNREFUSED:
      peers_.remove_socket(worker);
      return;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      missed_.insert(worker);
      return;
    default:
      return;  // it cannot be reached at all: its own looks find what it waits for
  }
}

}  // namespace meantime::store
