// SPDX-License-Identifier: MIT
// queries.cpp: what reads tasks and changes nothing.
#include "core/text_page.hpp"
#include "core/utf8.hpp"
#include "store/messages.hpp"
#include "store/redis/large_results.hpp"
#include "store/redis/redis_store.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::size_t fresh_bytes = 16UL << 10U;
constexpr std::size_t fresh_results = 256;
constexpr Milliseconds fresh_for{1'000};

// The original's "running" may arrive after its end, and take the place of its status (F01, F02): what else there is
// tells the truth.
void repair_originals(TaskRecord& record, std::optional<std::string_view> result, ReplyView older) {
  if (record.status == TaskStatus::running && (result || !record.error.empty())) {
    record.status = result ? TaskStatus::completed : TaskStatus::failed;
  } else if (!result && record.error.empty() && !older.is_null()) {
    if (auto legacy = parse_legacy(record.task_id, older.text())) {
      record.status = legacy->record.status;
      record.error = std::move(legacy->record.error);
      record.result_bytes = legacy->record.result_bytes;
      record.result_chars = legacy->record.result_chars;
    }
  }
  if (record.status != TaskStatus::running && result) record.result_chars = utf8::count(*result);
}

}  // namespace

Task<Result<TaskRecord>> RedisStore::find(TaskId task) {
  co_await watches_.confirmed(task);
  // Both forms in one look, so that how long it takes says nothing about which there is (S30, S31).
  Request request;
  request.push("HGETALL", keys_.task(task));
  request.push("GET", keys_.legacy(task));
  auto replies = co_await ask(std::move(request), "store.find", "LT");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  const ReplyView hash = (*replies)[0].view();
  if (hash.size() == 0) {
    const ReplyView older = (*replies)[1].view();
    auto legacy = older.is_null() ? std::nullopt : parse_legacy(task, older.text());
    if (!legacy) co_return no_such_task("store.find", task);
    co_return std::move(legacy->record);
  }
  TaskRecord record;
  record.task_id = task;
  std::string_view name;
  std::optional<std::string_view> result;
  bool is_name = true;
  bool ours = false;
  bool has_status = false;
  bool asks = false;
  for (const ReplyView each : hash) {
    if (is_name) {
      name = each.text();
    } else if (name == "result") {
      result = each.text();
    } else {
      if (name == "task_id" && each.text() != task.text()) co_return std::unexpected(out_of_step("store.find"));
      ours = ours || name == "n";
      has_status = has_status || name == "status";
      asks = asks || (name == "in" && each.text() != "0");
      set_field(record, name, each.text());
    }
    is_name = !is_name;
  }
  if (!has_status) {
    co_return fail(errc::corrupt, "store.find",
                   options_.place() + " holds something that is no task under the key '" + keys_.task(task) +
                       "': another program uses the same prefix; choose another one");
  }
  if (!ours) repair_originals(record, result, (*replies)[1].view());
  complete_record(record, result.value_or("").size());
  if (asks && record.status == TaskStatus::running) {
    if (auto added = co_await add_open_inputs({&record}); !added) co_return std::unexpected(std::move(added.error()));
  }
  if (ours && result && record.status != TaskStatus::running && record.result_bytes == result->size() &&
      result->size() <= fresh_bytes) {
    if (fresh_.size() >= fresh_results) fresh_.clear();
    fresh_.insert_or_assign(task, Fresh{clock_.coarse_now(), std::string(*result)});
  }
  co_return record;
}

