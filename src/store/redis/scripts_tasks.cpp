// SPDX-License-Identifier: MIT
// scripts_tasks.cpp: the scripts that change one task.
#include "store/redis/script_parts.hpp"
#include "store/redis/script_texts.hpp"

namespace meantime::store::redis {

// Remembers a running task. Its number is its place in the order of recording: lists go by it. The ids stand in
// blocks of 500, 20 bytes each, at the place that their number says.
// KEYS 1 task  2 counter  3 owner's list  4 tool's list  5 worker's running  6 workers  7 skew  8 idempotency key
// ARGV 1 id  2 worker  3 running expiry (s)  4 index expiry (s)  5 "1": renew the expiry of the lists  6 lease (ms)
//      7 "1": a start of this worker may have been here already  8 "1": there is a key  9 created (ms), where it is
//      far from now; else ""  10 id's 20 bytes  11 before the names of blocks  12... fields and values
// -> {"ok"} | {"joined", id} | {"taken", the worker that runs it or ""}
const std::string_view start_script = R"lua(
if ARGV[8] == '1' then
  local first = redis.call('GET', KEYS[8])
  if first and first ~= ARGV[1] then return {'joined', first} end
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  local h = redis.call('HMGET', KEYS[1], 'w', 'status')
  if ARGV[7] == '1' and h[1] == ARGV[2] then return {'ok'} end
  return {'taken', h[2] == 'running' and h[1] or ''}
end
local known = redis.call('ZSCORE', KEYS[6], ARGV[2])
if not known or ARGV[9] ~= '' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if not known then redis.call('ZADD', KEYS[6], string.format('%.0f', now + ARGV[6]), ARGV[2]) end
  local late = ARGV[9] ~= '' and now - ARGV[9] or 0
  local field = late > 0 and 'behind' or 'ahead'
  if math.abs(late) > tonumber(redis.call('HGET', KEYS[7], field) or '0') then
    redis.call('HSET', KEYS[7], field, string.format('%.0f', math.abs(late)))
  end
  if ARGV[9] ~= '' then redis.call('EXPIRE', KEYS[7], ARGV[4]) end
end
local n = redis.call('INCR', KEYS[2])
local block = ARGV[11] .. string.format('%.0f', math.floor(n / 500))
local at = (n % 500) * 20
local renew = ARGV[5] == '1'
local last = 499 * 20
local function fill() redis.call('SETRANGE', block, last, string.rep('\0', 20)) end
if at == 0 or n == 1 then fill() end  -- whole from the start: growing would leave it with twice the memory
if redis.call('SETRANGE', block, at, ARGV[10]) < last + 20 then
  fill()  -- it had expired
  renew = true
elseif at == 0 or n == 1 or at == last then
  renew = true
end
n = string.format('%.0f', n)
if redis.call('LPUSH', KEYS[3], n) == 1 then renew = true end
if redis.call('LPUSH', KEYS[4], n) == 1 then renew = true end
redis.call('ZADD', KEYS[5], n, ARGV[1])
if redis.call('ZCARD', KEYS[5]) == 1 then
  renew = true
  if known then
    -- It had nothing to run: its lease may be over, and others about to think it dead.
    local time = redis.call('TIME')
    redis.call('ZADD', KEYS[6], 'GT', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[6]), ARGV[2])
  end
end
redis.call('HSET', KEYS[1], 'n', n, unpack(ARGV, 12))
redis.call('EXPIRE', KEYS[1], ARGV[3])
if ARGV[8] == '1' then redis.call('SET', KEYS[8], ARGV[1], 'EX', ARGV[3]) end
if renew then
  for i = 2, 6 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
  redis.call('EXPIRE', block, ARGV[4])
end
return {'ok'}
)lua";

