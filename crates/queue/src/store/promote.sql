-- Makes jobs available whose time has come, at most $1. One row: how many, and in how many seconds the next is due
-- (null: none). Locks: the rows of those jobs; rows that somebody else has locked are passed over.
with come as (
    select j.id, j.due from courant.job j
    where j.due <= clock_timestamp()
    order by j.due
    limit $1
    for update skip locked
), promoted as (
    update courant.job j
    set due = null, seq = nextval('courant.job_seq'), ready_at = c.due
    from come c
    where j.id = c.id
    returning j.queue, j.priority, j.seq
), first as (
    select p.queue, p.priority, min(p.seq) as seq from promoted p group by p.queue, p.priority
)
select
    (select count(*) from promoted) as promoted,
    (
        select extract(epoch from j.due - clock_timestamp())::float8 from courant.job j
        where j.due > clock_timestamp() and j.due < 'infinity'
        order by j.due
        limit 1
    ) as next_s,
    (select count(courant.queue_tell(f.queue, f.priority, f.seq)::text) from first f) as told
