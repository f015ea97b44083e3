// SPDX-License-Identifier: MIT
// scripts_lists.cpp: the scripts for the indexes. Lists and retention themselves walk in small steps, from outside:
// nothing holds the server.
#include "store/redis/script_texts.hpp"

namespace meantime::store::redis {

// A piece of an owner's or a tool's list, newest first. Reads only.
// KEYS 1 the list, or 1 and 2: the shorter one of the two    ARGV 1 below this number ("": from the newest)  2 how many
// -> numbers
const std::string_view slice_script = R"lua(
local list = KEYS[1]
if #KEYS == 2 and redis.call('LLEN', KEYS[2]) < redis.call('LLEN', list) then list = KEYS[2] end
local from = 0
local below = tonumber(ARGV[1])
if below then
  local high = redis.call('LLEN', list)
  while from < high do
    local middle = math.floor((from + high) / 2)
    if tonumber(redis.call('LINDEX', list, middle)) < below then high = middle else from = middle + 1 end
  end
end
return redis.call('LRANGE', list, from, from + ARGV[2] - 1)
)lua";

// Forgets one task that ended before a time, with all that is its own; or what is left of one that has expired. One of
// which something is still to be delivered stays.
// KEYS 1 task  2 failed  3 block of ids
// ARGV 1 id  2 our prefix  3 ended before (ms)  4 its number  5 "1": the older form too
//      6 most redirects of a task
// -> 1 forgotten, 2 it had expired already, 0 it stays
const std::string_view forget_script = R"lua(
local ours, n = ARGV[2], ARGV[4]
local h = redis.call('HMGET', KEYS[1], 'status', 'n', 'user_id', 'tool_name', 'k', 'a', 'o', 'b', 'dl', 'dp')
local function clear()
  local at = (n % 500) * 20
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('SETRANGE', KEYS[3], at, string.rep('\0', 20)) end
end
if not h[1] then
  redis.call('ZREM', KEYS[2], n)
  for i = 1, ARGV[6] do redis.call('ZREM', ours .. 'deliveries', ARGV[1] .. '-' .. i) end
  clear()
  return 2
end
local ended = tonumber(string.match(h[2] or '', ' (%d+)$') or '')
if h[1] == 'running' or not ended or ended >= tonumber(ARGV[3]) then return 0 end
if h[9] and tonumber(h[9]) > 0 then return 0 end
for i = 1, tonumber(h[10] or '0') do
  local delivery = ARGV[1] .. '-' .. i
  redis.call('DEL', ours .. 'd:' .. delivery, ours .. 'dc:' .. delivery)
  redis.call('ZREM', ours .. 'deliveries', delivery)
end
redis.call('DEL', KEYS[1])
if h[7] then redis.call('DEL', ours .. 'out:' .. ARGV[1]) end
if h[8] then redis.call('DEL', ours .. 'result:' .. ARGV[1] .. ':' .. (h[6] or '1')) end
if h[5] then
  local key = ours .. 'key:' .. #h[3] .. ':' .. h[3] .. ':' .. h[5]
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
if ARGV[5] == '1' then redis.call('DEL', 'task_result:' .. ARGV[1]) end
redis.call('LREM', ours .. 'owner:' .. h[3], -1, n)
redis.call('LREM', ours .. 'tool:' .. h[4], -1, n)
if h[1] == 'failed' then redis.call('ZREM', KEYS[2], n) end
clear()
return 1
)lua";

// Removes a block of ids in which none is left, unless it is the one that is being filled.
// KEYS 1 block  2 counter    ARGV 1 the block's number
// -> 1 when it is gone
const std::string_view drop_block_script = R"lua(
if math.floor((tonumber(redis.call('GET', KEYS[2]) or '0')) / 500) <= tonumber(ARGV[1]) then return 0 end
local ids = redis.call('GET', KEYS[1])
if ids and string.find(ids, '[^%z]') then return 0 end
redis.call('DEL', KEYS[1])
return 1
)lua";

// Cuts off the oldest numbers of an owner's or a tool's list whose tasks expired while no meantime process ran.
// KEYS 1 the list    ARGV 1 oldest number that is there  2 how many to look at
// -> how many were cut
const std::string_view trim_script = R"lua(
local cut = 0
while cut < tonumber(ARGV[2]) do
  local n = redis.call('LINDEX', KEYS[1], -1)
  if not n or tonumber(n) >= tonumber(ARGV[1]) then break end
  redis.call('RPOP', KEYS[1])
  cut = cut + 1
end
return cut
)lua";

}  // namespace meantime::store::redis
