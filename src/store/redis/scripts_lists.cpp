// SPDX-License-Identifier: MIT
// scripts_lists.cpp: the scripts that walk the indexes: lists in pages, and retention. Each step is bounded, so that
// the server is never held.
#include "store/redis/script_texts.hpp"

namespace meantime::store::redis {

// One step of a list, newest first. Reads only. Looks at no more than so many tasks; says where it stopped.
// KEYS 1 all  2 skew
// ARGV 1 task prefix  2 our prefix  3 how many are wanted  4 how many may be looked at  5 below this number ("": from
//      the newest)  6 cursor's id ("": none; used when 5 is "")  7 "1": of one owner  8 the owner  9 status or ""
//      10 "1": of one tool  11 the tool  12 created at or after (ms) or ""  13 created before (ms) or ""
//      14... the fields wanted
// -> {number to go on below, or "" at the end, the id of a task near it; then for each task:
//     {id, length of result, values of the fields}}
const std::string_view list_script = R"lua(
local task, ours = ARGV[1], ARGV[2]
local want, look = tonumber(ARGV[3]), tonumber(ARGV[4])
local owner, status, tool = ARGV[7] == '1', ARGV[9], ARGV[10] == '1'
local after, before = tonumber(ARGV[12]), tonumber(ARGV[13])
local below = tonumber(ARGV[5])
local function number_of(entry) return tonumber(string.match(entry[1], '^(%d+)')) end
local function edge(command, from, to)
  local found = redis.call(command, KEYS[1], from, to, 'COUNT', 1)
  return found[1]
end
if not below and ARGV[6] ~= '' then
  below = tonumber(redis.call('HGET', task .. ARGV[6], 'n') or '')
  if not below then
    -- That task is forgotten. Ids begin with their time, so its place lies between two that are still there.
    local first, last = edge('XRANGE', '-', '+'), edge('XREVRANGE', '+', '-')
    if not first then return {'', ''} end
    local low, high = number_of(first), number_of(last) + 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local entry = edge('XRANGE', string.format('%.0f-0', middle), '+')
      if entry and number_of(entry) < high and entry[2][2] < ARGV[6] then
        low = number_of(entry) + 1
      else
        high = middle
      end
    end
    below = low
  end
end
local skew = (after or before) and redis.call('HMGET', KEYS[2], 'behind', 'ahead') or {}
if before then
  -- In microseconds: a task is recorded after its call, at most so much later.
  local edge_of_age = (before + math.max(600000, tonumber(skew[1] or '0'))) * 1000
  if not below or edge_of_age < below then below = edge_of_age end
end
local oldest = after and (after - math.max(60000, tonumber(skew[2] or '0'))) * 1000
local score = below and '(' .. string.format('%.0f', below) or '+inf'
-- The tasks to look at: {number, id or false}, newest first, and whether there are more below the last.
local found, floor = {}, nil
if status == 'running' then
  local workers = redis.call('ZRANGE', ours .. 'workers', 0, -1)
  for _, w in ipairs(workers) do
    local each = redis.call('ZREVRANGEBYSCORE', ours .. 'run:' .. w, score, '-inf', 'WITHSCORES', 'LIMIT', 0, look)
    for i = 1, #each, 2 do found[#found + 1] = {tonumber(each[i + 1]), each[i]} end
    if #each == 2 * look then floor = math.max(floor or 0, tonumber(each[#each])) end
  end
  table.sort(found, function(a, b) return a[1] > b[1] end)
elseif owner or tool then
  local list = ours .. 'owner:' .. ARGV[8]
  if tool then
    local other = ours .. 'tool:' .. ARGV[11]
    if not owner or redis.call('LLEN', other) < redis.call('LLEN', list) then list = other end
  end
  local from = 0
  if below then
    local high = redis.call('LLEN', list)
    while from < high do
      local middle = math.floor((from + high) / 2)
      if tonumber(redis.call('LINDEX', list, middle)) < below then high = middle else from = middle + 1 end
    end
  end
  for _, n in ipairs(redis.call('LRANGE', list, from, from + look - 1)) do found[#found + 1] = {tonumber(n), false} end
  if #found == look then floor = found[#found][1] end
elseif status == 'failed' then
  for _, n in ipairs(redis.call('ZREVRANGEBYSCORE', ours .. 'failed', score, '-inf', 'LIMIT', 0, look)) do
    found[#found + 1] = {tonumber(n), false}
  end
  if #found == look then floor = found[#found][1] end
else
  local from = below and string.format('%.0f-0', below - 1) or '+'
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], from, '-', 'COUNT', look)) do
    found[#found + 1] = {number_of(entry), entry[2][2]}
  end
  if #found == look then floor = found[#found][1] end
end
local out = {'', ''}
local last
for _, each in ipairs(found) do
  local n, id = each[1], each[2]
  if oldest and n < oldest then return out end
  if floor and n < floor then break end
  if not id then
    local at = string.format('%.0f-0', n)
    local entry = redis.call('XRANGE', KEYS[1], at, at)[1]
    id = entry and entry[2][2]
  end
  if id then
    local h = redis.call('HMGET', task .. id, unpack(ARGV, 14))
    local created = math.floor(tonumber(h[4] or '0') * 1000 + 0.5)
    out[2] = id
    if h[1] and (not owner or h[5] == ARGV[8]) and (status == '' or h[3] == status) and (not tool or h[2] == ARGV[11])
       and (not after or created >= after) and (not before or created < before) then
      if #out > want + 1 then
        out[1], out[2] = string.format('%.0f', last), out[#out][1]
        return out
      end
      out[#out + 1] = {id, redis.call('HSTRLEN', task .. id, 'result'), h}
      last = n
    end
  end
end
if floor then out[1] = string.format('%.0f', floor) end
return out
)lua";

// One step of retention: forgets tasks that ended before a time, with all that is theirs.
// KEYS 1 all  2 skew  3 failed
// ARGV 1 task prefix  2 our prefix  3 ended before (ms)  4 from this number on  5 how many to look at  6 "1": the older
//      form too
// -> {number to go on from, or "" at the end, how many were forgotten, how many had expired already}
const std::string_view sweep_script = R"lua(
local task, ours = ARGV[1], ARGV[2]
local before = tonumber(ARGV[3])
local behind = math.max(600000, tonumber(redis.call('HGET', KEYS[2], 'behind') or '0'))
local newest = (before + behind) * 1000
local forgotten, expired = 0, 0
local entries = redis.call('XRANGE', KEYS[1], ARGV[4] .. '-0', '+', 'COUNT', ARGV[5])
local last = nil
for _, entry in ipairs(entries) do
  local n, id = string.match(entry[1], '^(%d+)'), entry[2][2]
  last = tonumber(n)
  if last > newest then return {'', forgotten, expired} end
  local h = redis.call('HMGET', task .. id, 'status', 'end', 'user_id', 'tool_name', 'k', 'a', 'o', 'b')
  if not h[1] then
    redis.call('XDEL', KEYS[1], entry[1])
    redis.call('ZREM', KEYS[3], n)
    expired = expired + 1
  elseif h[1] ~= 'running' and tonumber(h[2] or '0') < before then
    redis.call('DEL', task .. id)
    if h[7] then redis.call('DEL', ours .. 'out:' .. id) end
    if h[8] then redis.call('DEL', ours .. 'result:' .. id .. ':' .. (h[6] or '1')) end
    if h[5] then
      local key = ours .. 'key:' .. #h[3] .. ':' .. h[3] .. ':' .. h[5]
      if redis.call('GET', key) == id then redis.call('DEL', key) end
    end
    if ARGV[6] == '1' then redis.call('DEL', 'task_result:' .. id) end
    redis.call('XDEL', KEYS[1], entry[1])
    redis.call('LREM', ours .. 'owner:' .. h[3], -1, n)
    redis.call('LREM', ours .. 'tool:' .. h[4], -1, n)
    if h[1] == 'failed' then redis.call('ZREM', KEYS[3], n) end
    forgotten = forgotten + 1
  end
end
if #entries < tonumber(ARGV[5]) then return {'', forgotten, expired} end
return {string.format('%.0f', last + 1), forgotten, expired}
)lua";

// Cuts off the oldest numbers of an owner's or a tool's list whose tasks expired while no meantime process ran.
// KEYS 1 all  2 the list    ARGV 1 how many to look at
// -> how many were cut
const std::string_view trim_script = R"lua(
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local oldest = first and tonumber(string.match(first[1], '^(%d+)'))
local cut = 0
while cut < tonumber(ARGV[1]) do
  local n = redis.call('LINDEX', KEYS[2], -1)
  if not n or (oldest and tonumber(n) >= oldest) then break end
  redis.call('RPOP', KEYS[2])
  cut = cut + 1
end
return cut
)lua";

}  // namespace meantime::store::redis
