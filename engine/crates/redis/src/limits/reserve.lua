-- Asks all subjects and takes of all or of none. KEYS: the engines, then a hash for each subject.
-- ARGV: holder, its time to live in ms, money, tokens, today; then for each subject requests and tokens in a
-- minute, calls at a time, money and tokens of its budget ('' where it has no such bound), first day of its period.
-- Money and tokens are added by the database, whole; they are compared as floats, exact to 9 million dollars.
local holder, ttl = ARGV[1], tonumber(ARGV[2])
local money, tokens, today = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local NEVER = 86400000
local KEPT_S = 40 * 86400

redis.call('ZADD', KEYS[1], now + ttl, holder)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now)

local living = {}
local function lives(engine)
  if living[engine] == nil then
    living[engine] = redis.call('ZSCORE', KEYS[1], engine) and true or false
  end
  return living[engine]
end

-- The level of a bucket by now. Where its size was changed, what was taken stays taken.
local function level_of(fields, name, most)
  local level, size = tonumber(fields[name .. ':level']), tonumber(fields[name .. ':size'])
  if not level then return most end
  level = math.min(size, level + (now - tonumber(fields[name .. ':at'])) * size / 60000)
  return most - (size - level)
end

-- How long until so much is there; nil where it is. More than it can hold waits for a full one.
local function wait_for(level, most, amount)
  if most <= 0 then return NEVER end
  local missing = math.min(amount, most) - level
  if missing <= 0.000001 then return nil end
  return math.min(NEVER, math.ceil(missing * 60000 / most))
end

local subjects, unknown = {}, {}
for i = 2, #KEYS do
  local at = 6 + (i - 2) * 6
  local bound = {
    key = KEYS[i],
    requests = tonumber(ARGV[at]), tokens = tonumber(ARGV[at + 1]), parallel = tonumber(ARGV[at + 2]),
    most_money = tonumber(ARGV[at + 3]), most_tokens = tonumber(ARGV[at + 4]), first = ARGV[at + 5],
  }
  local all, fields = redis.call('HGETALL', KEYS[i]), {}
  for n = 1, #all, 2 do fields[all[n]] = all[n + 1] end
  if (bound.most_money or bound.most_tokens) and not fields['known'] then
    unknown[#unknown + 1] = i - 1
  end
  bound.fields = fields
  subjects[#subjects + 1] = bound
end
if #unknown > 0 then
  return {'unknown', unknown}
end

for i, bound in ipairs(subjects) do
  local used = {m = 0, t = 0, p = 0}
  for field, value in pairs(bound.fields) do
    local what, engine = string.match(field, '^reserved:([mtp]):(.+)$')
    if what then
      if lives(engine) then
        used[what] = used[what] + tonumber(value)
      else
        redis.call('HDEL', bound.key, field)
      end
    end
    local what, day = string.match(field, '^spent:([mt]):(.+)$')
    if what and day >= bound.first and day <= today then
      used[what] = used[what] + tonumber(value)
    end
  end
  if bound.requests then bound.requests_level = level_of(bound.fields, 'requests', bound.requests) end
  if bound.tokens then bound.tokens_level = level_of(bound.fields, 'tokens', bound.tokens) end
  local function refused(why, one, other)
    return {'refused', i, why, tostring(one), tostring(other),
      tostring(bound.requests_level or ''), tostring(bound.tokens_level or '')}
  end
  if bound.parallel and used.p >= bound.parallel then
    return refused('parallel', '', '')
  end
  if bound.requests then
    local wait = wait_for(bound.requests_level, bound.requests, 1)
    if wait then return refused('requests', wait, '') end
  end
  if bound.tokens then
    local wait = wait_for(bound.tokens_level, bound.tokens, tokens)
    if wait then return refused('tokens', wait, '') end
  end
  -- Nothing left is nothing left, even for a call that costs nothing anybody knows of.
  local function is_used_up(most, by_now, more)
    return most and (by_now >= most or by_now + more > most)
  end
  if is_used_up(bound.most_money, used.m, money) or is_used_up(bound.most_tokens, used.t, tokens) then
    return refused('budget', string.format('%.0f', used.m), string.format('%.0f', used.t))
  end
end

local reply = {'reserved'}
for _, bound in ipairs(subjects) do
  local function take(name, level, most, amount)
    if not most then return '' end
    level = math.min(most, level - amount)
    redis.call('HSET', bound.key, name .. ':level', tostring(level), name .. ':at', now, name .. ':size', most)
    return tostring(level)
  end
  reply[#reply + 1] = take('requests', bound.requests_level, bound.requests, 1)
  reply[#reply + 1] = take('tokens', bound.tokens_level, bound.tokens, tokens)
  redis.call('HINCRBY', bound.key, 'reserved:m:' .. holder, ARGV[3])
  redis.call('HINCRBY', bound.key, 'reserved:t:' .. holder, ARGV[4])
  redis.call('HINCRBY', bound.key, 'reserved:p:' .. holder, 1)
  redis.call('EXPIRE', bound.key, KEPT_S)
end
return reply
