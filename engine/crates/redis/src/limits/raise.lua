-- What the ledger says of a subject: its days rise to it and never fall. KEYS: its hash. ARGV: for each day: day,
-- money, tokens.
local key = KEYS[1]
redis.call('HSET', key, 'known', 1)
redis.call('EXPIRE', key, 40 * 86400)
for at = 1, #ARGV, 3 do
  for n, what in ipairs({'m', 't'}) do
    local field = 'spent:' .. what .. ':' .. ARGV[at]
    local by_now = tonumber(redis.call('HGET', key, field) or '0')
    if tonumber(ARGV[at + n]) > by_now then
      redis.call('HSET', key, field, ARGV[at + n])
    end
  end
end
-- Days that no period of today needs any more.
local days = {}
for _, field in ipairs(redis.call('HKEYS', key)) do
  local day = string.match(field, '^spent:m:(.+)$')
  if day then days[#days + 1] = day end
end
table.sort(days)
for n = 1, #days - 40 do
  redis.call('HDEL', key, 'spent:m:' .. days[n], 'spent:t:' .. days[n])
end
