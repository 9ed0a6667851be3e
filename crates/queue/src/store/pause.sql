-- Pauses a queue ($1). One row: whether it was not. Locks: the queue's row.
with paused as (
    insert into courant.queue_paused (queue) values ($1) on conflict (queue) do nothing returning 1
)
select exists (select from paused)
