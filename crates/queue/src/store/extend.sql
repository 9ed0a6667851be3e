-- Extends the leases of runs, jobs ($1) and attempts ($2), to $3 seconds from now. Rows: each run that is still its
-- worker's, and whether somebody wants it cancelled. Locks: the rows of the jobs.
update courant.job j
set lease_until = clock_timestamp() + make_interval(secs => $3::float8)
from (
    select b.ctid as tid, r.attempt from unnest($1::int8[], $2::int4[]) as r (id, attempt)
    cross join lateral (select l.ctid from courant.job l where l.id = r.id offset 0) b
) b
where j.ctid = b.tid and j.attempt = b.attempt and j.lease_until is not null
returning j.id, j.attempt, j.cancel_requested
