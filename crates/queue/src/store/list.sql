-- Jobs, the latest first, at most $1: of a queue ($2), a kind ($3) and in a state ($4), each of any where null. Of those
-- that were completed, the latest to end. Rows: a job each, as JSON. Locks: AccessShareLock on the tables of jobs.
select to_jsonb(j)::text
from (
    (
        select j.* from courant.jobs j
        where ($2::text is null or j.queue = $2) and ($3::text is null or j.kind = $3)
            and ($4::text is null or j.state = $4) and j.state <> 'completed'
        order by j.id desc
        limit $1
    )
    union all
    (
        select c.id, c.queue, c.kind, c.priority, c.args, c.state, c.attempt, c.snoozes, c.max_attempts, c.worker,
            c.unique_key, c.serial_key, c.after, c.tags, c.errors, c.created_at, c.ready_at, c.due, c.started_at,
            c.lease_until, c.ended_at
        from courant.jobs_completed c
        where ($2::text is null or c.queue = $2) and ($3::text is null or c.kind = $3)
            and ($4::text is null or c.state = $4)
        order by c.ended_at desc
        limit $1
    )
) j
order by j.id desc
limit $1
