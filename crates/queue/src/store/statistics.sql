-- What waits and runs, by queue, kind and state. Rows: queue, kind, state, how many, and for how many seconds the oldest
-- has been ready. Reads all jobs that have not ended. Locks: AccessShareLock on courant.job.
select j.queue, j.kind, s.state, count(*) as jobs,
    extract(epoch from clock_timestamp() - min(j.ready_at))::float8 as oldest_s
from courant.job j
cross join lateral (
    select case
        when j.lease_until is not null then 'running'
        when j.due is not null and j.attempt > 0 then 'retryable'
        when j.due is not null then 'scheduled'
        else 'available'
    end
) s (state)
group by j.queue, j.kind, s.state
order by 1, 2, 3
