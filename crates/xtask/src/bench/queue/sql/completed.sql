-- Completes $1 jobs of the last hours that nobody ever enqueued, in batches of 500. Rows: none. Locks: RowExclusiveLock on
-- the table.
insert into courant.job_completed (queue, kind, first_id, last_id, ended_at, jobs)
select 'bench', 'noop', min(-n), max(-n), min(at), array_agg(
    row(-n, 5, '{}', 1, 0, 20, null, null, null, null, null, null, at, at, at)::courant.job_done
)
from generate_series(1, $1::int8) as n
cross join lateral (values (now() - n * interval '1 ms' - interval '1 h')) as t (at)
group by n / 500
