// SPDX-License-Identifier: MIT
// record.hpp: one task in memory. A million may run at once, so the common part is two cache lines: texts that repeat
// are shared and counted, what few tasks have stands behind one pointer, and lists run through the records themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/inputs.hpp"
#include "meantime/clock.hpp"
#include "meantime/task.hpp"

namespace meantime::store {

struct Record;
struct Owner;

/// A text that many records share.
struct SharedText {
  std::string text;
  std::string second;  ///< Of a pair (channel, platform).
  std::uint32_t uses = 0;
};

/// Place in a list that runs through the records, oldest first.
struct Link {
  Record* older = nullptr;
  Record* newer = nullptr;
};

/// Where each 64 KiB of a long text starts, in characters: pages far inside are found without a walk from the start.
class LongText {
 public:
  void assign(std::string text);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::uint64_t chars() const noexcept { return chars_; }
  [[nodiscard]] TextPage page(std::uint64_t offset_chars, std::uint64_t limit_chars) const;

 private:
  [[nodiscard]] std::size_t byte_of(std::uint64_t character) const noexcept;
  std::string text_;
  std::uint64_t chars_ = 0;
  std::vector<std::uint64_t> marks_;  // characters before each step of text_; empty when all are single bytes
};

/// What only some tasks have.
struct Rare {
  std::string key;
  std::string arguments;
  std::optional<Progress> progress;
  std::string output;              // the newest part
  std::uint64_t output_start = 0;  // absolute offset of output's first byte
  std::vector<Redirect> redirects;
  bool to_deliver = false;         // something of it is still to be delivered: it stays
  std::vector<AskedInput> inputs;  // of this run; none once it has ended

  // Set by the end.
  WallTime ended_at{};
  SteadyTime ended_steady{};
  LongText result;
  std::string error;
  MediaType media_type = MediaType::text;
  std::optional<int> exit_code;
  std::unique_ptr<TaskEnd> late;

  [[nodiscard]] std::uint64_t bytes() const noexcept;
};

struct Record {
  TaskId id;
  TaskStatus status = TaskStatus::running;
  EndReason reason = EndReason::none;
  bool cancel_requested : 1 = false;
  bool rerun_if_lost : 1 = false;
  bool result_cut : 1 = false;
  std::uint32_t worker = 0;  // index into the backend's workers
  std::uint32_t attempt = 1;
  std::uint64_t number = 0;  // grows with each start: the order of lists
  WallTime created_at{};
  SharedText* tool = nullptr;
  SharedText* origin = nullptr;
  Owner* owner = nullptr;
  std::unique_ptr<Rare> rare;
  Link of_all;
  Link of_owner;
  Link of_state;  // while it runs: its owner's running tasks; then: all that ended, in the order they ended

  [[nodiscard]] Rare& with_rare() {
    if (!rare) rare = std::make_unique<Rare>();
    return *rare;
  }
};
static_assert(sizeof(Record) <= 136);

/// A list through `Member` of the records. Owns nothing.
template <Link Record::* Member>
class RecordList {
 public:
  void push_newest(Record& record) noexcept {
    (record.*Member) = Link{newest_, nullptr};
    (newest_ != nullptr ? (newest_->*Member).newer : oldest_) = &record;
    newest_ = &record;
  }
  void remove(Record& record) noexcept {
    const Link link = record.*Member;
    (link.older != nullptr ? (link.older->*Member).newer : oldest_) = link.newer;
    (link.newer != nullptr ? (link.newer->*Member).older : newest_) = link.older;
    (record.*Member) = {};
  }
  [[nodiscard]] Record* newest() const noexcept { return newest_; }
  [[nodiscard]] Record* oldest() const noexcept { return oldest_; }
  static Record* older(const Record& record) noexcept { return (record.*Member).older; }

 private:
  Record* oldest_ = nullptr;
  Record* newest_ = nullptr;
};

/// One owner and its tasks. Lives as long as it has any.
struct Owner {
  std::string user_id;
  std::uint64_t count = 0;
  RecordList<&Record::of_owner> tasks;
  RecordList<&Record::of_state> running;
};

/// Memory for records, in blocks; freed ones are used again.
class RecordPool {
 public:
  RecordPool() = default;
  RecordPool(const RecordPool&) = delete;
  RecordPool& operator=(const RecordPool&) = delete;
  ~RecordPool() = default;

  [[nodiscard]] Record* take();
  void give_back(Record* record) noexcept;

 private:
  struct Free {
    Free* next;
  };
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  Free* free_ = nullptr;
};

}  // namespace meantime::store
