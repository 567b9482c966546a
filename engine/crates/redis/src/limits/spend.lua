-- Counts what an attempt has cost, of those whose budgets are known. KEYS: a hash for each subject. ARGV: day,
-- money, tokens.
for _, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, 'known') == 1 then
    redis.call('HINCRBY', key, 'spent:m:' .. ARGV[1], ARGV[2])
    redis.call('HINCRBY', key, 'spent:t:' .. ARGV[1], ARGV[3])
  end
end
