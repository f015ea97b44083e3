// SPDX-License-Identifier: MIT
// script_parts.hpp: Lua that several scripts share: where open deliveries wait, and how one comes into being.
#pragma once

#include <array>
#include <string_view>

namespace meantime::store::redis {

/// Where open deliveries wait: each channel of a destination is a lane. Expects the locals `ours` (our prefix) and
/// `keep` (expiry of what is open, s).
inline constexpr std::string_view lanes_lua = R"lua(
local function text(number) return string.format('%.0f', number) end
local function server_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function lane_of(destination, channel) return #destination .. ':' .. destination .. ':' .. channel end
-- In lanes a number stands before the id, so that of those that are due together the one that came first goes first.
local function member_of(n, id) return string.format('%016.0f:%s', n, id) end
-- Puts a delivery into its lane, due then, or takes it out (no due); `busy`: it keeps the others there waiting, unless
-- another does already. Answers when the lane can next be claimed.
local function place(member, destination, channel, due, busy)
  local lane = lane_of(destination, channel)
  local key, lanes = ours .. 'lane:' .. lane, ours .. 'lanes:' .. destination
  if due then
    redis.call('ZADD', key, text(due), member)
    redis.call('EXPIRE', key, keep)
  else
    redis.call('ZREM', key, member)
  end
  local holder = redis.call('HGET', ours .. 'busy', lane)
  local at = holder and redis.call('ZSCORE', key, holder)
  if at and holder == member and not busy then at = nil end
  if at then
    redis.call('EXPIRE', ours .. 'busy', keep)
  elseif due and busy then
    at = text(due)
    redis.call('HSET', ours .. 'busy', lane, member)
    redis.call('EXPIRE', ours .. 'busy', keep)
  else
    if holder then redis.call('HDEL', ours .. 'busy', lane) end
    at = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  end
  if at then
    redis.call('ZADD', lanes, at, channel)
    redis.call('EXPIRE', lanes, keep)
  else
    redis.call('ZREM', lanes, channel)
  end
  return at
end
-- Says when the first lane of a destination can be claimed: after its lanes were changed.
local function settle(destination)
  local at = redis.call('ZRANGE', ours .. 'lanes:' .. destination, 0, 0, 'WITHSCORES')[2]
  if at then
    redis.call('ZADD', ours .. 'due', at, destination)
    redis.call('EXPIRE', ours .. 'due', keep)
  else
    redis.call('ZREM', ours .. 'due', destination)
  end
end
local function tell_due() redis.call('PUBLISH', ours .. 'due-now', '1') end
)lua";

/// How deliveries begin and end. Expects, too, the local `tasks` (before the ids of tasks).
inline constexpr std::string_view deliveries_lua = R"lua(
-- Sets the expiry of a task that has ended, with all that is its own.
local function retain(task, seconds)
  local h = redis.call('HMGET', tasks .. task, 'a', 'b', 'o', 'k', 'user_id', 'dp')
  redis.call('EXPIRE', tasks .. task, seconds)
  if h[2] then redis.call('EXPIRE', ours .. 'result:' .. task .. ':' .. (h[1] or '1'), seconds) end
  if h[3] then redis.call('EXPIRE', ours .. 'out:' .. task, seconds) end
  if h[4] then redis.call('EXPIRE', ours .. 'key:' .. #h[5] .. ':' .. h[5] .. ':' .. h[4], seconds) end
  for i = 1, tonumber(h[6] or '0') do
    redis.call('EXPIRE', ours .. 'd:' .. task .. '-' .. i, seconds)
    redis.call('EXPIRE', ours .. 'dc:' .. task .. '-' .. i, seconds)
  end
end
-- A delivery that is over waits again: for what is left of it, or as a whole, as a new round.
local function begin_again(id, whole, now)
  local key = ours .. 'd:' .. id
  redis.call('HSET', key, 'state', 'waiting', 'created', text(now))
  redis.call('HDEL', key, 'ended', 'failures', 'error')
  if not whole then return end
  local sent = tonumber(redis.call('HGET', key, 'sent') or '0')
  if sent > 0 then redis.call('HSET', key, 'round', text(tonumber(redis.call('HGET', key, 'round') or '1') + 1)) end
  for first = 1, sent, 500 do
    local names = {}
    for i = first, math.min(first + 499, sent) do names[#names + 1] = 'm' .. i end
    redis.call('HDEL', key, unpack(names))
  end
  redis.call('HDEL', key, 'sent', 'chunks', 'doubt')
  redis.call('DEL', ours .. 'dc:' .. id)
end
-- One for a redirect {destination, platform, channel, max_chars, on, quiet} of a task that has ended. One that is over
-- begins a new round. Answers whether it was not open before.
local function open(task, i, to, owner, tool, grace, now)
  local id = task .. '-' .. i
  local key = ours .. 'd:' .. id
  local quiet = to[6] or '0'
  local state = redis.call('HGET', key, 'state')
  local fresh = state ~= 'waiting' and state ~= 'sending'
  local due = now
  if quiet == '1' then due = now + grace end
  local n = redis.call('HGET', key, 'n')
  if not state then
    n = text(redis.call('INCR', ours .. 'dn'))
    redis.call('HSET', key, 'n', n, 'state', 'waiting', 'created', text(now), 'owner', owner, 'tool', tool,
      'destination', to[1], 'platform', to[2], 'channel', to[3])
    redis.call('ZADD', ours .. 'deliveries', n, id)
    redis.call('EXPIRE', ours .. 'dn', keep)
    redis.call('EXPIRE', ours .. 'deliveries', keep)
  elseif fresh then
    begin_again(id, true, now)
  end
  redis.call('HSET', key, 'max', to[4], 'on', to[5], 'quiet', quiet)
  if not fresh then return false end
  redis.call('HSET', key, 'due', text(due))
  place(member_of(n, id), to[1], to[3], due, false)
  settle(to[1])
  return true
end
-- Those of a task that has just ended with this status.
local function open_all(task, redirects, status, owner, tool, grace, now)
  local opened, last = 0, 0
  for i, to in ipairs(cjson.decode(redirects)) do
    if to[5] == 'always' or to[5] == status then
      if open(task, i, to, owner, tool, grace, now) then opened = opened + 1 end
      last = i
    end
  end
  if last == 0 then return end
  redis.call('HSET', tasks .. task, 'dl', opened, 'dp', last)
  retain(task, keep)
  tell_due()
end
-- `count` of a task's deliveries are over now.
local function closed(task, count, finished)
  if redis.call('EXISTS', tasks .. task) == 0 then return end  -- somebody removed it
  if redis.call('HINCRBY', tasks .. task, 'dl', -count) <= 0 then retain(task, finished) end
end
)lua";

/// Texts one after the other, as one.
template <const std::string_view&... Parts>
class Joined {
  static constexpr auto made = [] {
    std::array<char, (Parts.size() + ...)> out{};
    std::size_t at = 0;
    const auto add = [&](std::string_view part) {
      for (const char c : part) out.at(at++) = c;
    };
    (add(Parts), ...);
    return out;
  }();

 public:
  static constexpr std::string_view text{made.data(), made.size()};
};

}  // namespace meantime::store::redis