namespace {
constexpr std::string_view finish_head = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'a', 'n', 'k', 'o', 'cancel', 'user_id', 'in', 'rd', 'tool_name')
if not h[1] then return 'gone' end
local same_run = (h[3] or '1') == ARGV[3]
local mine = h[2] == ARGV[2] and same_run
if h[1] ~= 'running' or not mine then
  if same_run and h[1] == ARGV[5] and string.match(h[4] or '', ' (%d+)$') == ARGV[7] then return 'ok' end
  return 'late'
end
if ARGV[9] ~= '0' then
  if redis.call('HLEN', KEYS[7]) < tonumber(ARGV[9]) then return 'chunks' end
  redis.call('EXPIRE', KEYS[7], ARGV[4])
end
redis.call('HSET', KEYS[1], 'status', ARGV[5], 'n', h[4] .. ' ' .. ARGV[7], unpack(ARGV, 12))
if ARGV[5] == 'completed' then
  redis.call('HDEL', KEYS[1], 'w', 'args', 'rr')
else
  redis.call('HDEL', KEYS[1], 'args', 'rr')
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[5] == 'failed' then
  redis.call('ZADD', KEYS[3], h[4], h[4])
  redis.call('EXPIRE', KEYS[3], ARGV[4] * 2)
end
if h[5] then redis.call('EXPIRE', KEYS[4] .. 'key:' .. #h[8] .. ':' .. h[8] .. ':' .. h[5], ARGV[4]) end
if h[6] then redis.call('EXPIRE', KEYS[8], ARGV[4]) end
if h[7] then redis.call('SREM', KEYS[6], ARGV[1]) end
if h[9] then
  redis.call('HDEL', KEYS[1], 'in')
  redis.call('DEL', KEYS[9])
end
redis.call('PUBLISH', ARGV[6], '1')
if ARGV[8] ~= '' then redis.call('SET', KEYS[5], ARGV[8], 'EX', 86400) end
if h[10] then
  local ours, keep = KEYS[4], ARGV[10]
  local tasks = string.sub(KEYS[1], 1, -#ARGV[1] - 1)
)lua";
constexpr std::string_view finish_tail = R"lua(
  open_all(ARGV[1], h[10], ARGV[5], h[8], h[11], ARGV[11], server_now())
end
return 'ok'
)lua";
}  // namespace

// Ends a task: state, result and expiry in one step. `n` then also holds the time of the end. Only the worker and
// attempt that run it now may; the same end again is no second one. What is to be delivered comes into being with it.
// KEYS 1 task  2 worker's running  3 failed  4 our prefix (the idempotency key is made from the hash)
//      5 older form  6 worker's cancels  7 chunks  8 output  9 inputs
// ARGV 1 id  2 worker  3 attempt  4 expiry (s)  5 status  6 done channel  7 ended (ms)  8 older form's text, or ""
//      9 how many fields the chunks' hash has, when the result is in chunks; else 0  10 expiry while something is to
//      be delivered (s)  11 how long who waits has to read it first (ms)  12... fields and values
// -> "ok" | "late" (say it again with the script below) | "gone" | "chunks" (they are not there: write them again)
const std::string_view finish_script = Joined<finish_head, lanes_lua, deliveries_lua, finish_tail>::text;

// Keeps an end that came after the outcome was decided beside it: the first such one.
// KEYS 1 task    ARGV 1 the end as text
// -> 1, or 0: the task is gone
const std::string_view late_script = R"lua(
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSETNX', KEYS[1], 'late', ARGV[1])
return 1
)lua";

// KEYS 1 task    ARGV 1 worker  2 attempt  3 progress  4 channel of changes
// -> 1, 0 (it is not this run's any more), or -1 (no such task)
const std::string_view progress_script = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'a')
if not h[1] then return -1 end
if h[1] ~= 'running' or h[2] ~= ARGV[1] or (h[3] or '1') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'p', ARGV[3])
redis.call('PUBLISH', ARGV[4], '1')
return 1
)lua";

