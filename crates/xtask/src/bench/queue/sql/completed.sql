-- Completes $1 jobs of the last hours that nobody ever enqueued. Rows: none. Locks: RowExclusiveLock on the table.
insert into courant.job_ended (
    id, queue, kind, priority, args, state, attempt, snoozes, max_attempts, created_at, ready_at, started_at, ended_at
)
select -n, 'bench', 'noop', 5, '{}', 'completed', 1, 0, 20, at, at, at, at
from generate_series(1, $1::int8) as n
cross join lateral (values (now() - n * interval '1 ms' - interval '1 h')) as t (at)
