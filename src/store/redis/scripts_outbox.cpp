// SPDX-License-Identifier: MIT
// scripts_outbox.cpp: the scripts that change deliveries. The server's time decides what is due, so that machines whose
// clocks differ agree. A step names the call it belongs to: sent again, it is known as the same and done once.
#include "store/redis/script_parts.hpp"
#include "store/redis/script_texts.hpp"

namespace meantime::store::redis {
namespace {

constexpr std::string_view claim_head = R"lua(
local ours, keep = ARGV[1], ARGV[6]
)lua";
constexpr std::string_view claim_body = R"lua(
local worker, limit, of_one = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local now = server_now()
local out = {}
local function show(id) out[#out + 1] = {id, redis.call('HGETALL', ours .. 'd:' .. id)} end
local before = redis.call('HMGET', KEYS[2], 'call', 'ids')
if before[1] == ARGV[7] then
  for id, claim in string.gmatch(before[2], '(%S+) (%d+)') do
    local h = redis.call('HMGET', ours .. 'd:' .. id, 'state', 'worker', 'claim')
    if h[1] == 'sending' and h[2] == worker and h[3] == claim then show(id) end
  end
  return {text(now), '0', out}
end
local next_due
local function not_before(time)
  if not next_due or time < next_due then next_due = time end
end
local due = {}
for first = 8, #ARGV, 1000 do
  local last = math.min(first + 999, #ARGV)
  for i, at in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(ARGV, first, last))) do
    at = tonumber(at or nil)
    if at and at <= now then
      due[#due + 1] = {at, ARGV[first + i - 1]}
    elseif at then
      not_before(at)
    end
  end
end
table.sort(due, function(a, b) if a[1] ~= b[1] then return a[1] < b[1] end return a[2] < b[2] end)
-- The next delivery of a lane. What expired there while nobody looked is passed over.
local function first_of(destination, channel)
  local lane = lane_of(destination, channel)
  for _ = 1, 100 do
    local member = redis.call('HGET', ours .. 'busy', lane)
    if not member or not redis.call('ZSCORE', ours .. 'lane:' .. lane, member) then
      member = redis.call('ZRANGE', ours .. 'lane:' .. lane, 0, 0)[1]
    end
    if not member then
      place('', destination, channel, nil, false)
      return
    end
    local id = string.sub(member, 18)
    local h = redis.call('HMGET', ours .. 'd:' .. id, 'state', 'chunks', 'claim', 'n', 'due')
    if h[1] then return id, h end
    place(member, destination, channel, nil, false)
  end
end
local chosen = {}
for _, each in ipairs(due) do
  local destination = each[2]
  if #chosen == limit then
    next_due = now
    break
  end
  local paused = tonumber(string.match(redis.call('HGET', KEYS[3], destination) or '', '^(%d+) ') or nil)
  if paused and paused > now then
    not_before(paused)
  else
    if paused then redis.call('HDEL', KEYS[3], destination) end
    local lanes = ours .. 'lanes:' .. destination
    local later = redis.call('ZRANGEBYSCORE', lanes, '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if later then not_before(tonumber(later)) end
    local most = math.min(of_one, limit - #chosen)
    local channels = redis.call('ZRANGEBYSCORE', lanes, '-inf', text(now), 'LIMIT', 0, most + 1)
    if #channels > most then
      next_due = now
      channels[#channels] = nil
    end
    for _, channel in ipairs(channels) do
      local id, h = first_of(destination, channel)
      if id and tonumber(h[5]) <= now then
        if h[1] == 'sending' and tonumber(h[2] or '0') > 0 then redis.call('HSET', ours .. 'd:' .. id, 'doubt', '1') end
        local claim = text(tonumber(h[3] or '0') + 1)
        local held = now + ARGV[3]
        redis.call('HSET', ours .. 'd:' .. id, 'state', 'sending', 'worker', worker, 'claim', claim, 'due', text(held))
        place(member_of(h[4], id), destination, channel, held, true)
        chosen[#chosen + 1] = {tonumber(h[5]), tonumber(h[4]), id, claim}
      elseif id then
        not_before(tonumber(h[5]))
      end
    end
    settle(destination)
  end
end
table.sort(chosen, function(a, b) if a[1] ~= b[1] then return a[1] < b[1] end return a[2] < b[2] end)
local ids = {}
for i, each in ipairs(chosen) do
  show(each[3])
  ids[i] = each[3] .. ' ' .. each[4]
end
if #ids > 0 then
  redis.call('HSET', KEYS[2], 'call', ARGV[7], 'ids', table.concat(ids, ' '))
  redis.call('EXPIRE', KEYS[2], 3600)
end
return {text(now), next_due and text(next_due - now) or '-1', out}
)lua";

constexpr std::string_view step_head = R"lua(
local h = redis.call('HMGET', KEYS[1], 'state', 'worker', 'claim', 'step', 'sent', 'chunks', 'destination', 'channel',
  'n', 'attempts', 'repeated', 'failures', 'doubt')
if not h[1] then return 'gone' end
if h[4] == ARGV[7] then return 'ok' end
if h[1] ~= 'sending' or h[2] ~= ARGV[5] or h[3] ~= ARGV[6] then return 'over' end
local ours, tasks, keep = ARGV[1], ARGV[2], ARGV[3]
)lua";
constexpr std::string_view step_body = R"lua(
local id, task, state = ARGV[8], ARGV[9], ARGV[10]
local now = server_now()
local before, sent = tonumber(h[5] or '0'), tonumber(ARGV[11])
local more = sent > before
local due = now + ARGV[18]
local is_open = state == 'sending' or state == 'waiting'
-- All that changes in one command: each costs more than what it does.
local set = {'state', state, 'stepped', text(now), 'step', ARGV[7], 'due', text(due)}
local function put(name, value)
  set[#set + 1] = name
  set[#set + 1] = value
end
local function add(name, old, more_of_it)
  if more_of_it ~= '0' then put(name, text(tonumber(old or '0') + more_of_it)) end
end
if more then
  put('sent', text(sent))
  if h[12] then redis.call('HDEL', KEYS[1], 'failures') end
  if ARGV[12] == '1' then put('m' .. text(sent), ARGV[13]) end
else
  sent = before
  add('failures', h[12], ARGV[16])
end
add('attempts', h[10], ARGV[14])
add('repeated', h[11], ARGV[15])
if ARGV[17] == '1' then put('doubt', '1') elseif h[13] then redis.call('HDEL', KEYS[1], 'doubt') end
if ARGV[19] ~= '' then put('error', ARGV[19]) end
if not is_open then put('ended', text(now)) end
redis.call('HSET', KEYS[1], unpack(set))
local chunks = tonumber(h[6] or '0')
local half_sent = (sent > 0 or (ARGV[17] == '1' and chunks > 1)) and sent < chunks
local next_due = place(member_of(h[9], id), h[7], h[8], is_open and due or nil, state == 'sending' or half_sent)
settle(h[7])
if not is_open then
  if state == 'delivered' or state == 'suppressed' then redis.call('DEL', ours .. 'dc:' .. id) end
  closed(task, 1, ARGV[4])
end
if state ~= 'sending' and next_due then tell_due() end
return 'ok'
)lua";

constexpr std::string_view replay_head = R"lua(
local h = redis.call('HMGET', KEYS[1], 'state', 'again', 'sent', 'chunks', 'destination', 'channel',
  'n')
if not h[1] then return 'gone' end
if h[2] == ARGV[4] then return 'ok' end
if h[1] == 'waiting' or h[1] == 'sending' then return 'open' end
local ours, tasks, keep = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', tasks .. ARGV[6]) == 0 then return 'gone' end
)lua";
constexpr std::string_view replay_body = R"lua(
local id, task = ARGV[5], ARGV[6]
local now = server_now()
local whole = h[1] ~= 'partial'
begin_again(id, whole, now)
redis.call('HSET', KEYS[1], 'due', text(now), 'again', ARGV[4])
local sent = tonumber(h[3] or '0')
place(member_of(h[7], id), h[5], h[6], now, not whole and sent > 0 and sent < tonumber(h[4] or '0'))
settle(h[5])
redis.call('HINCRBY', tasks .. task, 'dl', 1)
retain(task, keep)
tell_due()
return 'ok'
)lua";

constexpr std::string_view suppress_head = R"lua(
local h = redis.call('HMGET', KEYS[1], 'dl', 'dp')
if (h[1] or '0') == '0' then return 0 end
local ours, tasks, keep = ARGV[1], ARGV[2], ARGV[3]
)lua";
constexpr std::string_view suppress_body = R"lua(
local suppressed = 0
local now = server_now()
for i = 1, tonumber(h[2]) do
  local id = ARGV[5] .. '-' .. i
  local key = ours .. 'd:' .. id
  local d = redis.call('HMGET', key, 'state', 'quiet', 'attempts', 'round', 'destination', 'channel', 'n')
  if d[1] == 'waiting' and d[2] == '1' and (d[3] or '0') == '0' and (d[4] or '1') == '1' then
    redis.call('HSET', key, 'state', 'suppressed', 'ended', text(now))
    redis.call('DEL', ours .. 'dc:' .. id)
    place(member_of(d[7], id), d[5], d[6], nil, false)
    settle(d[5])
    suppressed = suppressed + 1
  end
end
if suppressed > 0 then closed(ARGV[5], suppressed, ARGV[4]) end
return suppressed
)lua";

}  // namespace

