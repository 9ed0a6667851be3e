-- Keeps events of webhooks that are new, each with its job: addresses ($1), events ($2), jobs ($3, as
-- courant.enqueue_many takes them). One row: the places of the new ones in these arrays, from 1. Locks: the names of
-- these events, until the statement ends.
select courant.webhook_accept($1, $2, $3)
