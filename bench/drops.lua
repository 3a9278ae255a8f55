-- wrk: drop-offs and pickups, each package dropped off is picked up with the code from its answer.
--
-- wrk … -s drops.lua URL -- WORLD RUN PREFIX
--   WORLD   a Lua file that returns {courier = key, kiosks = {location = {key, …}}, locations = {code, …}}
--   RUN     text that is different in every run: tracking numbers and Idempotency-Keys begin with it
--   PREFIX  of the paths, as /api/v1
-- Its last line is one JSON object.

local threads = {}
local sizes = {"SMALL", "SMALL", "SMALL", "MEDIUM", "MEDIUM", "LARGE"}

function setup(thread)
   thread:set("number", #threads)
   table.insert(threads, thread)
end

function init(args)
   world = dofile(args[1])
   run, prefix = args[2], args[3]
   math.randomseed(os.time() + number * 7919)
   waiting, first, last = {}, 1, 0
   counter, dropoffs, pickups, refused = 0, 0, 0, 0
   errors = ""
   courier_headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. world.courier}
   kiosk_headers, turn = {}, {}
   for location, keys in pairs(world.kiosks) do
      kiosk_headers[location], turn[location] = {}, 0
      for i, key in ipairs(keys) do
         kiosk_headers[location][i] =
            {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key}
      end
   end
end

function request()
   counter = counter + 1
   if first <= last then
      local package = waiting[first]
      waiting[first] = nil
      first = first + 1
      return pickup(package)
   end
   return drop_off()
end

function drop_off()
   local id = string.format("%s-%d-%d", run, number, counter)
   courier_headers["Idempotency-Key"] = id
   local body = string.format(
      '{"location":"%s","tracking_number":"%s","size":"%s","recipient":{"name":"Recipient %d",' ..
      '"email":"r%d@example.com","phone":"+3725551%04d","language":"en"}}',
      world.locations[math.random(#world.locations)], id, sizes[math.random(#sizes)], counter, counter,
      counter % 10000)
   return wrk.format("POST", prefix .. "/lockers/assign", courier_headers, body)
end

function pickup(package)
   -- The kiosks of a location in turn: one screen serves one person at a time.
   local headers = kiosk_headers[package.location]
   turn[package.location] = turn[package.location] % #headers + 1
   local body = string.format('{"code":"%s","nonce":"%s-%d"}', package.code, run, counter)
   return wrk.format("POST", prefix .. "/pickup", headers[turn[package.location]], body)
end

function response(status, headers, body)
   if status == 201 then
      local code = body:match('"pickup_code": ?"(%d+)"')
      local location = body:match('"location": ?"([^"]+)"')
      dropoffs = dropoffs + 1
      last = last + 1
      waiting[last] = {code = code, location = location}
   elseif status == 200 and body:find('"RETRIEVED"', 1, true) then
      pickups = pickups + 1
   else
      refused = refused + 1
      if #errors < 600 then errors = errors .. status .. " " .. body:sub(1, 200):gsub('["\\%c]', "'") .. "; " end
   end
end

function done(summary, latency, requests)
   local dropped, picked, failed, texts = 0, 0, 0, ""
   for _, thread in ipairs(threads) do
      dropped = dropped + thread:get("dropoffs")
      picked = picked + thread:get("pickups")
      failed = failed + thread:get("refused")
      texts = texts .. thread:get("errors")
   end
   local e = summary.errors
   print(string.format(
      '{"seconds":%.6f,"requests":%d,"dropoffs":%d,"pickups":%d,"refused":%d,"socket_errors":%d,' ..
      '"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":"%s"}',
      summary.duration / 1e6, summary.requests, dropped, picked, failed,
      e.connect + e.read + e.write + e.timeout,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000, texts))
end
