// SPDX-License-Identifier: MIT
// call_ways.hpp: the ways an open call may take on its caller's word: what its tool asks is answered, or it goes to the
// background. Threads: all on the loop's.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "meantime/error.hpp"
#include "meantime/task.hpp"

namespace meantime {

/// What a tool asks while its call is not answered. Decide once: answer(), refuse() or to_task(). Dropped undecided, it
/// is refused (unsupported). May outlive its call and its manager: then deciding does nothing. All on the loop's
/// thread; the tool, and the call, go on in the loop's next turn.
class InputRound {
 public:
  virtual ~InputRound() = default;
  [[nodiscard]] virtual const std::vector<InputRequest>& requests() const noexcept = 0;
  /// One response for each request, in any order; one that is missing is a refusal. The budget begins anew.
  virtual void answer(std::vector<InputResponse> responses) = 0;
  /// The tool's ask() gives this error.
  virtual void refuse(Error why) = 0;
  /// The call becomes a task at once: its record shows these requests, and all others that are open, before the call
  /// is answered. A tool that never becomes one (no_background) gets `unsupported`.
  virtual void to_task() = 0;
};

/// Sends an open call to the background before its budget is over: its caller is gone, its work is still wanted.
/// On the loop's thread. Make one for each such call; it may outlive the call.
class BackgroundSwitch {
 public:
  BackgroundSwitch() = default;
  BackgroundSwitch(const BackgroundSwitch&) = delete;
  BackgroundSwitch& operator=(const BackgroundSwitch&) = delete;
  /// Nothing where the call is answered, is a task, or never goes to the background.
  void now() {
    if (auto go = std::exchange(go_, nullptr)) go();
  }

 private:
  friend class TaskManager;
  std::function<void()> go_;
};

}  // namespace meantime