// Adds to the partial output what is not there yet: `at` says where the piece begins, so that a piece sent twice is
// kept once.
// KEYS 1 task  2 output    ARGV 1 worker  2 attempt  3 bytes  4 at, or -1: wherever the end is  5 kept bytes
//      6 expiry (s)  7 channel of changes
// -> bytes in all, 0 (it is not this run's any more), or -1 (no such task)
const std::string_view output_script = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'a', 'o', 'os')
if not h[1] then return -1 end
if h[1] ~= 'running' or h[2] ~= ARGV[1] or (h[3] or '1') ~= ARGV[2] then return 0 end
local total = tonumber(h[4] or '0')
local at = tonumber(ARGV[4])
local piece = ARGV[3]
if at >= 0 and at < total then piece = string.sub(piece, total - at + 1) end
if #piece == 0 then return total end
local size = redis.call('APPEND', KEYS[2], piece)
local keep = tonumber(ARGV[5])
total = total + #piece
if size > 2 * keep then
  redis.call('SET', KEYS[2], redis.call('GETRANGE', KEYS[2], -keep, -1), 'KEEPTTL')
  size = keep
end
if size == #piece then redis.call('EXPIRE', KEYS[2], ARGV[6]) end
redis.call('HSET', KEYS[1], 'o', string.format('%.0f', total), 'os', string.format('%.0f', total - size))
redis.call('PUBLISH', ARGV[7], '1')
return total
)lua";

// Asks for a task's end, and tells its worker. Reads the worker's name from the task, so its keys are made here.
// KEYS 1 task    ARGV 1 id  2 our prefix  3 expiry (s)
// -> "ok" | "gone" | "final" | "foreign" (a process of the original system runs it: it cannot be asked)
const std::string_view cancel_script = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'cancel')
if not h[1] then return 'gone' end
if h[1] ~= 'running' then return 'final' end
if not h[2] then return 'foreign' end
redis.call('HSET', KEYS[1], 'cancel', '1')
redis.call('SADD', ARGV[2] .. 'cancel:' .. h[2], ARGV[1])
redis.call('EXPIRE', ARGV[2] .. 'cancel:' .. h[2], ARGV[3])
redis.call('PUBLISH', ARGV[2] .. 'to:' .. h[2], 'c ' .. ARGV[1])
return 'ok'
)lua";

namespace {
constexpr std::string_view redirect_head = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'rd', 'user_id', 'tool_name', 'dp')
if not h[1] then return 'gone' end
local list = h[3] and cjson.decode(h[3]) or {}
local at = #list + 1
for i, each in ipairs(list) do
  if each[1] == ARGV[3] and each[2] == ARGV[4] and each[3] == ARGV[5] then at = i end
end
if at > tonumber(ARGV[8]) then return 'full' end
local delivery = ARGV[2] .. 'd:' .. ARGV[1] .. '-' .. at
if h[1] ~= 'running' and redis.call('HGET', delivery, 'again') == ARGV[10] then return 'ok' end
list[at] = {ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[11]}
redis.call('HSET', KEYS[1], 'rd', cjson.encode(list))
if h[1] == 'running' then
  if h[2] and h[2] ~= ARGV[9] then redis.call('PUBLISH', ARGV[2] .. 'to:' .. h[2], 'r ' .. ARGV[1]) end
elseif ARGV[7] == 'always' or ARGV[7] == h[1] then
  local ours, keep = ARGV[2], ARGV[12]
  local tasks = string.sub(KEYS[1], 1, -#ARGV[1] - 1)
)lua";
constexpr std::string_view redirect_tail = R"lua(
  local fresh = open(ARGV[1], at, list[at], h[4] or '', h[5] or '', ARGV[13], server_now())
  redis.call('HSET', delivery, 'again', ARGV[10])
  if fresh then
    redis.call('HINCRBY', KEYS[1], 'dl', 1)
    if at > tonumber(h[6] or '0') then redis.call('HSET', KEYS[1], 'dp', at) end
    retain(ARGV[1], keep)
    tell_due()
  end
end
return 'ok'
)lua";
}  // namespace

