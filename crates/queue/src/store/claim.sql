-- Claims jobs of a queue ($1), at most $2, behind the places where each priority's last claim ended ($3, ten numbers),
-- for $4 seconds, in the name of $5. A priority gains one step on those before it for every $6 seconds that its first
-- job has waited. And those at the places $7 (priorities) and $8 (seqs), wherever claims begin. Rows: the jobs, in no
-- order, each with how many were found; where some were found and none could be had, one row of nulls with that number,
-- which is -1 where the queue is paused. was_lost: the job's last worker never reported.
-- Locks: RowExclusiveLock on courant.job, and the rows claimed; rows that somebody else has locked are passed over. Only
-- rows with the mark of a lock (xmax) are locked before their update, which another record of the log would tell of:
-- who takes such a lock in between is waited for, and lock_timeout must bound that.
with ahead as materialized (
    select c.tid, c.seq, c.is_clean, l.priority - date_part('epoch', clock_timestamp() - c.ready_at) / $6::float8 as rank
    from unnest($3::int8[]) with ordinality as p (place, nth)
    cross join lateral (values ((p.nth - 1)::int2)) as l (priority)
    cross join lateral (
        select j.ctid as tid, j.seq, j.ready_at, j.xmax = '0' and j.lease_until is null as is_clean
        from courant.job j
        where j.queue = $1 and j.priority = l.priority and j.seq > p.place and j.due is null
            and (j.lease_until is null or j.lease_until < clock_timestamp())
        order by j.seq
        limit $2
    ) c
    where not exists (select from courant.queue_paused q where q.queue = $1)
    union all
    select c.tid, c.seq, false, b.priority - date_part('epoch', clock_timestamp() - c.ready_at) / $6::float8
    from unnest($7::int2[], $8::int8[]) as b (priority, seq)
    cross join lateral (
        select j.ctid as tid, j.seq, j.ready_at
        from courant.job j
        where j.queue = $1 and j.priority = b.priority and j.seq = b.seq and j.due is null
            and (j.lease_until is null or j.lease_until < clock_timestamp())
        offset 0
    ) c
    where not exists (select from courant.queue_paused q where q.queue = $1)
    order by 4, 2
    limit $2
), locked as materialized (
    select j.ctid as tid, j.id, j.lease_until is not null as was_lost
    from courant.job j
    where j.ctid = any (array(select a.tid from ahead a where not a.is_clean)) and j.due is null
        and (j.lease_until is null or j.lease_until < clock_timestamp())
    for update skip locked
), claimed as (
    update courant.job j
    set lease_until = clock_timestamp() + make_interval(secs => $4::float8),
        started_at = clock_timestamp(),
        worker = $5,
        attempt = j.attempt + 1,
        errors = case
            when j.lease_until is null then j.errors
            else courant.job_errors(j.errors, j.attempt, 'its worker was lost: the lease ended')
        end
    where j.ctid = any (array(select a.tid from ahead a where a.is_clean union all select l.tid from locked l))
        and j.due is null and (j.lease_until is null or j.lease_until < clock_timestamp())
    returning j.id, j.seq, j.priority, j.kind, j.args::text as args, j.attempt, j.snoozes, j.max_attempts,
        j.serial_key is not null as is_serial, j.cancel_requested,
        j.id = any (array(select l.id from locked l where l.was_lost)) as was_lost,
        date_part('epoch', j.started_at - j.ready_at) as waited_s
)
select n.found, c.id, c.seq, c.priority, c.kind, c.args, c.attempt, c.snoozes, c.max_attempts, c.is_serial,
    c.cancel_requested, c.was_lost, c.waited_s
from (
    select case when exists (select from courant.queue_paused q where q.queue = $1) then -1 else count(*) end as found
    from ahead a
) n
left join claimed c on true
