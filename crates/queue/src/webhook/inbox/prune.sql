-- Forgets events that came $1 seconds ago, at most $2. One row: how many. Locks: their rows; those that another has
-- locked are passed over.
with old as (
    select i.path, i.event from courant.webhook_inbox i
    where i.received_at < now() - make_interval(secs => $1::float8)
    order by i.received_at
    limit $2
    for update skip locked
), gone as (
    delete from courant.webhook_inbox i using old o where i.path = o.path and i.event = o.event returning 1
)
select count(*) from gone