// Sets where a result goes: a list of {destination, platform, channel, max_chars, on, quiet}, in JSON. The first three
// name it. Of a task that has ended, and so, it is to be delivered now; the same call again does that once.
// KEYS 1 task    ARGV 1 id  2 our prefix  3 destination  4 platform  5 channel  6 max_chars  7 on  8 most of them
//      9 the worker who asks: it need not be told  10 name of this call  11 "1": quiet  12 expiry while something is
//      to be delivered (s)  13 how long who waits has to read the result of a quiet one first (ms)
// -> "ok" | "gone" | "full"
const std::string_view redirect_script = Joined<redirect_head, lanes_lua, deliveries_lua, redirect_tail>::text;

// Adds what a running task asks of its caller, all or nothing. In the hash of inputs a field is named by its key:
// "<place> o <bytes of method> <method><params>" while it is open, "<place> a <response>" then: texts are never taken
// apart. The task's field `in` counts the open ones. KEYS 1 task  2 inputs ARGV 1 worker  2 attempt  3 most of them
// open  4 most of them in all  5 expiry (s)  6 channel of changes
//      7... key, "<bytes of method> <method><params>"
// -> "ok" | "gone" | "over" (ended, or another's run) | "full" | "used <key>"
const std::string_view ask_script = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'a', 'in')
if not h[1] then return 'gone' end
if h[1] ~= 'running' or h[2] ~= ARGV[1] or (h[3] or '1') ~= ARGV[2] then return 'over' end
local place = redis.call('HLEN', KEYS[2])
local fresh, seen = {}, {}
for i = 7, #ARGV, 2 do
  local there = seen[ARGV[i]] or redis.call('HGET', KEYS[2], ARGV[i])
  if not there then
    seen[ARGV[i]] = '0 o ' .. ARGV[i + 1]
    fresh[#fresh + 1] = ARGV[i]
    fresh[#fresh + 1] = string.format('%.0f', place) .. ' o ' .. ARGV[i + 1]
    place = place + 1
  elseif string.match(there, '^%d+ o ()') == nil or string.sub(there, string.match(there, '^%d+ o ()')) ~= ARGV[i + 1] then
    return 'used ' .. ARGV[i]
  end
end
local open = tonumber(h[4] or '0') + #fresh / 2
if open > tonumber(ARGV[3]) or place > tonumber(ARGV[4]) then return 'full' end
if #fresh == 0 then return 'ok' end
redis.call('HSET', KEYS[2], unpack(fresh))
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('HSET', KEYS[1], 'in', string.format('%.0f', open))
redis.call('PUBLISH', ARGV[6], '1')
return 'ok'
)lua";

// Gives open inputs of a running task their responses, and tells its worker. Unknown and answered ones are passed over.
// KEYS 1 task  2 inputs    ARGV 1 id  2 our prefix  3 the worker who asks: it need not be told  4 channel of changes
//      5... key, response
// -> how many, or -1 (no such task)
const std::string_view answer_script = R"lua(
local h = redis.call('HMGET', KEYS[1], 'status', 'w', 'in')
if not h[1] then return -1 end
if h[1] ~= 'running' or not h[2] or not h[3] then return 0 end
local answered = 0
for i = 5, #ARGV, 2 do
  local place = string.match(redis.call('HGET', KEYS[2], ARGV[i]) or '', '^(%d+) o ')
  if place then
    redis.call('HSET', KEYS[2], ARGV[i], place .. ' a ' .. ARGV[i + 1])
    answered = answered + 1
  end
end
if answered == 0 then return 0 end
redis.call('HSET', KEYS[1], 'in', string.format('%.0f', tonumber(h[3]) - answered))
if h[2] ~= ARGV[3] then redis.call('PUBLISH', ARGV[2] .. 'to:' .. h[2], 'i ' .. ARGV[1]) end
redis.call('PUBLISH', ARGV[4], '1')
return answered
)lua";

}  // namespace meantime::store::redis
