-- Writes rows of one view, each unless the store holds a newer one; answers how many were written.
-- Redis runs a script as one step, so that no other writer comes between the question and the write.
--
-- KEYS: Feast's entity keys, one a row.
-- ARGV: how many seconds a key lives (0: for ever), the fields of the view's time and of our clocks, the number of
-- features, their fields; then for each row both clocks in microseconds, Feast's Timestamp, and the features' values.

-- a serialised Timestamp: field 1 holds seconds, field 2 nanoseconds
local function microseconds(timestamp)
  local parts, at = {0, 0}, 1
  while at <= #timestamp do
    local field, value, scale, byte = bit.rshift(timestamp:byte(at), 3), 0, 1, nil
    repeat
      at = at + 1
      byte = timestamp:byte(at)
      value, scale = value + byte % 128 * scale, scale * 128
    until byte < 128
    parts[field], at = value, at + 1
  end
  return parts[1] * 1000000 + math.floor(parts[2] / 1000)
end

local function is_outdated(key, feature_at, known_at)
  local stored = redis.call('HMGET', key, ARGV[2], ARGV[3])
  if not stored[1] then return false end
  local stored_at = microseconds(stored[1])
  if stored_at ~= feature_at then return stored_at > feature_at end
  local clock, known = (stored[2] or ''):match('^(%d+) (%d+)$')
  return tonumber(clock) == feature_at and tonumber(known) > known_at
end

local lifetime, features, written = tonumber(ARGV[1]), tonumber(ARGV[4]), 0
local hset = {'HSET', '', ARGV[2], '', ARGV[3], ''}
for feature = 1, features do
  hset[5 + 2 * feature], hset[6 + 2 * feature] = ARGV[4 + feature], ''
end
for number, key in ipairs(KEYS) do
  local row = 4 + features + (number - 1) * (features + 3)
  local feature_at, known_at, timestamp = ARGV[row + 1], ARGV[row + 2], ARGV[row + 3]
  if not is_outdated(key, tonumber(feature_at), tonumber(known_at)) then
    hset[2], hset[4], hset[6] = key, timestamp, feature_at .. ' ' .. known_at
    for feature = 1, features do
      hset[6 + 2 * feature] = ARGV[row + 3 + feature]
    end
    redis.call(unpack(hset))
    if lifetime > 0 then redis.call('EXPIRE', key, lifetime) end
    written = written + 1
  end
end
return written