Task<Result<TextPage>> RedisStore::read_result(TaskId task, std::uint64_t offset_chars, std::uint64_t limit_chars) {
  if (const auto fresh = fresh_.find(task); fresh != fresh_.end()) {
    // A finished result never changes; after a moment its task may be forgotten, so then the server is asked.
    const Fresh looked = std::move(fresh->second);
    fresh_.erase(fresh);
    if (clock_.coarse_now() - looked.looked_at < fresh_for) co_return page_of(looked.result, offset_chars, limit_chars);
  }
  Request request;
  request.push("HMGET", keys_.task(task), "status", "result", "b", "c", "a", "n");
  request.push("GET", keys_.legacy(task));
  auto replies = co_await ask(std::move(request), "store.read_result", "LT");
  if (!replies) co_return std::unexpected(std::move(replies.error()));
  const ReplyView hash = (*replies)[0].view();
  if (hash.size() != 6) co_return std::unexpected(out_of_step("store.read_result"));
  const bool originals_in_two_steps = hash[5].is_null() && hash[1].is_null() && !(*replies)[1].view().is_null();
  if (hash[0].is_null() || originals_in_two_steps) {
    const ReplyView older = (*replies)[1].view();
    auto legacy = older.is_null() ? std::nullopt : parse_legacy(task, older.text());
    if (!legacy) co_return no_such_task("store.read_result", task);
    co_return page_of(legacy->result, offset_chars, limit_chars);
  }
  if (hash[2].is_null()) co_return page_of(hash[1].text(), offset_chars, limit_chars);
  TextPage page;
  page.offset = offset_chars;
  page.total_bytes = static_cast<std::uint64_t>(hash[2].integer());
  page.total_chars = static_cast<std::uint64_t>(hash[3].integer());
  const auto attempt = hash[4].is_null() ? 1U : static_cast<std::uint32_t>(hash[4].integer());
  co_return co_await read_chunks(keys_.chunks(task, attempt), std::move(page), limit_chars);
}

Task<Result<TextPage>> RedisStore::read_chunks(std::string key, TextPage page, std::uint64_t limit_chars) {
  Request sizes_request;
  sizes_request.push("HGET", key, chunk_sizes_field);
  auto sizes_reply = co_await ask(std::move(sizes_request), "store.read_result", "T");
  if (!sizes_reply) co_return std::unexpected(std::move(sizes_reply.error()));
  const auto sizes = parse_sizes(sizes_reply->front().view().text());
  const auto gone = [&] {
    return fail(errc::corrupt, "store.read_result",
                "the chunks of this result are gone from the server: somebody removed '" + key + "'");
  };
  if (sizes.empty()) co_return gone();
  const ChunkRange range = chunks_of_page(sizes, page.offset, limit_chars);
  // One chunk a request: others' commands go between them.
  std::string text;
  for (std::size_t i = 0; i < range.count; ++i) {
    Request request;
    request.push("HGET", key, std::to_string(range.first + i));
    auto reply = co_await ask(std::move(request), "store.read_result", "T");
    if (!reply) co_return std::unexpected(std::move(reply.error()));
    if (reply->front().view().is_null()) co_return gone();
    text += reply->front().view().text();
  }
  const std::size_t from = utf8::byte_offset(text, range.skip_chars);
  page.text = text.substr(from);
  if (limit_chars != 0) page.text.resize(utf8::byte_offset(page.text, limit_chars));
  co_return page;
}

Task<Result<std::string>> RedisStore::read_output(TaskId task, std::uint64_t offset_bytes, std::uint64_t limit_bytes) {
  constexpr int attempts = 3;
  for (int i = 0;; ++i) {
    Request look;
    look.push("HMGET", keys_.task(task), "status", "o", "os");
    auto before = co_await ask(std::move(look), "store.read_output", "L");
    if (!before) co_return std::unexpected(std::move(before.error()));
    const ReplyView hash = before->front().view();
    if (hash.size() != 3) co_return std::unexpected(out_of_step("store.read_output"));
    if (hash[0].is_null()) co_return no_such_task("store.read_output", task);
    const auto total = static_cast<std::uint64_t>(hash[1].integer());
    const auto start = static_cast<std::uint64_t>(hash[2].integer());
    const std::uint64_t from = std::max(offset_bytes, start);
    if (from >= total || limit_bytes == 0) co_return std::string();
    const std::uint64_t last = std::min(limit_bytes, total - from) + from - 1;
    Request read;
    read.push("GETRANGE", keys_.output(task), std::to_string(from - start), std::to_string(last - start));
    read.push("HGET", keys_.task(task), "os");
    auto piece = co_await ask(std::move(read), "store.read_output", "T");
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    const bool moved = static_cast<std::uint64_t>((*piece)[1].view().integer()) != start;  // its front was dropped
    if (!moved || i == attempts) co_return std::string((*piece)[0].view().text());
  }
}

Task<Result<std::vector<TaskId>>> RedisStore::cancel_requests() {
  std::vector<TaskId> out;
  Request request;
  request.push("SMEMBERS", keys_.cancels(worker_));
  auto reply = co_await ask(std::move(request), "store.cancel_requests", "L");
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  for (const ReplyView each : reply->front().view()) {
    if (auto id = TaskId::parse(each.text())) out.push_back(*id);
  }
  co_return out;
}

}  // namespace meantime::store::redis