// Holds due deliveries for a worker. Of a lane only the first, or the one that is held or half sent. What the worker's
// last claim took stands beside, so that a claim whose answer was lost finds the same again.
// KEYS 1 destinations by when they are due  2 worker's last claim  3 pauses
// ARGV 1 our prefix  2 worker  3 hold (ms)  4 most  5 most of one destination  6 expiry of what is open (s)  7 name of
//      this call  8... destinations
// -> {now (ms), ms until the next one is due or -1, {{id, {field, value...}}...}}
const std::string_view claim_script = Joined<claim_head, lanes_lua, claim_body>::text;

// Keeps the messages of a delivery.
// KEYS 1 delivery  2 messages    ARGV 1 worker  2 claim  3 expiry (s)  4... messages
// -> "ok" | "gone" | "over" (not this claim's any more)
const std::string_view plan_script = R"lua(
local h = redis.call('HMGET', KEYS[1], 'state', 'worker', 'claim')
if not h[1] then return 'gone' end
if h[1] ~= 'sending' or h[2] ~= ARGV[1] or h[3] ~= ARGV[2] then return 'over' end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'chunks', string.format('%.0f', #ARGV - 3), 'stepped', now)
redis.call('DEL', KEYS[2])
for first = 4, #ARGV, 500 do
  local fields = {}
  for i = first, math.min(first + 499, #ARGV) do
    fields[#fields + 1] = string.format('%.0f', i - 3)
    fields[#fields + 1] = ARGV[i]
  end
  redis.call('HSET', KEYS[2], unpack(fields))
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 'ok'
)lua";

// What became of an attempt.
// KEYS 1 delivery
// ARGV 1 our prefix  2 task prefix  3 expiry of what is open (s)  4 finished expiry (s)  5 worker  6 claim
//      7 name of this call  8 delivery's id  9 task's id  10 state  11 sent  12 "1": there is a remote id  13 it
//      14 attempts  15 repeated  16 "1": failed  17 "1": in doubt  18 due in (ms)  19 error or ""
// -> as above
const std::string_view step_script = Joined<step_head, lanes_lua, deliveries_lua, step_body>::text;

// Sends one that is over again.
// KEYS 1 delivery
// ARGV 1 our prefix  2 task prefix  3 expiry of what is open (s)  4 name of this call  5 delivery's id  6 task's id
// -> "ok" | "gone" | "open"
const std::string_view replay_script = Joined<replay_head, lanes_lua, deliveries_lua, replay_body>::text;

// Its result was read: what waits with `quiet` and was never begun is not sent.
// KEYS 1 task    ARGV 1 our prefix  2 task prefix  3 expiry of what is open (s)  4 finished expiry (s)  5 task's id
// -> how many
const std::string_view suppress_script = Joined<suppress_head, lanes_lua, deliveries_lua, suppress_body>::text;

// KEYS 1 pauses    ARGV 1 our prefix  2 destination  3 for how long (ms; 0: go on)  4 why  5 least expiry (s)
// -> 1
const std::string_view pause_script = R"lua(
if tonumber(ARGV[3]) <= 0 then
  if redis.call('HDEL', KEYS[1], ARGV[2]) == 1 then redis.call('PUBLISH', ARGV[1] .. 'due-now', '1') end
  return 1
end
local time = redis.call('TIME')
local till = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3]
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f', till) .. ' ' .. ARGV[4])
local least = math.ceil(ARGV[3] / 1000) + ARGV[5]
if redis.call('TTL', KEYS[1]) < least then redis.call('EXPIRE', KEYS[1], string.format('%.0f', least)) end
return 1
)lua";

// Counts a slice of the deliveries by destination and state; what expired while no meantime process ran leaves the
// list here.
// KEYS 1 deliveries    ARGV 1 our prefix  2 above this number  3 how many
// -> {number of the last one, or "": that was all, destination, state, how many...}
const std::string_view loads_script = R"lua(
local page = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local counts, order = {}, {}
for i = 1, #page, 2 do
  local h = redis.call('HMGET', ARGV[1] .. 'd:' .. page[i], 'destination', 'state')
  if h[1] and h[2] then
    local of = counts[h[1]]
    if not of then
      of = {}
      counts[h[1]] = of
      order[#order + 1] = h[1]
    end
    of[h[2]] = (of[h[2]] or 0) + 1
  else
    redis.call('ZREM', KEYS[1], page[i])
  end
end
local out = {#page >= 2 * ARGV[3] and page[#page] or ''}
for _, destination in ipairs(order) do
  for state, count in pairs(counts[destination]) do
    out[#out + 1] = destination
    out[#out + 1] = state
    out[#out + 1] = count
  end
end
return out
)lua";

}  // namespace meantime::store::redis
