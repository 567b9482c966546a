-- Counts a try of an account and, where there is one, of an address; or says how many ms one of them waits.
-- KEYS: account, address. ARGV: first and longest wait and time until nothing counts, in ms; free tries of each.
local first, longest, forget = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function left(key)
  local till = tonumber(redis.call('HGET', key, 'until') or '0')
  return math.max(0, till - now)
end
local function count(key, free)
  local wait = left(key)
  if wait > 0 then return wait end
  local tries = redis.call('HINCRBY', key, 'tries', 1)
  local doublings, next_wait = tries - math.max(1, free), 0
  if doublings >= 0 then next_wait = math.min(longest, first * 2 ^ math.min(31, doublings)) end
  redis.call('HSET', key, 'until', string.format('%.0f', now + next_wait), 'last', now)
  redis.call('PEXPIRE', key, math.max(1, forget))
  return 0
end
if KEYS[2] then
  local wait = left(KEYS[2])
  if wait > 0 then return wait end
end
local wait = count(KEYS[1], tonumber(ARGV[4]))
if wait > 0 or not KEYS[2] then return wait end
return count(KEYS[2], tonumber(ARGV[5]))
