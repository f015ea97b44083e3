// SPDX-License-Identifier: MIT
// crash_protocol.hpp: what the worker tells the test over a pipe, and the results by which both can check the store.
#pragma once

#include <string>

#include "meantime/task_id.hpp"

namespace meantime::test {

/// One report: a letter and a task's id.
struct Report {
  static constexpr char started = 'S';   ///< start() has answered.
  static constexpr char finished = 'F';  ///< finish() has answered: stored.
  static constexpr char late = 'L';      ///< finish() has answered: the outcome was decided before.
  static constexpr char unsaved = 'U';   ///< An await has answered: ended, and waits in the journal.
  static constexpr std::size_t bytes = 1 + TaskId::bytes;
};

/// The result that belongs to a task: any length up to `spread` characters, told by the id alone.
inline std::string result_of(const TaskId& id, std::size_t spread) {
  const std::string unit = id.text() + "\xC3\xA9\xF0\x9F\x98\x80\n";
  const std::size_t units = id.hash() % (spread / unit.size() + 1);
  std::string out;
  for (std::size_t i = 0; i < units; ++i) out += unit;
  return out;
}

}  // namespace meantime::test
