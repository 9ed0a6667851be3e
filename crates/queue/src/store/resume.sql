-- Lets a queue ($1) go on. One row: whether it was paused. Locks: the queue's row.
with resumed as (
    delete from courant.queue_paused q where q.queue = $1 returning 1
)
select exists (select from resumed)
