-- Asks for a random point each time.
math.randomseed(os.time())
function request()
    return wrk.format("GET", "/points?id=eq." .. math.random(1, 100000))
end
