-- The end of a call. KEYS: a hash for each subject. ARGV: holder, money and tokens it had reserved, tokens it used.
-- Where the holder was taken for dead, nothing is reserved any more, and nothing is given back.
local holder = ARGV[1]
local function give_back(key, what, amount)
  local field = 'reserved:' .. what .. ':' .. holder
  local by_now = tonumber(redis.call('HGET', key, field) or '0')
  if by_now == 0 or amount == '0' then return by_now end
  return redis.call('HINCRBY', key, field, '-' .. amount)
end
for _, key in ipairs(KEYS) do
  give_back(key, 'm', ARGV[2])
  give_back(key, 't', ARGV[3])
  if give_back(key, 'p', '1') <= 0 then
    redis.call('HDEL', key, 'reserved:m:' .. holder, 'reserved:t:' .. holder, 'reserved:p:' .. holder)
  end
  local level = tonumber(redis.call('HGET', key, 'tokens:level'))
  if level then
    local most = tonumber(redis.call('HGET', key, 'tokens:size'))
    level = math.min(most, level - (tonumber(ARGV[4]) - tonumber(ARGV[3])))
    redis.call('HSET', key, 'tokens:level', tostring(level))
  end
end
