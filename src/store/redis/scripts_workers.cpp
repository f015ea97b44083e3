// SPDX-License-Identifier: MIT
// scripts_workers.cpp: the scripts about workers: leases, dead ones and what they left.
#include "store/redis/script_parts.hpp"
#include "store/redis/script_texts.hpp"

namespace meantime::store::redis {

// Renews a lease, and the expiry of a slice of the worker's running tasks with all that belongs to them.
// KEYS 1 workers  2 doubted  3 worker's running  4 counter
// ARGV 1 worker  2 lease (ms)  3 first of the slice (-1: none)  4 how many  5 running expiry (s)  6 index expiry (s)
//      7 task prefix  8 our prefix  9 how many running tasks the worker knows to have here
// -> {1, or 0: some of those are not here, how many the slice had}
const std::string_view heartbeat_script = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREM', KEYS[2], ARGV[1])  -- first: a server without memory lets a script add that has removed
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
local known = redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[9]) and 1 or 0
local first = tonumber(ARGV[3])
if first < 0 then return {known, 0} end
local ids = redis.call('ZRANGE', KEYS[3], first, first + ARGV[4] - 1)
for _, id in ipairs(ids) do
  local h = redis.call('HMGET', ARGV[7] .. id, 'user_id', 'tool_name', 'k', 'n', 'in')
  if h[1] then
    redis.call('EXPIRE', ARGV[7] .. id, ARGV[5])
    redis.call('EXPIRE', ARGV[8] .. 'out:' .. id, ARGV[5])
    if h[5] then redis.call('EXPIRE', ARGV[8] .. 'in:' .. id, ARGV[5]) end
    redis.call('EXPIRE', ARGV[8] .. 'owner:' .. h[1], ARGV[6])
    redis.call('EXPIRE', ARGV[8] .. 'tool:' .. h[2], ARGV[6])
    redis.call('EXPIRE', ARGV[8] .. 'ids:' .. string.format('%.0f', math.floor((tonumber(h[4]) or 0) / 500)), ARGV[6])
    if h[3] then redis.call('EXPIRE', ARGV[8] .. 'key:' .. #h[1] .. ':' .. h[1] .. ':' .. h[3], ARGV[5]) end
  end
end
for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ARGV[6]) end
return {known, #ids}
)lua";

// A worker goes by itself: nobody has to wait for its lease.
// KEYS 1 workers  2 doubted  3 worker's running  4 its last claim    ARGV 1 worker  2 channel of workers
const std::string_view leave_script = R"lua(
redis.call('DEL', KEYS[4])
if redis.call('ZCARD', KEYS[3]) == 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('EXPIRE', KEYS[2], 86400)
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
)lua";

