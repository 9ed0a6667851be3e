-- Prints what wrk has counted as one line of JSON.
function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format(
        'json {"requests":%d,"duration_us":%d,"failed":%d,"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)
    ))
end
