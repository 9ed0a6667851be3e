-- Asks for another path each time; where a pace is wanted, each connection rests between two requests.
math.randomseed(os.time())
function request()
    return wrk.format("GET", "{path}/" .. math.random(1, 1000000))
end
local rest_ms = {rest_ms}
if rest_ms > 0 then
    function delay()
        return rest_ms
    end
end
