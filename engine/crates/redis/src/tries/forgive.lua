-- The account starts anew, and the address has one try back. KEYS: account, address. ARGV: free tries of the address.
redis.call('DEL', KEYS[1])
if not KEYS[2] then return end
local tries = tonumber(redis.call('HGET', KEYS[2], 'tries') or '0')
if tries <= 1 then
  redis.call('DEL', KEYS[2])
  return
end
redis.call('HSET', KEYS[2], 'tries', tries - 1)
if tries - 1 < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[2], 'until', redis.call('HGET', KEYS[2], 'last') or '0')
end
