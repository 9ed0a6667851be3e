-- Puts runs off: jobs ($1), attempts ($2), and for how many seconds ($3). One row: the ids whose runs had not been given
-- to somebody else. Locks: the rows of the jobs.
select courant.job_snooze($1, $2, $3)
