-- SPDX-License-Identifier: MPL-2.0
-- wrk: REGISTER hooks, each about a record of its own.
local function read(name)
  local file = assert(io.open(os.getenv(name)))
  local text = file:read("*a")
  file:close()
  return text
end
local record, token = read("RECORD"), read("TOKEN"):gsub("%s", "")
local event = record:match('"id": "([^"]+)",%s+"type": "birth"')
local action = record:match('"id": "([^"]+)",%s+"transactionId": "[^"]+",%s+"type": "REGISTER"')
local start, n = os.time() * 1000000 + math.random(999999), 0
local headers = { ["content-type"] = "application/json", ["authorization"] = "Bearer " .. token }
local plain = function(text) return (text:gsub("%-", "%%-")) end

request = function()
  n = n + 1
  local fresh = string.format("%020d", start + n)
  local body = record:gsub(plain(event), "event-" .. fresh):gsub(plain(action), "action-" .. fresh)
  return wrk.format("POST", "/trigger/events/birth/actions/REGISTER", headers, body)
end