namespace {
constexpr std::string_view reap_head = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, tasks, ours, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[14]
local count = tonumber(ARGV[16])
local tools = {}
for i = 17, 16 + count do tools[ARGV[i]] = true end
for i = 17 + count, #ARGV, 2 do
  if redis.call('HGET', KEYS[3], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[3], ARGV[i]) end
end
)lua";
constexpr std::string_view reap_tail = R"lua(
local lost = {}
local looked, stay = 0, 0
local left, skip = tonumber(ARGV[5]), tonumber(ARGV[13])
local function take(id, w, since)
  local h = redis.call('HMGET', tasks .. id, 'status', 'w', 'a', 'tool_name', 'rr', 'cancel', 'n', 'k', 'o', 'user_id', 'in',
    'rd')
  if h[1] ~= 'running' or h[2] ~= w then return false end
  local attempt = tonumber(h[3] or '1')
  local again = h[5] and not h[6] and attempt < tonumber(ARGV[10])
  local function forget_inputs()  -- they were asked by the run that is over
    if not h[11] then return end
    redis.call('HDEL', tasks .. id, 'in')
    redis.call('DEL', ours .. 'in:' .. id)
  end
  if again and tools[h[4]] then
    forget_inputs()
    attempt = string.format('%.0f', attempt + 1)
    redis.call('HSET', tasks .. id, 'w', me, 'a', attempt)
    redis.call('HDEL', tasks .. id, 'p')
    redis.call('ZADD', KEYS[4], h[7], id)
    redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now + ARGV[9]), me)
    redis.call('ZREM', KEYS[2], me)
    redis.call('HSET', KEYS[3], id, attempt)
    redis.call('EXPIRE', KEYS[3], ARGV[12])
    redis.call('EXPIRE', KEYS[4], ARGV[12])
  elseif again and since < tonumber(ARGV[11]) then
    return true
  else
    forget_inputs()
    local text = ARGV[7]
    if attempt > 1 then text = string.format('%s It was run %.0f times.', text, attempt) end
    redis.call('HSET', tasks .. id, 'status', 'failed', 'error', text, 'why', 'lost', 'n', h[7] .. ' ' .. ARGV[8])
    redis.call('HDEL', tasks .. id, 'args', 'rr')
    redis.call('EXPIRE', tasks .. id, ARGV[6])
    if h[8] then redis.call('EXPIRE', ours .. 'key:' .. #h[10] .. ':' .. h[10] .. ':' .. h[8], ARGV[6]) end
    if h[6] then redis.call('SREM', ours .. 'cancel:' .. w, id) end
    if h[9] then redis.call('EXPIRE', ours .. 'out:' .. id, ARGV[6]) end
    redis.call('ZADD', KEYS[5], h[7], h[7])
    redis.call('EXPIRE', KEYS[5], ARGV[6] * 2)
    redis.call('PUBLISH', tasks .. 'done:' .. id, '1')
    if h[12] then open_all(id, h[12], 'failed', h[10], h[4], ARGV[15], now) end
    lost[#lost + 1] = id
  end
  return false
end
for _, w in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do
  local doubted = w ~= me and redis.call('ZSCORE', KEYS[2], w)
  if w ~= me and not doubted then
    redis.call('ZADD', KEYS[2], string.format('%.0f', now), w)
    redis.call('EXPIRE', KEYS[2], 86400)
  elseif w ~= me and now - doubted >= tonumber(ARGV[4]) and left > 0 then
    local running = ours .. 'run:' .. w
    local since = now - redis.call('ZSCORE', KEYS[1], w)
    local size = redis.call('ZCARD', running)
    local from = math.min(skip, size)
    skip = skip - from
    local ids = redis.call('ZRANGE', running, from, from + left - 1)
    left = left - #ids
    looked = looked + #ids
    for _, id in ipairs(ids) do
      if take(id, w, since) then stay = stay + 1 else redis.call('ZREM', running, id) end
    end
    if redis.call('EXISTS', running) == 0 then
      redis.call('ZREM', KEYS[1], w)
      redis.call('ZREM', KEYS[2], w)
      redis.call('DEL', ours .. 'cancel:' .. w, ours .. 'claims:' .. w, ours .. 'took:' .. w)
    end
  end
end
local taken = {}
for i, each in ipairs(redis.call('HGETALL', KEYS[3])) do
  if i % 2 == 1 then
    local h = redis.call('HMGET', tasks .. each, 'w', 'a', 'status', 'tool_name', 'args', 'user_id', 'channel_id', 'platform', 'created_at')
    if h[1] == me and h[3] == 'running' then
      for _, value in ipairs({each, h[2], h[4], h[5] or '', h[6], h[7], h[8], h[9]}) do taken[#taken + 1] = value end
    else
      redis.call('HDEL', KEYS[3], each)
    end
  end
end
return {looked, stay, lost, taken}
)lua";
}  // namespace

// Ends the tasks of dead workers, or takes them over. A worker whose lease is over is doubted first: after a time in
// which nobody could renew (the server was away) all of them have that long to do so. A taken task stands in the
// claims of its new worker until that one has confirmed it, so that a lost answer loses no task.
// KEYS 1 workers  2 doubted  3 claims of this worker  4 running of this worker  5 failed
// ARGV 1 this worker  2 task prefix  3 our prefix  4 doubt (ms)  5 most tasks in this step  6 expiry (s)  7 error
//      8 ended (ms)  9 lease (ms)  10 most attempts  11 leave to others (ms)  12 running expiry (s)  13 first task of
//      the dead to look at  14 expiry while something is to be delivered (s)  15 how long who waits has to read it
//      first (ms)  16 how many tools follow, then they, then the confirmed claims: id, attempt, ...
// -> {how many were looked at (0: all is done), how many of these stay, {lost...}, {id, attempt, tool, arguments, user,
//     channel, platform, created...}}
const std::string_view reap_script = Joined<reap_head, lanes_lua, deliveries_lua, reap_tail>::text;

}  // namespace meantime::store::redis
