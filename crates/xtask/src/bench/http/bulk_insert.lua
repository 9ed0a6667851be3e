-- Inserts a thousand rows each time.
local rows = {}
for number = 1, 1000 do
    rows[number] = string.format('{"title":"Title %d","note":"A note of a few words"}', number)
end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = "[" .. table.concat(rows, ",") .. "]"
