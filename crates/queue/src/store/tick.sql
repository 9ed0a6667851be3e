-- Enqueues a job ($3: JSON, as courant.enqueue_many takes it) for a tick ($2, seconds since 1970) of a schedule ($1).
-- One row: false where somebody has already. Locks: the schedule's row, until the statement ends.
select courant.job_tick($1, pg_catalog.to_timestamp($2::float8), $3::text::jsonb)
