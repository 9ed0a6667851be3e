-- What can be claimed or runs in a queue ($1) between two places ($2 and $3, ten numbers each), at most $4 of each
-- priority; and among those that stand at places of their own ($5, $6: priorities and seqs). Rows: priority, seq, and
-- whether it can be claimed. Locks: AccessShareLock on courant.job.
select s.priority, s.seq, s.lease_until is null or s.lease_until < clock_timestamp() as is_free
from (
    select c.priority, c.seq, c.lease_until
    from unnest($2::int8[], $3::int8[]) with ordinality as p (place, reached, nth)
    cross join lateral (values ((p.nth - 1)::int2)) as l (priority)
    cross join lateral (
        select j.priority, j.seq, j.lease_until
        from courant.job j
        where j.queue = $1 and j.priority = l.priority and j.seq > p.place and j.seq <= p.reached and j.due is null
        order by j.seq
        limit $4
    ) c
    union all
    select c.priority, c.seq, c.lease_until
    from unnest($5::int2[], $6::int8[]) as b (priority, seq)
    cross join lateral (
        select j.priority, j.seq, j.lease_until
        from courant.job j
        where j.queue = $1 and j.priority = b.priority and j.seq = b.seq and j.due is null
        offset 0
    ) c
) s
