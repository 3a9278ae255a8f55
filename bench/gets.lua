-- wrk: one GET again and again. wrk … -s gets.lua URL -- PATH KEY

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   refused, errors = 0, ""
   local headers = {}
   if args[2] and args[2] ~= "" then headers["Authorization"] = "Bearer " .. args[2] end
   text = wrk.format("GET", args[1], headers)
end

function request()
   return text
end

function response(status, headers, body)
   if status ~= 200 then
      refused = refused + 1
      if #errors < 600 then errors = errors .. status .. " " .. body:sub(1, 200):gsub('["\\%c]', "'") .. "; " end
   end
end

function done(summary, latency, requests)
   local refused, texts, e = 0, "", summary.errors
   for _, thread in ipairs(threads) do
      refused = refused + thread:get("refused")
      texts = texts .. thread:get("errors")
   end
   print(string.format(
      '{"seconds":%.6f,"requests":%d,"refused":%d,"socket_errors":%d,' ..
      '"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":"%s"}',
      summary.duration / 1e6, summary.requests, refused, e.connect + e.read + e.write + e.timeout,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000, texts))
end
