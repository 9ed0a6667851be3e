-- Asks for another path each time.
math.randomseed(os.time())
function request()
    return wrk.format("GET", "{path}/" .. math.random(1, 1000000))
end
